/** Clipping and the parameter updates, each one loop over a whole arena. The rules' formulas stand in src/optim. */
import type { AdamOptions, Matrix, SgdOptions } from '../../contract/kernels.js';
import { dense } from './dense.js';

export function clipNorm(norm: Matrix, a: Matrix, limit: number): void {
  const v = dense(a);
  let squares = 0;
  for (let i = 0; i < v.length; i++) squares += v[i]! * v[i]!;
  const length = Math.sqrt(squares);
  dense(norm)[0] = length;
  const factor = limit / (length + 1e-6); // the 1e-6 is PyTorch's guard against a norm of 0
  if (factor < 1) for (let i = 0; i < v.length; i++) v[i] = v[i]! * factor;
}

export function clipValue(a: Matrix, limit: number): void {
  const v = dense(a);
  for (let i = 0; i < v.length; i++) v[i] = Math.min(limit, Math.max(-limit, v[i]!));
}

export function sgdUpdate(w: Matrix, g: Matrix, velocity: Matrix | null, options: SgdOptions): void {
  const { learningRate, momentum, dampening, nesterov, weightDecay, first } = options;
  const p = dense(w);
  const grad = dense(g);
  const u = velocity ? dense(velocity) : null;
  for (let i = 0; i < p.length; i++) {
    let d = grad[i]! + weightDecay * p[i]!;
    if (u) {
      const next = first ? d : momentum * u[i]! + (1 - dampening) * d;
      u[i] = next;
      d = nesterov ? d + momentum * next : next;
    }
    p[i] = p[i]! - learningRate * d;
  }
}

export function adamUpdate(w: Matrix, g: Matrix, m: Matrix, v: Matrix, options: AdamOptions): void {
  const { learningRate, beta1, beta2, eps, weightDecay, decoupled, update } = options;
  const p = dense(w);
  const grad = dense(g);
  const mean = dense(m);
  const square = dense(v);
  const correct1 = 1 - beta1 ** update;
  const correct2 = Math.sqrt(1 - beta2 ** update);
  const shrink = decoupled ? 1 - learningRate * weightDecay : 1;
  const l2 = decoupled ? 0 : weightDecay;
  const size = learningRate / correct1;
  for (let i = 0; i < p.length; i++) {
    const d = grad[i]! + l2 * p[i]!;
    const mi = beta1 * mean[i]! + (1 - beta1) * d;
    const vi = beta2 * square[i]! + (1 - beta2) * d * d;
    mean[i] = mi;
    square[i] = vi;
    p[i] = shrink * p[i]! - (size * mi) / (Math.sqrt(vi) / correct2 + eps);
  }
}

export function mixProduct(out: Matrix, decay: number, scale: number, a: Matrix, b: Matrix): void {
  const [o, x, y] = [dense(out), dense(a), dense(b)];
  for (let i = 0; i < o.length; i++) o[i] = decay * o[i]! + scale * x[i]! * y[i]!;
}

export function root(out: Matrix, a: Matrix, inside: number, outside: number): void {
  const [o, x] = [dense(out), dense(a)];
  for (let i = 0; i < o.length; i++) o[i] = Math.sqrt(x[i]! + inside) + outside;
}

export function addQuotient(out: Matrix, scale: number, a: Matrix, b: Matrix): void {
  const [o, x, y] = [dense(out), dense(a), dense(b)];
  for (let i = 0; i < o.length; i++) o[i] = o[i]! + (scale * x[i]!) / y[i]!;
}

export function maximum(out: Matrix, a: Matrix, b: Matrix): void {
  const [o, x, y] = [dense(out), dense(a), dense(b)];
  for (let i = 0; i < o.length; i++) o[i] = Math.max(x[i]!, y[i]!);
}

export function sign(out: Matrix, a: Matrix): void {
  const [o, x] = [dense(out), dense(a)];
  for (let i = 0; i < o.length; i++) o[i] = Math.sign(x[i]!);
}

export function scaleByRatio(a: Matrix, above: Matrix, below: Matrix): void {
  const [v, numerator, denominator] = [dense(a), dense(above)[0]!, dense(below)[0]!];
  if (numerator === 0 || denominator === 0) return;
  for (let i = 0; i < v.length; i++) v[i] = (v[i]! * numerator) / denominator;
}
