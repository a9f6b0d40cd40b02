/** Class probabilities of one or more models for sequences. */
import type { Model } from '../core/model.js';
import type { SequencePipeline } from '../data/sequences/pipeline.js';
import { batchOf, type EncodedSample } from '../data/sequences/source.js';

/** Samples in one pass, and their time steps with padding, at most; a longer sample is alone. */
const MAX_SAMPLES = 256;
const MAX_STEPS = 1 << 15;

/** Numbers of samples that share a pass, by increasing length. */
function passesOf(samples: readonly EncodedSample[]): number[][] {
  const order = samples.map((_, i) => i).sort((a, b) => samples[a]!.sample.steps - samples[b]!.sample.steps);
  const passes: number[][] = [];
  for (const i of order) {
    const pass = passes.at(-1);
    const isFull = !pass || pass.length === MAX_SAMPLES || (pass.length + 1) * samples[i]!.sample.steps > MAX_STEPS;
    if (isFull) passes.push([i]);
    else pass.push(i);
  }
  return passes;
}

/** Adds softmax(logits) of a row to `sum`. */
function addSoftmax(sum: Float64Array, at: number, logits: ArrayLike<number>, from: number, classes: number): void {
  let [max, total] = [Number.NEGATIVE_INFINITY, 0];
  for (let k = 0; k < classes; k++) max = Math.max(max, logits[from + k]!);
  for (let k = 0; k < classes; k++) total += Math.exp(logits[from + k]! - max);
  for (let k = 0; k < classes; k++) sum[at + k]! += Math.exp(logits[from + k]! - max) / total;
}

/** The probabilities of each sample, [classes], or [steps, classes] for tags: the mean over the models. */
export async function predictSequences(
  models: readonly Model[],
  samples: readonly EncodedSample[],
  { rules, classes }: SequencePipeline,
): Promise<Float64Array[]> {
  const C = classes.length;
  const results = samples.map(({ sample }) => new Float64Array((rules.perStep ? sample.steps : 1) * C));
  for (const pass of passesOf(samples)) {
    const N = pass.length;
    const { inputs, lengths, batchSize } = batchOf(
      pass.map((i) => samples[i]!),
      rules,
    );
    for (const model of models) {
      const { output } = await model.predict(inputs, { batchSize, lengths: lengths! });
      pass.forEach((i, n) => {
        const result = results[i]!;
        for (let t = 0; t * C < result.length; t++) addSoftmax(result, t * C, output.data, (t * N + n) * C, C);
      });
    }
  }
  return results.map((sums) => sums.map((sum) => sum / models.length));
}
