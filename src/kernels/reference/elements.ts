/** Elementwise instructions. */
import type { Matrix } from '../../contract/kernels.js';
import { dense } from './dense.js';

export function fill(out: Matrix, value: number): void {
  dense(out).fill(value);
}

export function copy(out: Matrix, a: Matrix): void {
  dense(out).set(dense(a));
}

export function add(out: Matrix, a: Matrix, b: Matrix): void {
  const o = dense(out);
  const x = dense(a);
  const y = dense(b);
  for (let i = 0; i < o.length; i++) o[i] = x[i]! + y[i]!;
}

export function multiply(out: Matrix, a: Matrix, b: Matrix, accumulate: boolean): void {
  const o = dense(out);
  const x = dense(a);
  const y = dense(b);
  for (let i = 0; i < o.length; i++) o[i] = (accumulate ? o[i]! : 0) + x[i]! * y[i]!;
}

export function combine(out: Matrix, alpha: number, a: Matrix, beta: number, b: Matrix): void {
  const o = dense(out);
  const x = dense(a);
  const y = dense(b);
  for (let i = 0; i < o.length; i++) o[i] = alpha * x[i]! + beta * y[i]!;
}
