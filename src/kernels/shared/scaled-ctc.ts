/**
 * CTC with probabilities instead of logarithms, as hidden Markov models are computed (Rabiner 1989). ctc.ts has the equations.
 *
 * a_t is divided by its sum s_t and b_t by its largest value, so both stay within the range of a double:
 *   P = s_1 ... s_T, because a_T counts only the positions in which a path may end
 *   a_t(u) b_t(u) / P is computed as the quotient of a_t(u) b_t(u) and its sum over u, which is the same for any scale
 * At time t, a path can have reached positions up to 2t + 1, and must have reached U - 2 (T - t); only those are computed.
 *
 * A probability that is too small for a double counts as 0. That does not matter if the sum over u is far above the smallest double:
 * what is lost is then a negligible part of it. Otherwise the sequence is solved with logarithms.
 */
import { type CtcSequence, type CtcSolution, canSkip, solveInLogs } from './ctc.js';

const LEAST_SUM = 1e-250;

/** Softmax of the logits, [T, C]. */
function softmax({ z, at, T, C }: CtcSequence): Float64Array {
  const y = new Float64Array(T * C);
  for (let t = 0; t < T; t++) {
    const from = at(t);
    const row = t * C;
    let max = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < C; k++) max = Math.max(max, z[from + k]!); // NaN stays NaN
    let sum = 0;
    for (let k = 0; k < C; k++) {
      const e = Math.exp(z[from + k]! - max);
      y[row + k] = e;
      sum += e;
    }
    const scale = 1 / sum;
    for (let k = 0; k < C; k++) y[row + k]! *= scale;
  }
  return y;
}

/** Writes a_t(u) / (s_1 ... s_t) into `a`, [T, U], and returns log P. */
function forward(a: Float64Array, y: Float64Array, skips: Uint8Array, { path, T, C }: CtcSequence): number {
  const U = path.length;
  let logP = 0;
  let scale = 1;
  for (let t = 0; t < T; t++) {
    const row = t * U;
    const before = row - U;
    const last = Math.min(U - 1, 2 * t + 1);
    let sum = 0;
    for (let u = Math.max(0, U - 2 * (T - t)); u <= last; u++) {
      let reached = t === 0 ? 1 : a[before + u]!;
      if (t > 0 && u > 0) reached += a[before + u - 1]!;
      if (t > 0 && skips[u]) reached += a[before + u - 2]!;
      const value = scale * reached * y[t * C + path[u]!]!;
      a[row + u] = value;
      sum += value;
    }
    logP += Math.log(sum);
    scale = 1 / sum;
  }
  return logP;
}

/** Replaces a_t(u) by a_t(u) b_t(u) / P. Returns false if probabilities are too small. */
function combine(a: Float64Array, y: Float64Array, skips: Uint8Array, { path, T, C }: CtcSequence): boolean {
  const U = path.length;
  const b = new Float64Array(U + 2); // two positions after the last one, which no path reaches
  const next = new Float64Array(U + 2);
  for (let t = T - 1; t >= 0; t--) {
    const row = t * U;
    const [first, last] = [Math.max(0, U - 2 * (T - t)), Math.min(U - 1, 2 * t + 1)];
    if (t === T - 1) b.fill(1, first, U);
    else {
      for (let u = 0; u < U; u++) next[u] = b[u]! * y[(t + 1) * C + path[u]!]!;
      let max = 0;
      for (let u = 0; u < U; u++) {
        const value = next[u]! + next[u + 1]! + (skips[u + 2] ? next[u + 2]! : 0);
        b[u] = value;
        if (value > max) max = value;
      }
      const scale = 1 / max;
      for (let u = 0; u < U; u++) b[u]! *= scale;
    }
    let sum = 0;
    for (let u = first; u <= last; u++) {
      a[row + u]! *= b[u]!;
      sum += a[row + u]!;
    }
    if (!(sum > LEAST_SUM)) return false;
    const scale = 1 / sum;
    for (let u = first; u <= last; u++) a[row + u]! *= scale;
  }
  return true;
}

/** As `solveInLogs`, several times as fast. */
export function solveScaled(sequence: CtcSequence): CtcSolution {
  const { path, T, blank } = sequence;
  const y = softmax(sequence);
  const skips = Uint8Array.from({ length: path.length + 2 }, (_, u) => (canSkip(path, u, blank) ? 1 : 0));
  skips.fill(0, path.length);
  const a = new Float64Array(T * path.length);
  const logP = forward(a, y, skips, sequence);
  return combine(a, y, skips, sequence) ? { logP, y, occupancy: () => a } : solveInLogs(sequence);
}
