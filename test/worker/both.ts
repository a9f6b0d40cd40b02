/** The calls that a model on this thread and one in a worker have in common, to compare what they do. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { LossChoice } from '../../src/core/losses.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import type { BatchSource } from '../../src/data/source.js';
import { UnspoolError } from '../../src/errors.js';
import { evaluate } from '../../src/train/evaluate.js';
import { type FitOptions, fit, type Training, type TrainingData, type TrainingState } from '../../src/train/trainer.js';
import { createModelInWorker, type WorkerModel } from '../../src/worker/index.js';
import { startWorker } from './support.js';

/** What both kinds of model offer. */
export interface Calls {
  readonly predict: (inputs: unknown, options?: unknown) => ReturnType<Model['predict']>;
  readonly evaluate: (batch: unknown, options?: unknown) => ReturnType<Model['evaluate']>;
  readonly stream: (batchSize?: unknown) => ReturnType<WorkerModel['stream']>;
  readonly fit: (
    data: unknown,
    options: unknown,
    resume?: unknown,
  ) => Pick<Training, 'checkpoint' | 'validate' | 'dispose' | typeof Symbol.asyncIterator>;
  readonly set: (name: unknown, values: unknown) => void | Promise<void>;
  readonly evaluateSource: (
    source: unknown,
    loss?: unknown,
    watch?: (output: ArrayLike<number>, batch: Batch) => void,
  ) => Promise<number>;
}

const local = (model: Model): Calls => ({
  predict: (inputs, options) => model.predict(inputs as number[], options as object),
  evaluate: (batch, options) => model.evaluate(batch as Batch, options as object),
  stream: (batchSize) => model.stream(batchSize as number) as unknown as ReturnType<WorkerModel['stream']>,
  fit: (data, options, resume) => fit(model, data as TrainingData, options as FitOptions, resume as TrainingState),
  set: (name, values) => model.parameters.set(name as string, values as number[]),
  evaluateSource: (source, loss, watch) => evaluate(model, source as BatchSource, loss as LossChoice, watch),
});
const remote = (model: WorkerModel): Calls => ({
  predict: (inputs, options) => model.predict(inputs as number[], options as object) as ReturnType<Model['predict']>,
  evaluate: (batch, options) => model.evaluate(batch as Batch, options as object) as ReturnType<Model['evaluate']>,
  stream: (batchSize) => model.stream(batchSize as number),
  fit: (data, options, resume) =>
    model.fit(
      data as TrainingData,
      (typeof options === 'object' && options ? { ...options, ahead: 0 } : options) as FitOptions,
      resume as TrainingState,
    ),
  set: (name, values) => model.parameters.set(name as string, values as number[]),
  evaluateSource: (source, loss, watch) => model.evaluateSource(source as BatchSource, loss as LossChoice, watch),
});

/** The value, or what was thrown. Views become their shape, the kind of their data, and nested lists. */
export async function outcome(act: () => unknown): Promise<unknown> {
  const plain = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    if (Array.isArray(value)) return value.map(plain);
    if ('toArray' in value) {
      const { shape, data } = value as unknown as { shape: number[]; data: object };
      return { class: value.constructor.name, shape, data, array: (value.toArray as () => unknown)() };
    }
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
  };
  try {
    return { value: plain(await act()) };
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    return { problem: error.problem, message: error.message };
  }
}

export type Cases = Readonly<Record<string, (model: Calls) => unknown>>;

/** Runs each case on both and compares what it returns or throws. `expected`: what all of them do. */
export function describeBoth(name: string, spec: ModelSpec, cases: Cases, expected?: 'value' | 'problem'): void {
  describe(name, () => {
    let both: [Model, WorkerModel];
    beforeAll(async () => {
      both = [await createModel(spec), await createModelInWorker(spec, { worker: startWorker() })];
    });
    afterAll(async () => {
      both[0].dispose();
      await both[1].dispose();
    });

    test.each(Object.entries(cases))('%s', async (_, act) => {
      const here = await outcome(() => act(local(both[0])));
      expect(await outcome(() => act(remote(both[1])))).toEqual(here);
      if (expected) expect(here).toHaveProperty(expected);
    });
  });
}
