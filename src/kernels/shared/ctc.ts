/**
 * Connectionist temporal classification (Graves et al. 2006), over logits of T steps: the probability of all paths that
 * read as the labels once repeats are merged and blanks left out. One sequence at a time, in double precision, in logarithms.
 *
 * With the extended labels l' = blank l1 blank l2 ... blank (U = 2S + 1 of them) and y = softmax of the logits:
 *   (L8) a_t(u) = y_t(l'_u) (a_{t-1}(u) + a_{t-1}(u-1) [+ a_{t-1}(u-2) where l'_u is a label unlike l'_{u-2}])
 *        b_t(u) = the same from the end: what the steps after t may still read, y_t itself not counted
 *        loss = -log P, P = a_T(U) + a_T(U-1) = sum_u a_t(u) b_t(u) at every t
 *   (L8') dP/dy_t(k) = sum over u with l'_u = k of a_t(u) b_t(u) / y_t(k), and through the softmax
 *        dz_t(k) = y_t(k) - sum over u with l'_u = k of a_t(u) b_t(u) / P
 */
import type { CtcTargets } from '../../contract/kernels.js';

type Numbers = { [i: number]: number; readonly length: number };

const NEVER = Number.NEGATIVE_INFINITY;

/** log(e^a + e^b) */
function logAdd(a: number, b: number): number {
  if (a === NEVER) return b;
  if (b === NEVER) return a;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/** Log-softmax of the logits of one sequence, [T, C]. */
function logSoftmax(z: Numbers, at: (t: number) => number, T: number, C: number): Float64Array {
  const out = new Float64Array(T * C);
  for (let t = 0; t < T; t++) {
    let max = NEVER;
    for (let k = 0; k < C; k++) max = Math.max(max, z[at(t) + k]!);
    let sum = 0;
    for (let k = 0; k < C; k++) sum += Math.exp(z[at(t) + k]! - max);
    for (let k = 0; k < C; k++) out[t * C + k] = z[at(t) + k]! - max - Math.log(sum);
  }
  return out;
}

/** blank l1 blank l2 ... blank, up to the first -1. */
function extended(labels: Int32Array, blank: number): number[] {
  const out = [blank];
  for (const label of labels) {
    if (label < 0) break;
    out.push(label, blank);
  }
  return out;
}

/** Whether position u may be reached from u - 2: not over a blank, nor from a label to the same one. */
const skips = (path: readonly number[], u: number, blank: number): boolean =>
  u >= 2 && path[u] !== blank && path[u] !== path[u - 2];

/** a_t(u) in logarithms, [T, U]. */
function forwards(logY: Float64Array, path: readonly number[], T: number, C: number, blank: number): Float64Array {
  const U = path.length;
  const a = new Float64Array(T * U).fill(NEVER);
  a[0] = logY[path[0]!]!;
  if (U > 1) a[1] = logY[path[1]!]!;
  for (let t = 1; t < T; t++) {
    for (let u = 0; u < U; u++) {
      let sum = a[(t - 1) * U + u]!;
      if (u > 0) sum = logAdd(sum, a[(t - 1) * U + u - 1]!);
      if (skips(path, u, blank)) sum = logAdd(sum, a[(t - 1) * U + u - 2]!);
      a[t * U + u] = sum + logY[t * C + path[u]!]!;
    }
  }
  return a;
}

/** b_t(u) in logarithms, [T, U]. */
function backwards(logY: Float64Array, path: readonly number[], T: number, C: number, blank: number): Float64Array {
  const U = path.length;
  const b = new Float64Array(T * U).fill(NEVER);
  b[T * U - 1] = 0;
  if (U > 1) b[T * U - 2] = 0;
  const next = (t: number, u: number): number => b[(t + 1) * U + u]! + logY[(t + 1) * C + path[u]!]!;
  for (let t = T - 2; t >= 0; t--) {
    for (let u = 0; u < U; u++) {
      let sum = next(t, u);
      if (u + 1 < U) sum = logAdd(sum, next(t, u + 1));
      if (u + 2 < U && skips(path, u + 2, blank)) sum = logAdd(sum, next(t, u + 2));
      b[t * U + u] = sum;
    }
  }
  return b;
}

/** Writes the gradient by the logits (T*N, C) and returns the loss. */
export function ctcLoss(dz: Numbers, z: Numbers, C: number, targets: CtcTargets): number {
  const { steps, batchSize, labels, lengths, blank, reduction, zeroInfinity } = targets;
  const S = labels.length / batchSize;
  let total = 0;
  for (let i = 0; i < steps * batchSize * C; i++) dz[i] = 0;
  for (let n = 0; n < batchSize; n++) {
    const T = lengths[n]!;
    const at = (t: number): number => (t * batchSize + n) * C;
    const path = extended(labels.subarray(n * S, (n + 1) * S), blank);
    const U = path.length;
    const logY = logSoftmax(z, at, T, C);
    const a = forwards(logY, path, T, C, blank);
    const logP = U > 1 ? logAdd(a[T * U - 1]!, a[T * U - 2]!) : a[T * U - 1]!;
    if (logP === NEVER && zeroInfinity) continue;
    const labelCount = (U - 1) / 2;
    const scale = reduction === 'sum' ? 1 : 1 / (batchSize * Math.max(1, labelCount));
    total -= scale * logP;
    const b = backwards(logY, path, T, C, blank);
    for (let t = 0; t < T; t++) {
      for (let k = 0; k < C; k++) dz[at(t) + k] = scale * Math.exp(logY[t * C + k]!);
      for (let u = 0; u < U; u++) {
        const k = at(t) + path[u]!;
        dz[k] = dz[k]! - scale * Math.exp(a[t * U + u]! + b[t * U + u]! - logP);
      }
    }
  }
  return total;
}
