/** Medians and quartiles of timings: noise on a shared machine has one long tail. */

/** The quantile `p` (0 to 1) of the values, interpolated linearly (type 7 of Hyndman & Fan 1996). */
export function quantile(values, p) {
  if (values.length === 0) throw new Error('The quantile of an empty list is undefined.');
  const sorted = [...values].sort((a, b) => a - b);
  const at = p * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

export const median = (values) => quantile(values, 0.5);

/** Median and quartiles: half of the values lie between `low` and `high`. */
export const summary = (values) => ({
  median: median(values),
  low: quantile(values, 0.25),
  high: quantile(values, 0.75),
});

/**
 * The summary of a[k] / b[k] over the rounds that both took part in, so that a slow minute of the machine affects both sides of each
 * ratio. Null if they share no round.
 * @param {(number | undefined)[]} a timings by round, undefined for a round that was skipped
 * @param {(number | undefined)[]} b
 */
export function pairedRatio(a, b) {
  const ratios = a.flatMap((value, round) => (value && b[round] ? [value / b[round]] : []));
  return ratios.length > 0 ? summary(ratios) : null;
}
