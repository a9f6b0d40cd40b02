/** Clipping and parameter updates, each a loop over an arena. src/optim has the formulas of the other optimizers. */
import {
  type AdamOptions,
  adamScalars,
  CLIP_EPSILON,
  type FloatArray,
  type Matrix,
  type SgdOptions,
} from '../../contract/kernels.js';
import { dense } from './dense.js';

function euclidean(v: FloatArray): number {
  let squares = 0;
  for (let i = 0; i < v.length; i++) squares += v[i]! * v[i]!;
  return Math.sqrt(squares);
}

export function norm(out: Matrix, a: Matrix): void {
  dense(out)[0] = euclidean(dense(a));
}

export function clipNorm(out: Matrix, a: Matrix, limit: number): void {
  const v = dense(a);
  const length = euclidean(v);
  dense(out)[0] = length;
  const factor = limit / (length + CLIP_EPSILON);
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
  const { beta1, beta2, eps } = options;
  const { stepSize, root, shrink, l2 } = adamScalars(options);
  const p = dense(w);
  const grad = dense(g);
  const mean = dense(m);
  const square = dense(v);
  for (let i = 0; i < p.length; i++) {
    const d = grad[i]! + l2 * p[i]!;
    const mi = beta1 * mean[i]! + (1 - beta1) * d;
    const vi = beta2 * square[i]! + (1 - beta2) * d * d;
    mean[i] = mi;
    square[i] = vi;
    p[i] = shrink * p[i]! - (stepSize * mi) / (Math.sqrt(vi) / root + eps);
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

export function scaleByRatio(a: Matrix, numerator: Matrix, denominator: Matrix): void {
  const [v, above, below] = [dense(a), dense(numerator)[0]!, dense(denominator)[0]!];
  if (above === 0 || below === 0) return;
  for (let i = 0; i < v.length; i++) v[i] = (v[i]! * above) / below;
}
