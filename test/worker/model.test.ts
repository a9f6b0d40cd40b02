import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generate } from '../../src/core/generate.js';
import { createRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { deserializeModel } from '../../src/create.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit } from '../../src/train/trainer.js';
import { createModelInWorker, deserializeModelInWorker, type WorkerModel } from '../../src/worker/index.js';
import { flat } from '../support/arrays.js';
import { problemOf, rejected } from '../support/errors.js';
import { testRandom } from '../support/random.js';
import { both, collect, startWorker, TEXT_SPEC, textData, VALUE_SPEC, valueData } from './support.js';

const worker = startWorker();

const inputs = (steps: number, batchSize: number): Float32Array =>
  Float32Array.from(testRandom(steps).normals(steps * batchSize * 3));

test('a model in a worker has the spec, sizes, parameters and backend of one on this thread', () =>
  both(worker, TEXT_SPEC, async (here, there) => {
    expect(there.spec).toEqual(here.spec);
    expect([there.size, there.outputSize]).toEqual([here.size, here.outputSize]);
    expect(there.parameters.layout.entries).toEqual(here.parameters.layout.entries);
    const { name, variant, precision } = here.kernels;
    expect(there.kernels).toEqual({ name, variant, precision });
    expect(await there.threads()).toBe(1);
  }));

describe('predict', () => {
  test('returns the same output, and continues from the end of another pass', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const [first, second] = [inputs(4, 2), inputs(3, 2)];
      const expected = await here.predict(first, { batchSize: 2 });
      const got = await there.predict(first, { batchSize: 2 });
      expect(got.output.shape).toEqual([4, 2, 2]);
      expect(flat(got.output)).toEqual(flat(expected.output));
      expect(got.state).toEqual(expected.state);
      const next = await there.predict(second, { batchSize: 2, from: got.state });
      expect(flat(next.output)).toEqual(
        flat((await here.predict(second, { batchSize: 2, from: expected.state })).output),
      );
      expect(flat(next.output)).not.toEqual(flat((await there.predict(second, { batchSize: 2 })).output));
    }));

  test('starts at given states, with sequences of different lengths and batchFirst', () =>
    both(worker, VALUE_SPEC, async (here, there) => {
      const from = [{ h: testRandom(1).normals(2 * 4), c: testRandom(2).normals(2 * 4) }];
      const options = { batchSize: 2, from, lengths: [4, 2], batchFirst: true };
      const [expected, got] = [await here.predict(inputs(4, 2), options), await there.predict(inputs(4, 2), options)];
      expect(got.output.shape).toEqual([2, 4, 2]);
      expect(flat(got.output)).toEqual(flat(expected.output));
    }));

  test('a state of another shape throws SHAPE_MISMATCH', () =>
    both(worker, VALUE_SPEC, async (_, there) => {
      const { state, tape } = await there.predict(inputs(4, 2), { batchSize: 2, tape: true });
      const wrong = [
        () => there.predict(inputs(3, 1), { from: tape }),
        () => there.predict(inputs(3, 2), { batchSize: 2, from: [] }),
        () => there.predict(inputs(3, 2), { batchSize: 2, from: [{ h: [1, 2], c: state[0]!.c }] }),
      ];
      for (const predict of wrong) expect((await rejected(predict)).code).toBe('SHAPE_MISMATCH');
    }));

  test('a state of a bidirectional model cannot be continued from; the error is the same', async () => {
    const spec: ModelSpec = { inputSize: 3, layers: [{ kind: 'lstm', hiddenSize: 4, direction: 'bidirectional' }] };
    await both(worker, spec, async (here, there) => {
      const { tape } = await here.predict(inputs(4, 2), { batchSize: 2, tape: true });
      const error = await rejected(() => here.predict(inputs(3, 2), { batchSize: 2, from: tape }));
      const got = await there.predict(inputs(4, 2), { batchSize: 2 });
      const refused = await rejected(() => there.predict(inputs(3, 2), { batchSize: 2, from: got.state }));
      expect(refused.problem).toEqual(error.problem);
    });
  });

  test('works during a training', () =>
    both(worker, TEXT_SPEC, async (_, there) => {
      const running = collect(there.fit(textData(), { optimizer: adam(), epochs: 3 }));
      for (let i = 0; i < 5; i++)
        expect((await there.predict([1, 2, 3])).output.data).toHaveLength(3 * there.outputSize);
      expect((await running).at(-1)).toMatchObject({ kind: 'end', reason: 'finished' });
    }));
});

test('stream() and generate() return the same numbers; a disposed or invalid stream throws', () =>
  both(worker, TEXT_SPEC, async (here, there) => {
    const [a, b] = [here.stream(2), there.stream(2)];
    for (const tokens of [[1, 2], [3, 4], null, [5, 6]]) {
      if (tokens) expect(Array.from(await b.step(tokens))).toEqual(Array.from(await a.step(tokens)));
      else for (const stream of [a, b]) stream.reset();
    }
    b.dispose();
    expect(problemOf(await rejected(() => b.step([1, 2])), 'DISPOSED').what).toBe('The stream');
    const write = async (model: Parameters<typeof generate>[0]) => {
      const tokens: number[] = [];
      for await (const token of generate(model, [3], createRng(1, 'test'))) if (tokens.push(token) === 12) break;
      return tokens;
    };
    expect(await write(there)).toEqual(await write(here));
    const bad = there.stream(0);
    expect((await rejected(() => bad.step([]))).problem).toMatchObject({ code: 'INVALID_SETTING', path: 'batchSize' });
  }));

test('evaluate returns the same loss for a batch, for one that continues another, and for a source', () =>
  both(worker, TEXT_SPEC, async (here, there) => {
    const { validation } = textData();
    const [first, second] = [validation.batch(0), validation.batch(1)];
    const loss = { kind: 'crossEntropy', labelSmoothing: 0.1 } as const;
    const expected = await here.evaluate(first, { loss, tape: true });
    const got = await there.evaluate(first, { loss, tape: true });
    expect(got.loss).toBe(expected.loss);
    const next = await here.evaluate(second, { from: expected.tape });
    expect((await there.evaluate(second, { from: got.tape })).loss).toBe(next.loss);
    expect(await there.evaluateSource(validation, loss)).toBe(await evaluate(here, validation, loss));
  }));

describe('evaluateSource', () => {
  test('what `watch` throws rejects the call, and the worker stays usable', () =>
    both(worker, TEXT_SPEC, async (here, there) => {
      const failure = new RangeError('enough');
      const { validation } = textData();
      let seen = 0;
      const watching = there.evaluateSource(validation, undefined, () => {
        if (++seen === 2) throw failure;
      });
      await expect(watching).rejects.toBe(failure);
      expect(await there.evaluateSource(validation)).toBe(await evaluate(here, validation));
      expect(seen).toBe(2);
    }));
});

describe('parameters and files', () => {
  test('parameters can be set and downloaded; a wrong size throws SHAPE_MISMATCH', () =>
    both(worker, VALUE_SPEC, async (_, there) => {
      await there.parameters.set('head.bias', [0.5, -2]);
      expect(Array.from((await there.parameters.download()).get('head.bias')!)).toEqual([0.5, -2]);
      const short = await rejected(() => there.parameters.set('head.bias', [1]));
      expect(short.problem).toMatchObject({ code: 'SHAPE_MISMATCH', tensor: 'head.bias', expected: [2], actual: [1] });
    }));

  test('a saved model has the same bytes, and its training continues in a worker', async () => {
    const { vocabulary, ...data } = textData();
    const more = { optimizer: adam(), epochs: 2 };
    const bytes = await both(worker, TEXT_SPEC, async (here, there) => {
      const [local, remote] = [fit(here, data, more), there.fit(data, { ...more, ahead: 0 })];
      const files: Uint8Array[] = [];
      for (const [model, training] of [[here, local] as const, [there, remote] as const]) {
        for await (const event of training) if (event.update === 2) break;
        files.push(
          await serializeModel(model, { vocabulary, metadata: { n: 1 }, training: await training.checkpoint() }),
        );
      }
      expect(Buffer.compare(files[0]!, files[1]!)).toBe(0);
      return files[1]!;
    });
    const loaded = await deserializeModelInWorker(bytes, { worker }, 'x.safetensors');
    const here = await deserializeModel(bytes);
    expect(loaded.vocabulary!.characters).toEqual(vocabulary.characters);
    expect([loaded.spec, loaded.metadata]).toEqual([TEXT_SPEC, { n: 1 }]);
    const expected = await collect(fit(here.model, data, more, here.training!));
    expect(await collect(loaded.model.fit(data, more, loaded.training!))).toEqual(expected);
    await loaded.model.dispose();
    expect(bytes.length).toBeGreaterThan(0); // a copy was transferred
    const broken = await rejected(() => deserializeModelInWorker(bytes.subarray(0, 20), { worker }, 'x.safetensors'));
    expect(problemOf(broken, 'INVALID_FILE').file).toBe('x.safetensors');
  });
});

describe('arguments are copied, never transferred', () => {
  let there: WorkerModel;
  beforeAll(async () => {
    there = await createModelInWorker(VALUE_SPEC, { worker });
  });
  afterAll(() => there.dispose());

  test('inputs, batches and parameters that are views of a larger buffer stay usable', async () => {
    const large = new Float32Array(1000).fill(0.5);
    const window = large.subarray(100, 112);
    const batch = { steps: 2, batchSize: 2, inputs: window, targets: large.subarray(0, 8) };
    const [whole, part] = [await there.predict(new Array(12).fill(0.5)), await there.predict(window)];
    expect(part.output.toArray()).toEqual(whole.output.toArray());
    await there.evaluate(batch);
    await there.parameters.set('head.bias', large.subarray(0, 2));
    const source = { stateful: false, length: 40, batch: () => batch };
    await collect(there.fit({ train: source, validation: valueData() }, { optimizer: adam(), maxUpdates: 2 }));
    expect([large.length, window.length, window[0]]).toEqual([1000, 12, 0.5]);
  });

  test('inputs in shared memory', async () => {
    const shared = new Float32Array(new SharedArrayBuffer(4 * 6)).fill(0.25);
    const expected = await there.predict(new Float32Array(6).fill(0.25));
    expect((await there.predict(shared)).output.toArray()).toEqual(expected.output.toArray());
  });
});
