/** A model in a worker of a page gives the numbers of a model on this thread, and detects the end of its worker. */
import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import type { BatchSource } from '../../src/data/source.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit, type TrainingEvent } from '../../src/train/trainer.js';
import { createModelInWorker, deserializeModelInWorker, type WorkerModel } from '../../src/worker/index.js';
import { flat } from '../support/arrays.js';
import { problemOf, rejected } from '../support/errors.js';
import { WebWorker } from './web-worker.js';

const SPEC: ModelSpec = {
  inputSize: 3,
  layers: [
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: 2 },
  ],
};
const BACKEND = { backend: 'reference' } as const;
const numbers = (count: number, phase: number) => Array.from({ length: count }, (_, i) => Math.sin(7 * i + phase));
const batchOf = (index: number): Batch => ({
  ...{ steps: 3, batchSize: 2, inputs: numbers(18, index), targets: numbers(12, -index) },
  weights: [1, 2, 0, 1, 0.5, 3],
});
const source = (length = 4): BatchSource => ({ stateful: true, length, batch: batchOf });

/** A model on this thread and one in a web worker. */
async function both(
  act: (here: Awaited<ReturnType<typeof createModel>>, there: WorkerModel, worker: WebWorker) => unknown,
) {
  const worker = new WebWorker();
  await worker.run(async () => {
    const here = await createModel(SPEC, BACKEND);
    const there = await createModelInWorker(SPEC, { ...BACKEND, worker: worker as never });
    await act(here, there, worker);
    here.dispose();
    await there.dispose();
  });
}

const collect = async (events: AsyncIterable<TrainingEvent>): Promise<TrainingEvent[]> => {
  const all: TrainingEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
};

test('passes, streams and parameters', () =>
  both(async (here, there) => {
    expect([there.spec, there.size, there.outputSize]).toEqual([here.spec, here.size, here.outputSize]);
    expect(there.kernels).toEqual({ name: 'reference', precision: 'float32' });
    expect(await there.threads()).toBe(1);
    const inputs = numbers(18, 1);
    const [expected, found] = [
      await here.predict(inputs, { batchSize: 2 }),
      await there.predict(inputs, { batchSize: 2, tape: true }),
    ];
    expect([flat(found.output), found.output.shape]).toEqual([flat(expected.output), [3, 2, 2]]);
    const from = await there.predict(inputs, { batchSize: 2, from: found.tape });
    expect(flat(from.output)).toEqual(
      flat((await here.predict(inputs, { batchSize: 2, from: expected.state })).output),
    );
    found.tape.free(); // does nothing
    const evaluated = await there.evaluate(batchOf(1), { from: found.tape, tape: true });
    expect(evaluated.loss).toBe((await here.evaluate(batchOf(1), { from: expected.state })).loss);
    expect(evaluated.tape.states).toHaveLength(1);
    expect(await there.evaluate(batchOf(1))).toEqual({ loss: (await here.evaluate(batchOf(1))).loss });

    const [a, b] = [here.stream(2), there.stream(2)];
    const step = async (rows: number) =>
      expect([...(await b.step(numbers(3 * rows, 3)))]).toEqual([...(await a.step(numbers(3 * rows, 3)))]);
    await step(2);
    a.addRows(2);
    await b.addRows(2);
    expect(b.batchSize).toBe(4);
    await step(4);
    a.removeRows([0, 2]);
    await b.removeRows([0, 2]);
    expect(b.batchSize).toBe(2);
    await step(2);
    const [saved, own] = [await b.state(), await a.state()];
    expect(saved.map(({ h, c }) => [[...h], [...c]])).toEqual(own.map(({ h, c }) => [[...h], [...c]]));
    await step(2);
    a.restore(own);
    await b.restore(saved);
    await step(2);
    a.reset();
    await b.reset();
    await step(2);
    b.dispose();
    expect(problemOf(await rejected(() => b.step([1])), 'DISPOSED').what).toBe('The stream');

    await there.parameters.set('head.bias', [0.5, -2]);
    expect([...(await there.parameters.download()).get('head.bias')!]).toEqual([0.5, -2]);
  }));

test('sources, with what `watch` receives and throws', () =>
  both(async (here, there) => {
    const seen = async (run: (watch: (output: ArrayLike<number>, batch: Batch) => void) => Promise<number>) => {
      const all: unknown[] = [];
      const loss = await run((output, { inputs }) => all.push([[...Array.from(output)], [...Array.from(inputs)]]));
      return { loss, all };
    };
    const found = await seen((watch) => there.evaluateSource(source(), undefined, watch));
    expect(found).toEqual(await seen((watch) => evaluate(here, source(), undefined, watch)));
    expect(found.all).toHaveLength(4);
    const huber = { kind: 'huber', delta: 0.3 } as const;
    expect(await there.evaluateSource(source(), huber)).toBe(await evaluate(here, source(), huber));
    const failure = new RangeError('enough');
    let calls = 0;
    const failing = there.evaluateSource(source(), undefined, () => {
      calls++;
      throw failure;
    });
    await expect(failing).rejects.toBe(failure);
    expect(await there.evaluateSource(source())).toBe(await evaluate(here, source()));
    expect(calls).toBe(1);
  }));

test('a training has the same events, can be left, paused and resumed, and its checkpoint continues', () =>
  both(async (here, there) => {
    const data = { train: source(), validation: source(2) };
    const options = { optimizer: adam({ learningRate: 0.01 }), epochs: 3, validateEvery: 3 };
    const expected = await collect(fit(here, data, options));
    const training = there.fit(data, options);
    expect(training.updates).toBe(12);
    const events: TrainingEvent[] = [];
    for await (const event of training) if (events.push(event) === 2) break;
    expect(events).toEqual(expected.slice(0, 2));
    await training.pause();
    const paused = collect(training);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { update } = await training.checkpoint();
    expect(update).toBeLessThanOrEqual(4); // of which two were prefetched
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await training.checkpoint()).update).toBe(update);
    training.resume();
    expect(await paused).toEqual(expected.slice(2));
    expect(await training.validate()).toBe(await evaluate(here, source(2)));
    const plain = (all: ReadonlyMap<string, ArrayLike<number>>) =>
      [...all].map(([name, v]) => [name, [...Array.from(v)]]);
    expect(plain(await there.parameters.download())).toEqual(plain(await here.parameters.download()));

    const state = await training.checkpoint();
    const more = { ...options, epochs: 4 };
    const rest = await collect(fit(here, data, more, state));
    expect(rest.map(({ update }) => update)).toEqual([13, 14, 15, 15, 16, 16, 16, 16]);
    expect(await collect(there.fit(data, more, state))).toEqual(rest);
    training.dispose();
    expect(problemOf(await rejected(() => training.checkpoint()), 'DISPOSED').what).toBe('The training');

    const controller = new AbortController();
    const seen: TrainingEvent[] = [];
    for await (const event of there.fit(data, { ...options, signal: controller.signal, ahead: 0 })) {
      if (seen.push(event) === 2) controller.abort();
    }
    expect(seen.map(({ kind }) => kind)).toEqual(['update', 'update', 'end']);
    expect(seen[2]).toMatchObject({ reason: 'aborted', update: 2 });
  }));

test('files, and models one after the other; options that do not fit reject', () => {
  const worker = new WebWorker();
  const options = { ...BACKEND, worker: worker as never };
  return worker.run(async () => {
    const here = await createModel(SPEC, BACKEND);
    const bytes = await serializeModel(here, { metadata: { n: 1 } });
    const { model, spec, metadata, vocabulary, training } = await deserializeModelInWorker(bytes, options, 'x');
    expect([spec, metadata, vocabulary, training]).toEqual([here.spec, { n: 1 }, null, null]);
    const other = await rejected(() => createModelInWorker(SPEC, options));
    expect(other.problem).toMatchObject({ code: 'INVALID_SETTING', path: 'worker' });
    const again = await rejected(() => deserializeModelInWorker(bytes, options));
    expect(again.problem).toMatchObject({ code: 'INVALID_SETTING', path: 'worker' });
    expect(flat((await model.predict([1, 2, 3])).output)).toEqual(flat((await here.predict([1, 2, 3])).output));
    const pending = model.predict([1, 2, 3]).catch((error) => error.code);
    await Promise.all([model.dispose(), model.dispose()]);
    expect(await pending).toBe('DISPOSED');
    expect(worker.calls.filter((operation) => operation === 'dispose')).toHaveLength(1);
    expect((await rejected(() => model.predict([1, 2, 3]))).code).toBe('DISPOSED');
    const broken = await rejected(() => deserializeModelInWorker(bytes.subarray(0, 20), options, 'x'));
    expect(problemOf(broken, 'INVALID_FILE').file).toBe('x');
    const next = await createModelInWorker(SPEC, options);
    expect(next.size).toBe(here.size);
    await next.dispose();
    here.dispose();
    expect([worker.listening, worker.terminated, [...worker.locks.waiting]]).toEqual([[], 0, []]);
  });
});

describe('the end of a worker', () => {
  const lost = async (end: (worker: WebWorker) => void): Promise<string> => {
    let problem = '';
    await both(async (_, there, worker) => {
      expect(worker.listening).toEqual(['message', 'messageerror', 'error', 'close']);
      while (worker.locks.waiting.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      const running = rejected(() => collect(there.fit({ train: source(1e6) }, { optimizer: adam() })));
      end(worker);
      problem = problemOf(await running, 'WORKER_LOST').problem;
      expect((await rejected(() => there.predict([1, 2, 3]))).code).toBe('WORKER_LOST');
      expect([worker.listening, worker.terminated]).toEqual([[], 0]);
    });
    return problem;
  };

  test.each<[string, (worker: WebWorker) => void]>([
    ['it was terminated, or ran out of memory.', ({ locks }) => locks.release()],
    ['it failed (no luck).', (worker) => worker.fire('error', { message: 'no luck' })],
    ['it failed (its script may be missing).', (worker) => worker.fire('error', {})],
    ['a message could not be read.', (worker) => worker.fire('messageerror', {})],
    ['it ended.', (worker) => worker.fire('close', {})],
  ])('%s', async (problem, end) => {
    expect(await lost(end)).toBe(problem);
  });

  test('messages that are not calls are ignored', () =>
    both(async (_, there, worker) => {
      for (const data of [null, 5, {}, { unspool: 'x' }]) {
        worker.fire('message', { data });
        worker.postMessage(data, []);
      }
      worker.fire('message', { data: { unspool: -1, result: 3 } }); // the answer to no call
      expect((await there.predict([1, 2, 3])).output.data).toHaveLength(2);
    }));
});
