/** Predictions of one or more models for windows, in the units of the model. */
import type { Model } from '../core/model.js';
import type { WindowSizes } from '../data/series/encoded-windows.js';
import { encodeWindows, type Window } from '../data/series/windows.js';

/** Windows in one pass. */
const MAX_BATCH = 64;

/** The quantiles that the models predict for each window, [horizon, quantiles] each: the mean over the models. */
export async function predictWindows(
  models: readonly Model[],
  windows: readonly Window[],
  sizes: WindowSizes,
  horizon: number,
): Promise<Float64Array[]> {
  const results: Float64Array[] = [];
  for (let from = 0; from < windows.length; from += MAX_BATCH) {
    const part = windows.slice(from, from + MAX_BATCH);
    const { inputs } = encodeWindows(part, sizes);
    const sums = part.map(() => new Float64Array(horizon * models[0]!.outputSize));
    for (const model of models) {
      const { output } = await model.predict(inputs, { batchSize: part.length });
      addTo(sums, output.data, sizes.steps - horizon, model.outputSize);
    }
    for (const sum of sums) results.push(sum.map((value) => value / models.length));
  }
  return results;
}

/** Adds an output [T, N, Q], from step `first`, to one list of each window. */
function addTo(sums: readonly Float64Array[], output: ArrayLike<number>, first: number, width: number): void {
  sums.forEach((sum, n) => {
    for (let i = 0; i < sum.length; i++) {
      const [h, q] = [Math.floor(i / width), i % width];
      sum[i]! += output[((first + h) * sums.length + n) * width + q]!;
    }
  });
}
