/** A small text, a model over it, and what a training of it tells. */
import type { FloatArray } from '../../src/contract/kernels.js';
import { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { TextStreams, textStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import type { Training, TrainingEvent } from '../../src/train/trainer.js';

const TEXT = 'it was the best of times, it was the worst of times, it was the age of wisdom. '.repeat(3);
const [ROWS, STEPS] = [3, 5];

/** Four batches an epoch, and three to measure on. */
export const data = () => {
  const { tokens } = textStreams(TEXT, { batchSize: ROWS, steps: STEPS, validationSplit: 0 }).train;
  const train = new TextStreams(tokens.subarray(0, ROWS * STEPS * 4 + STEPS + 1), ROWS, STEPS);
  return { train, validation: new TextStreams(tokens.subarray(100, 100 + 2 * 12 + 1), 2, STEPS, true) };
};

export const SIZE = textStreams(TEXT, { batchSize: ROWS, steps: STEPS, validationSplit: 0 }).vocabulary.size;

export const SPEC: ModelSpec = {
  seed: 7,
  layers: [
    { kind: 'embedding', size: SIZE, width: 4 },
    { kind: 'lstm', hiddenSize: 6 },
    { kind: 'linear', size: SIZE },
  ],
};

export const newModel = (spec = SPEC): Model => new Model(createReference('float64'), spec);

export const values = (model: Model): Promise<FloatArray> => model.kernels.download(model.parameters.matrix);

export async function collect(training: Training): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of training) events.push(event);
  return events;
}

export const losses = (events: readonly TrainingEvent[], kind: 'update' | 'epoch' | 'validation'): number[] =>
  events.flatMap((event) => (event.kind === kind ? [event.loss] : []));
