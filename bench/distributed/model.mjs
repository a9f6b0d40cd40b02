/**
 * The scaling model of a training step on P ranks, for a batch of B sequences and a gradient of n bytes:
 *
 *   step(P, B) = own(P, B) + exchange(P)
 *   own(P, B)  = fixed + perRow * ceil(B / P) + perBatchRow * B
 *   exchange(P) = 2 (P - 1) latency + 2 n (P - 1) / P / bandwidth + log2(P) latency
 *
 * `own` is what a rank does without communication: the optimizer and the sums of blocks of the gradient (fixed), the passes over its
 * sequences, and the check of the whole batch, which every rank reads. `exchange` is an all-to-all and an all-gather of blocks of the
 * gradient, by pairs and around a ring, and one gather of a few numbers. Times are in milliseconds, bandwidth in bytes per millisecond.
 */

/** The parameters of `own` that fit measured steps `{ ranks, rows, ms }` best, by least squares; none is negative. */
export function fitOwn(steps) {
  const names = ['fixed', 'perRow', 'perBatchRow'];
  const columns = steps.map(({ ranks, rows }) => [1, Math.ceil(rows / ranks), rows]);
  let used = [0, 1, 2];
  for (;;) {
    const solution = leastSquares(
      columns.map((row) => used.map((i) => row[i])),
      steps.map(({ ms }) => ms),
    );
    const kept = used.filter((_, i) => solution[i] >= 0);
    if (kept.length === used.length) {
      return Object.fromEntries(names.map((name, i) => [name, used.includes(i) ? solution[used.indexOf(i)] : 0]));
    }
    used = kept;
  }
}

/** Solves the normal equations by Gaussian elimination with pivots. */
function leastSquares(rows, values) {
  const count = rows[0].length;
  const system = Array.from({ length: count }, (_, i) => [
    ...Array.from({ length: count }, (_, j) => rows.reduce((sum, row) => sum + row[i] * row[j], 0)),
    rows.reduce((sum, row, k) => sum + row[i] * values[k], 0),
  ]);
  for (let i = 0; i < count; i++) {
    const pivot = system.slice(i).reduce((best, row) => (Math.abs(row[i]) > Math.abs(best[i]) ? row : best));
    system.splice(system.indexOf(pivot), 1);
    system.splice(i, 0, pivot);
    system.forEach((row, k) => {
      if (k === i) return;
      const factor = row[i] / pivot[i];
      for (let j = i; j <= count; j++) row[j] -= factor * pivot[j];
    });
  }
  return system.map((row, i) => row[count] / row[i]);
}

/** Milliseconds of the exchange of a gradient of `bytes`. */
export function exchangeMs({ bytes }, { latency, bandwidth }, ranks) {
  if (ranks === 1) return 0;
  const hops = 2 * (ranks - 1) + Math.log2(ranks);
  return hops * latency + (2 * bytes * (ranks - 1)) / ranks / bandwidth;
}

export const ownMs = ({ fixed, perRow, perBatchRow }, ranks, rows) =>
  fixed + perRow * Math.ceil(rows / ranks) + perBatchRow * rows;

export const stepMs = (machine, network, ranks, rows) =>
  ownMs(machine, ranks, rows) + exchangeMs(machine, network, ranks);

/** Rows of the one rank, divided by what each of P ranks gets done in the same time. */
export const efficiency = (machine, network, ranks, rows, rowsOfOne) =>
  (rows / stepMs(machine, network, ranks, rows) / ranks) * (stepMs(machine, network, 1, rowsOfOne) / rowsOfOne);

/** The powers of two up to `limit`. */
export const doublings = (limit) => Array.from({ length: Math.floor(Math.log2(limit)) + 1 }, (_, i) => 2 ** i);

/** The largest number of ranks, a power of two, up to which each doubling makes the step of one batch shorter by `gain` or more. */
export function lastGain(machine, network, rows, gain = 0.1) {
  let last = 1;
  for (const ranks of doublings(rows).slice(1)) {
    if (stepMs(machine, network, ranks, rows) > (1 - gain) * stepMs(machine, network, last, rows)) return last;
    last = ranks;
  }
  return last;
}
