/** Batch sources that stay on this thread: the worker receives each batch as it was when the source returned it. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/model.js';
import type { BatchSource } from '../../src/data/source.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { type FitOptions, fit, type TrainingEvent } from '../../src/train/trainer.js';
import { problemOf, rejected } from '../support/errors.js';
import { both, collect, startWorker, VALUE_SPEC, valueData } from './support.js';

const worker = startWorker();
const [STEPS, ROWS, WIDTH, OUT] = [3, 2, 3, 2];

interface Fill {
  readonly length?: number;
  readonly stateful?: boolean;
  /** Called with the number of each batch that is read. */
  readonly onRead?: (index: number) => void;
}

/** A source with one pair of buffers, views of a larger one, which each batch overwrites. */
function refilled({ length = 4, stateful = false, onRead = () => {} }: Fill = {}): BatchSource {
  const memory = new Float32Array(new SharedArrayBuffer(4 * 1000));
  const [inputs, targets] = [
    memory.subarray(10, 10 + STEPS * ROWS * WIDTH),
    memory.subarray(500, 500 + STEPS * ROWS * OUT),
  ];
  const batch: Batch = { steps: STEPS, batchSize: ROWS, inputs, targets };
  return {
    stateful,
    length,
    batch(index) {
      onRead(index);
      for (let i = 0; i < inputs.length; i++) inputs[i] = Math.sin(index * 7 + i);
      for (let i = 0; i < targets.length; i++) targets[i] = Math.cos(index * 3 + i);
      return batch;
    },
  };
}

/** Events until the end or an error, and the error. */
async function outcome(training: AsyncIterable<TrainingEvent>) {
  const events: TrainingEvent[] = [];
  try {
    for await (const event of training) events.push(event);
    return { events, error: null };
  } catch (error) {
    return { events, error };
  }
}

const options = (more: Partial<FitOptions> = {}): FitOptions => ({ optimizer: adam({ learningRate: 0.01 }), ...more });

describe('a source that overwrites its arrays', () => {
  test.each([0, 2, 9])('trains, validates and stops early as on this thread; %i updates ahead', (ahead) =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const data = () => ({ train: refilled(), validation: refilled({ length: 3 }) });
      const more = options({ epochs: 3, validateEvery: 3, earlyStopping: { patience: 2 } });
      const expected = await outcome(fit(here, data(), more));
      expect(expected.events.length).toBeGreaterThan(10);
      expect(await outcome(there.fit(data(), { ...more, ahead }))).toEqual(expected);
      expect(await there.parameters.download()).toEqual(await here.parameters.download());
    }),
  );

  test('evaluates as on this thread, also with carried state', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      for (const stateful of [false, true]) {
        expect(await there.evaluateSource(refilled({ stateful }))).toBe(await evaluate(here, refilled({ stateful })));
      }
    }));

  test('resumes in the middle of an epoch, with carried state', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const data = { train: refilled({ stateful: true }) };
      const started = fit(here, data, options({ epochs: 2 }));
      for await (const event of started) if (event.update === 6) break;
      const state = await started.checkpoint();
      for (const [name, values] of await here.parameters.download()) await there.parameters.set(name, values);
      const rest = await collect(started);
      expect(rest.at(-1)).toMatchObject({ kind: 'end', update: 8 });
      expect(await collect(there.fit(data, options({ epochs: 2 }), state))).toEqual(rest);
    }));

  test('what changes after a call has no effect on it', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const values = Float32Array.from({ length: STEPS * WIDTH }, (_, i) => i / 10);
      const targets = new Float32Array(STEPS * OUT).fill(0.5);
      const batch = { steps: STEPS, batchSize: 1, inputs: values, targets };
      const expected = (await here.evaluate({ ...batch, inputs: values.slice(), targets: targets.slice() })).loss;
      const pending = there.evaluate(batch);
      values.fill(9);
      targets.fill(9);
      expect((await pending).loss).toBe(expected);
    }));
});

describe('reading batches', () => {
  test('a source without an end trains until maxUpdates, and few batches are read ahead', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const endless = (read: number[]) => refilled({ length: Number.POSITIVE_INFINITY, onRead: (i) => read.push(i) });
      const expected = await outcome(fit(here, { train: endless([]) }, options({ maxUpdates: 7 })));
      const read: number[] = [];
      const training = there.fit({ train: endless(read) }, options({ maxUpdates: 7 }));
      expect(training.updates).toBe(7);
      for await (const event of training) {
        expect(read.length).toBeLessThanOrEqual(event.update + 3);
        if (event.update === 2) break;
      }
      const rest = await outcome(training);
      expect(rest).toEqual({ ...expected, events: expected.events.slice(2) });
      expect(read).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }));

  test('where all batches are needed, a source without an end throws INVALID_DATA', () =>
    both(worker, VALUE_SPEC, async (_, there) => {
      const error = await rejected(() => there.evaluateSource(refilled({ length: Number.POSITIVE_INFINITY })));
      expect(problemOf(error, 'INVALID_DATA').problem).toContain('got Infinity');
    }));

  test('every epoch reads the batches again, in order', () =>
    both(worker, VALUE_SPEC, async (_, there) => {
      const read: number[] = [];
      await collect(there.fit({ train: refilled({ length: 3, onRead: (i) => read.push(i) }) }, options({ epochs: 2 })));
      expect(read).toEqual([0, 1, 2, 0, 1, 2]);
    }));

  test('what a source throws reaches the loop after the events before it; the training can continue', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const failure = new Error('the disk is gone');
      const failing = (broken: { now: boolean }) =>
        refilled({
          onRead: (index) => {
            if (index === 2 && broken.now) throw failure;
          },
        });
      const [first, second] = [{ now: true }, { now: true }];
      const local = fit(here, { train: failing(first) }, options());
      const remote = there.fit({ train: failing(second) }, options({ validateEvery: 1 }));
      const expected = await outcome(local);
      expect(expected.events).toHaveLength(2);
      expect(expected.error).toBe(failure);
      expect(await outcome(remote)).toEqual(expected);
      expect(await outcome(remote)).toEqual({ events: [], error: failure }); // it reads the batch again
      for (const broken of [first, second]) broken.now = false;
      expect(await outcome(remote)).toEqual(await outcome(local));
      expect(await there.parameters.download()).toEqual(await here.parameters.download());
    }));

  test('a batch that does not fit fails as on this thread, and the worker stays usable', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const source = (): BatchSource => {
        const good = valueData();
        return { ...good, batch: (index) => (index === 1 ? { ...good.batch(1), inputs: [1, 2] } : good.batch(index)) };
      };
      const expected = await outcome(fit(here, { train: source() }, options()));
      expect(expected.events).toHaveLength(1);
      const got = await outcome(there.fit({ train: source() }, options()));
      expect(got).toEqual(expected);
      expect((await collect(there.fit({ train: valueData() }, options()))).at(-1)).toMatchObject({ update: 3 });
    }));
});
