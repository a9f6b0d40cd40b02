/** Shared by the tests of training: a small text, models over it, and the events of a training. */
import type { FloatArray, Precision } from '../../src/contract/kernels.js';
import type { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { TextStreams, textStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import type { Training, TrainingEvent } from '../../src/train/trainer.js';
import { buildModel } from '../support/model.js';

const TEXT = 'it was the best of times, it was the worst of times, it was the age of wisdom. '.repeat(3);
export const [ROWS, STEPS] = [3, 5];

/** Four batches per epoch, however the text is cut, and validation data of three batches, the last one partial. */
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

export const TWO_LAYERS: ModelSpec = { ...SPEC, layers: SPEC.layers.toSpliced(2, 0, { kind: 'lstm', hiddenSize: 5 }) };

export const newModel = (spec = SPEC, precision: Precision = 'float64'): Model =>
  buildModel(createReference(precision), spec);

export const twoLayers = (precision: Precision = 'float32'): Model => newModel(TWO_LAYERS, precision);

/** A copy of the model with its current parameters. */
export async function clone(model: Model): Promise<Model> {
  const copy = newModel(model.spec, model.kernels.precision);
  for (const [name, numbers] of await model.parameters.download()) copy.parameters.set(name, numbers);
  return copy;
}

/** All parameters as one row. */
export const values = (model: Model): Promise<FloatArray> => model.kernels.download(model.parameters.matrix);

export async function collect(training: Training): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of training) events.push(event);
  return events;
}

/** The events in short, such as `update 3`. */
export const kinds = (events: readonly TrainingEvent[]): string[] => events.map((e) => `${e.kind} ${e.update}`);

export const losses = (events: readonly TrainingEvent[], kind: 'update' | 'epoch' | 'validation'): number[] =>
  events.flatMap((event) => (event.kind === kind ? [event.loss] : []));
