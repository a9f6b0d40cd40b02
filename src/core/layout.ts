/** From sequence by sequence to time-major, which is how everything inside stands. */

/** [N, T, width] as [T, N, width]; the width is what is left of the count. */
export function toTimeMajor(values: ArrayLike<number>, steps: number, batchSize: number): ArrayLike<number> {
  const width = values.length / steps / batchSize;
  if (!Number.isInteger(width)) return values; // a wrong count, which the check behind this names
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
