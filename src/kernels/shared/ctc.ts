/**
 * Connectionist temporal classification (Graves et al. 2006) over logits of T steps: the probability of all paths that equal
 * the labels after repeats are merged and blanks removed. Computed per sequence, in double precision.
 *
 * With the U = 2S + 1 extended labels l' = blank l1 blank l2 ... blank and y = softmax of the logits:
 *   (L8) a_t(u) = y_t(l'_u) (a_{t-1}(u) + a_{t-1}(u-1) [+ a_{t-1}(u-2) if l'_u is a label other than l'_{u-2}])
 *        b_t(u) = the same from the end, for the steps after t; y_t is not included
 *        loss = -log P, P = a_T(U) + a_T(U-1) = sum_u a_t(u) b_t(u) at every t
 *   (L8') dP/dy_t(k) = sum over u with l'_u = k of a_t(u) b_t(u) / y_t(k), and through the softmax
 *        dz_t(k) = y_t(k) - sum over u with l'_u = k of a_t(u) b_t(u) / P
 *
 * `solveInLogs` computes log a and log b, so that no product is too small for a double. scaled-ctc.ts is faster.
 */
import type { CtcTargets } from '../../contract/kernels.js';

type Numbers = { [i: number]: number; readonly length: number };

/** One sequence: its logits z are at at(t) + k, for T steps and C classes, and `path` has the U extended labels. */
export interface CtcSequence {
  readonly z: Numbers;
  readonly at: (t: number) => number;
  readonly T: number;
  readonly C: number;
  readonly path: readonly number[];
  readonly blank: number;
}

/** log P, y [T, C], and a_t(u) b_t(u) / P [T, U] of a sequence. */
export interface CtcSolution {
  readonly logP: number;
  readonly y: Float64Array;
  readonly occupancy: () => Float64Array;
}

const LOG_ZERO = Number.NEGATIVE_INFINITY;

/** log(e^a + e^b) */
function logAdd(a: number, b: number): number {
  if (a === LOG_ZERO) return b;
  if (b === LOG_ZERO) return a;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/** Log-softmax of the logits of one sequence, [T, C]. */
function logSoftmax(z: Numbers, at: (t: number) => number, T: number, C: number): Float64Array {
  const out = new Float64Array(T * C);
  for (let t = 0; t < T; t++) {
    let max = LOG_ZERO;
    for (let k = 0; k < C; k++) max = Math.max(max, z[at(t) + k]!);
    let sum = 0;
    for (let k = 0; k < C; k++) sum += Math.exp(z[at(t) + k]! - max);
    for (let k = 0; k < C; k++) out[t * C + k] = z[at(t) + k]! - max - Math.log(sum);
  }
  return out;
}

/** The labels up to the first -1, with blanks around each: blank l1 blank l2 ... blank. */
function extendedLabels(labels: Int32Array, blank: number): number[] {
  const out = [blank];
  for (const label of labels) {
    if (label < 0) break;
    out.push(label, blank);
  }
  return out;
}

/** Whether a path can skip from position u - 2 to u: only to a label that differs from the previous label. */
export const canSkip = (path: readonly number[], u: number, blank: number): boolean =>
  u >= 2 && path[u] !== blank && path[u] !== path[u - 2];

/** log a_t(u), [T, U]. */
function forwardLogs(logY: Float64Array, path: readonly number[], T: number, C: number, blank: number): Float64Array {
  const U = path.length;
  const a = new Float64Array(T * U).fill(LOG_ZERO);
  a[0] = logY[path[0]!]!;
  if (U > 1) a[1] = logY[path[1]!]!;
  for (let t = 1; t < T; t++) {
    for (let u = 0; u < U; u++) {
      let sum = a[(t - 1) * U + u]!;
      if (u > 0) sum = logAdd(sum, a[(t - 1) * U + u - 1]!);
      if (canSkip(path, u, blank)) sum = logAdd(sum, a[(t - 1) * U + u - 2]!);
      a[t * U + u] = sum + logY[t * C + path[u]!]!;
    }
  }
  return a;
}

/** log b_t(u), [T, U]. */
function backwardLogs(logY: Float64Array, path: readonly number[], T: number, C: number, blank: number): Float64Array {
  const U = path.length;
  const b = new Float64Array(T * U).fill(LOG_ZERO);
  b[T * U - 1] = 0;
  if (U > 1) b[T * U - 2] = 0;
  const next = (t: number, u: number): number => b[(t + 1) * U + u]! + logY[(t + 1) * C + path[u]!]!;
  for (let t = T - 2; t >= 0; t--) {
    for (let u = 0; u < U; u++) {
      let sum = next(t, u);
      if (u + 1 < U) sum = logAdd(sum, next(t, u + 1));
      if (u + 2 < U && canSkip(path, u + 2, blank)) sum = logAdd(sum, next(t, u + 2));
      b[t * U + u] = sum;
    }
  }
  return b;
}

/** Computes with log probabilities. */
export function solveInLogs({ z, at, T, C, path, blank }: CtcSequence): CtcSolution {
  const U = path.length;
  const logY = logSoftmax(z, at, T, C);
  const a = forwardLogs(logY, path, T, C, blank);
  const logP = U > 1 ? logAdd(a[T * U - 1]!, a[T * U - 2]!) : a[T * U - 1]!;
  const occupancy = (): Float64Array => {
    const b = backwardLogs(logY, path, T, C, blank);
    return a.map((value, i) => Math.exp(value + b[i]! - logP));
  };
  return { logP, y: logY.map(Math.exp), occupancy };
}

/** Writes dL/d(logits), (T*N, C), into `dz` and returns the loss. */
export function ctcLoss(
  dz: Numbers,
  z: Numbers,
  C: number,
  targets: CtcTargets,
  solve: (sequence: CtcSequence) => CtcSolution = solveInLogs,
): number {
  const { steps, batchSize, labels, lengths, blank, reduction, zeroInfinity } = targets;
  const S = labels.length / batchSize;
  let total = 0;
  for (let i = 0; i < steps * batchSize * C; i++) dz[i] = 0;
  for (let n = 0; n < batchSize; n++) {
    const T = lengths[n]!;
    const at = (t: number): number => (t * batchSize + n) * C;
    const path = extendedLabels(labels.subarray(n * S, (n + 1) * S), blank);
    const U = path.length;
    const { logP, y, occupancy } = solve({ z, at, T, C, path, blank });
    if (logP === LOG_ZERO && zeroInfinity) continue;
    const labelCount = (U - 1) / 2;
    const scale = reduction === 'sum' ? 1 : 1 / (batchSize * Math.max(1, labelCount));
    total -= scale * logP;
    const occupied = occupancy();
    for (let t = 0; t < T; t++) {
      const row = at(t);
      for (let k = 0; k < C; k++) dz[row + k] = scale * y[t * C + k]!;
      for (let u = 0; u < U; u++) {
        const k = row + path[u]!;
        dz[k] = dz[k]! - scale * occupied[t * U + u]!;
      }
    }
  }
  return total;
}
