/**
 * Conformalized quantile regression: widens or narrows each interval by what was missing on the validation part. Y. Romano,
 * E. Patterson and E. Candès, "Conformalized quantile regression", NeurIPS 2019.
 */

/** Corrections in the units of the model: for each pair of quantiles q and 1 - q, one number per row of the horizon. */
export type Calibration = readonly (readonly number[])[];

/** The pairs of indexes of quantiles q < 0.5 and 1 - q. */
export function quantilePairs(quantiles: readonly number[]): (readonly [low: number, high: number])[] {
  return quantiles.flatMap((q, low) => {
    const high = quantiles.findIndex((other) => Math.abs(other - (1 - q)) < 1e-9);
    return q < 0.5 && high >= 0 ? [[low, high] as const] : [];
  });
}

/** Predictions of one window [horizon, quantiles] in the units of the model, and its targets; NaN where one is missing. */
export interface ScoredWindow {
  readonly values: Float64Array;
  readonly targets: ArrayLike<number>;
}

/** The k-th smallest number, where k / (n + 1) is at least the share; the largest if there are too few numbers. */
function conformalQuantile(scores: number[], share: number): number {
  scores.sort((a, b) => a - b);
  const k = Math.min(scores.length, Math.ceil((scores.length + 1) * share));
  return scores[k - 1] ?? 0;
}

/** The corrections that make each interval cover its share of the windows, for each row of the horizon. */
export function calibrate(
  windows: readonly ScoredWindow[],
  quantiles: readonly number[],
  horizon: number,
): Calibration {
  const Q = quantiles.length;
  return quantilePairs(quantiles).map(([low, high]) => {
    const share = quantiles[high]! - quantiles[low]!;
    return Array.from({ length: horizon }, (_, h) => {
      const scores = windows.flatMap(({ values, targets }) => {
        const target = targets[h]!;
        if (Number.isNaN(target)) return [];
        return [Math.max(values[h * Q + low]! - target, target - values[h * Q + high]!)];
      });
      return conformalQuantile(scores, share);
    });
  });
}

/** The predictions of a window with the corrections, sorted so that no quantile is below a smaller one. */
export function corrected(
  values: Float64Array,
  quantiles: readonly number[],
  calibration: Calibration | null,
): Float64Array {
  const Q = quantiles.length;
  const result = values.slice();
  quantilePairs(quantiles).forEach(([low, high], pair) => {
    for (let h = 0; h * Q < values.length; h++) {
      const correction = calibration?.[pair]?.[h] ?? 0;
      result[h * Q + low]! -= correction;
      result[h * Q + high]! += correction;
    }
  });
  for (let from = 0; from < result.length; from += Q) result.subarray(from, from + Q).sort();
  return result;
}
