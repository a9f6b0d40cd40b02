/** Shared by the tests of `unspool/worker`: the calling side is these sources, the worker runs the built package. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, jest } from '@jest/globals';
import type { Batch, Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import type { BatchSource } from '../../src/data/source.js';
import { TextStreams, textStreams } from '../../src/data/text.js';
import type { TrainingEvent } from '../../src/train/trainer.js';
import { createModelInWorker, type WorkerModel } from '../../src/worker/index.js';
import { testRandom } from '../support/random.js';

jest.setTimeout(60_000); // a loop that waits for an event that never comes fails soon

const started: Worker[] = [];
afterAll(() => Promise.all(started.map((worker) => worker.terminate())));

/** Starts a worker, which ends after the tests of the file, also if they fail. Default: the one that the package starts. */
export function startWorker(file = join(__dirname, '../../dist/worker/entry.js')): Worker {
  const worker = new Worker(file);
  started.push(worker);
  return worker;
}

/** A model on this thread and one with the same spec in `worker`. */
export async function both<T>(
  worker: Worker,
  spec: ModelSpec,
  act: (here: Model, there: WorkerModel) => Promise<T>,
): Promise<T> {
  const [here, there] = [await createModel(spec), await createModelInWorker(spec, { worker })];
  try {
    return await act(here, there);
  } finally {
    here.dispose();
    await there.dispose();
  }
}

const TEXT = 'it was the best of times, it was the worst of times, it was the age of wisdom. '.repeat(3);
const [ROWS, STEPS] = [3, 5];

/** Four batches per epoch, cut at other places each time; the validation text ends with a partial batch. */
export function textData() {
  const { train, vocabulary } = textStreams(TEXT, { batchSize: ROWS, steps: STEPS, validationSplit: 0 });
  const part = (from: number, to: number) => train.tokens.subarray(from, to);
  return {
    vocabulary,
    train: new TextStreams(part(0, ROWS * STEPS * 4 + STEPS + 1), ROWS, STEPS),
    validation: new TextStreams(part(100, 100 + 2 * 12 + 1), 2, STEPS, true),
  };
}

const { size } = textData().vocabulary;

export const TEXT_SPEC: ModelSpec = {
  seed: 7,
  layers: [
    { kind: 'embedding', size, width: 4 },
    { kind: 'lstm', hiddenSize: 6 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'linear', size },
  ],
};

export const VALUE_SPEC: ModelSpec = {
  inputSize: 3,
  layers: [
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: 2 },
  ],
};

/** A custom source of batches of values; `spoil` may change their inputs. */
export function valueData(spoil: (inputs: number[], index: number) => void = () => {}): BatchSource {
  const random = testRandom(4);
  const list: Batch[] = [0, 1, 2].map((index) => {
    const inputs = random.normals(5 * 2 * 3);
    spoil(inputs, index);
    return { steps: 5, batchSize: 2, inputs, targets: random.normals(5 * 2 * 2) };
  });
  return { stateful: false, length: list.length, batch: (index) => list[index]! };
}

export async function collect(training: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of training) events.push(event);
  return events;
}
