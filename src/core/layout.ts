/** Reorders arrays from [N, T, ...] to [T, N, ...], the order that the engine uses. */

/** [N, T, width] as [T, N, width]; the width is what is left of the count. */
export function toTimeMajor(values: ArrayLike<number>, steps: number, batchSize: number): ArrayLike<number> {
  const width = values.length / steps / batchSize;
  if (!Number.isInteger(width)) return values; // a wrong count: `forward` reports it
  const out = values instanceof Int32Array ? new Int32Array(values.length) : new Float64Array(values.length);
  for (let n = 0; n < batchSize; n++) {
    for (let t = 0; t < steps; t++) {
      for (let c = 0; c < width; c++) out[(t * batchSize + n) * width + c] = values[(n * steps + t) * width + c]!;
    }
  }
  return out;
}

/** The targets: with one step left, they are one a sequence either way. */
export const outputToTimeMajor = (values: ArrayLike<number>, steps: number, batchSize: number): ArrayLike<number> =>
  steps === 1 ? values : toTimeMajor(values, steps, batchSize);
