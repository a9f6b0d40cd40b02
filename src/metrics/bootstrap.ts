/** Confidence intervals of a metric by resampling (Efron 1979, percentile method). */

/** How `bootstrapIntervals` resamples. */
export interface BootstrapOptions {
  /** Resamples. */
  readonly repeats: number;
  /** The share of the resamples that an interval covers, such as 0.95. */
  readonly level: number;
  /** Uniform random numbers in [0, 1). */
  uniform(): number;
}

/**
 * The interval of each of several metrics. `metricsOf` computes them from the indexes of resampled units, `count` of them, drawn with
 * replacement. Metrics that are NaN in a resample do not count in it.
 */
export function bootstrapIntervals(
  count: number,
  metricsOf: (units: Int32Array) => readonly number[],
  { repeats, level, uniform }: BootstrapOptions,
): (readonly [low: number, high: number])[] {
  const units = new Int32Array(count);
  const all = Array.from({ length: repeats }, () => {
    for (let i = 0; i < count; i++) units[i] = Math.floor(uniform() * count);
    return metricsOf(units);
  });
  return all[0]!.map((_, m) => {
    const sorted = Float64Array.from(all.map((metrics) => metrics[m]!).filter((value) => !Number.isNaN(value))).sort();
    const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? Number.NaN;
    return [at((1 - level) / 2), at((1 + level) / 2)] as const;
  });
}
