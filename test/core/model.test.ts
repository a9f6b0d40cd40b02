import { describe, expect, test } from '@jest/globals';
import type { Precision } from '../../src/contract/kernels.js';
import { type Batch, defaultLoss } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import type { Tape } from '../../src/core/tape.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { expectSameBits, flat } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { expectClose } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';
import { build, lstm, TOKENS, VALUES } from './support.js';

describe('rejects', () => {
  const shape = (act: () => unknown) => problemOf(thrown(act), 'SHAPE_MISMATCH');
  const valuesBatch = (inputs: number, targets: number): Batch => ({
    steps: 4,
    batchSize: 2,
    inputs: new Float64Array(inputs),
    targets: new Float64Array(targets),
  });
  const tokensBatch = (inputs: readonly number[], targets: readonly number[]): Batch => ({
    steps: 3,
    batchSize: 2,
    inputs: Int32Array.from(inputs),
    targets: Int32Array.from(targets),
  });

  test('inputs of the wrong length', async () => {
    const error = await rejected(() => build(VALUES).gradients(valuesBatch(4 * 2 * 3 + 1, 16)));
    expect(error.message).toContain('forward: inputs must have shape [4, 2, 3], got [25].');
    const model = build(TOKENS);
    expect(shape(() => model.tape({ steps: 3, batchSize: 2 }).forward(model.parameters, [1, 2]))).toEqual(
      expect.objectContaining({ op: 'forward', tensor: 'inputs', expected: [3, 2], actual: [2] }),
    );
  });

  test('targets of the wrong length', async () => {
    const error = await rejected(() => build(VALUES).evaluate(valuesBatch(24, 8)));
    expect(problemOf(error, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'targets', expected: [4, 2, 2], actual: [8] });
    const last: ModelSpec = { inputSize: 3, layers: [lstm(4, { returns: 'last' }), { kind: 'linear', size: 2 }] };
    const all = await rejected(() => build(last).evaluate(valuesBatch(24, 16)));
    expect(problemOf(all, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'targets', expected: [1, 2, 2], actual: [16] });
    const classes = await rejected(() => build(TOKENS).gradients(tokensBatch([0, 1, 2, 3, 4, 5], [0, 1, 2])));
    expect(problemOf(classes, 'SHAPE_MISMATCH')).toMatchObject({ op: 'crossEntropy', expected: [3, 2], actual: [3] });
  });

  test('parameters of the wrong length', () => {
    const model = build(VALUES);
    const problem = shape(() => model.parameters.set('lstm.weight_ih_l0', [1, 2, 3]));
    expect(problem).toMatchObject({ op: 'set', tensor: 'lstm.weight_ih_l0', expected: [16, 3], actual: [3] });
  });

  test('class weights of the wrong number or value', async () => {
    const loss = { kind: 'crossEntropy' as const, classWeights: [1, 2, 3] };
    const error = await rejected(() =>
      build(TOKENS).evaluate(tokensBatch([0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]), { loss }),
    );
    expect(problemOf(error, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'classWeights', expected: [6], actual: [3] });
  });

  test('a tape with another batch size as the state', () => {
    const model = build(VALUES);
    const tape = model.tape({ steps: 4, batchSize: 2 });
    const rows = shape(() => tape.begin(model.tape({ steps: 4, batchSize: 3 })));
    expect(rows).toMatchObject({ op: 'begin', expected: [2], actual: [3] });
    tape.begin(model.tape({ steps: 9, batchSize: 2 })); // the state does not depend on the number of steps
  });

  test.each([
    [[0, 1, 6, 3, 4, 5], 'inputs[2] (step 1, sequence 0)', 'must be an integer from 0 to 5, got 6'],
    [[0, 1, 2, -1, 4, 5], 'inputs[3] (step 1, sequence 1)', 'must be an integer from 0 to 5, got -1'],
  ])('tokens out of range: %j', async (inputs, what, text) => {
    const error = await rejected(() => build(TOKENS).gradients(tokensBatch(inputs, [0, 1, 2, 3, 4, 5])));
    expect(problemOf(error, 'INVALID_DATA').what).toBe(what);
    expect(error.message).toContain(text);
  });

  test('tokens that are not integers', async () => {
    for (const bad of [0.5, Number.NaN]) {
      const error = await rejected(() => build(TOKENS).predict([0, bad, 2]));
      expect(problemOf(error, 'INVALID_DATA').what).toBe('inputs[1] (step 1, sequence 0)');
    }
  });

  test('targets out of range, except for ignoreIndex', async () => {
    const inputs = [0, 1, 2, 3, 4, 5];
    const error = await rejected(() => build(TOKENS).evaluate(tokensBatch(inputs, [0, 1, 2, 3, 9, 5])));
    expect(problemOf(error, 'INVALID_DATA').what).toBe('targets[4] (step 2, sequence 0)');
    const ignored = await build(TOKENS).evaluate(tokensBatch(inputs, [0, 1, 2, 3, -1, 5]));
    expect(Number.isFinite(ignored.loss)).toBe(true);
    const loss = { kind: 'crossEntropy' as const, ignoreIndex: 9 };
    expect(
      (await rejected(() => build(TOKENS).evaluate(tokensBatch(inputs, [0, 1, 2, 3, -1, 5]), { loss }))).code,
    ).toBe('INVALID_DATA');
  });

  test('an unknown loss, or one with invalid settings', async () => {
    const batch = tokensBatch([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]);
    for (const [loss, path] of [
      ['hinge', 'loss'],
      [{ kind: 'crossEntropy', labelSmoothing: 1.5 }, 'loss.labelSmoothing'],
      [{ kind: 'crossEntropy', classWeights: [1, 1, -1, 1, 1, 1] }, 'loss.classWeights[2]'],
    ] as const) {
      const error = await rejected(() => build(TOKENS).evaluate(batch, { loss: loss as 'crossEntropy' }));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
    }
  });

  test('passes with 0 steps or 0 rows', () => {
    const model = build(VALUES);
    for (const [path, steps, batchSize] of [
      ['steps', 0, 2],
      ['steps', 1.5, 2],
      ['batchSize', 3, 0],
      ['batchSize', 3, Number.NaN],
    ] as const) {
      expect(
        problemOf(
          thrown(() => model.tape({ steps, batchSize })),
          'INVALID_SETTING',
        ).path,
      ).toBe(path);
    }
  });

  test('inputs whose length is not a multiple of the input size', async () => {
    const error = await rejected(() => build(VALUES).predict([1, 2, 3, 4]));
    expect(problemOf(error, 'INVALID_SETTING').path).toContain('steps');
    expect((await rejected(() => build(VALUES).predict([]))).code).toBe('INVALID_SETTING');
  });
});

describe('after dispose()', () => {
  test('every use throws, and disposing again does nothing', async () => {
    const model = build(VALUES);
    const batch: Batch = { steps: 2, batchSize: 1, inputs: new Float64Array(6), targets: new Float64Array(4) };
    model.dispose();
    model.dispose();
    for (const use of [
      async () => model.gradients(batch),
      async () => model.evaluate(batch),
      async () => model.predict([1, 2, 3]),
      async () => model.tape({ steps: 1, batchSize: 1 }),
      async () => model.stream(),
    ]) {
      expect(problemOf(await rejected(use), 'DISPOSED').what).toBe('The model');
    }
  });

  test('the memory is freed once', () => {
    const k = createReference('float64');
    const freed: unknown[] = [];
    const made: unknown[] = [];
    const alloc = (rows: number, cols: number) => {
      made.push(k.alloc(rows, cols));
      return made.at(-1) as ReturnType<typeof k.alloc>;
    };
    const model = buildModel({ ...k, alloc, free: (m) => void freed.push(m) }, VALUES);
    model.dispose();
    model.dispose();
    expect(freed).toHaveLength(1);
    expect(freed[0]).toBe(made[0]);
  });

  test('a tape frees everything that it allocated, and the model the packed weights', async () => {
    for (const gradients of [true, false]) {
      for (const spec of [VALUES, TOKENS]) {
        const k = createReference('float64');
        const live = new Set<unknown>();
        const counting = {
          ...k,
          alloc: (rows: number, cols: number) => {
            const m = k.alloc(rows, cols);
            live.add(m);
            return m;
          },
          allocPacked: (rows: number, cols: number) => {
            const m = k.allocPacked(rows, cols);
            live.add(m);
            return m;
          },
          free: (m: Parameters<typeof k.free>[0]) => {
            expect(live.delete(m)).toBe(true); // neither a view nor freed before
          },
        };
        const model = buildModel(counting, spec);
        const pass = (): Tape => {
          const tape = model.tape({ steps: 3, batchSize: 2 }, { gradients });
          tape.forward(model.parameters, new Int32Array(spec === TOKENS ? 6 : 18));
          tape.measure('meanSquaredError', new Float64Array(6 * model.outputSize));
          tape.measure('binaryCrossEntropy', new Float64Array(6 * model.outputSize));
          return tape;
        };
        pass().free();
        const before = live.size;
        const tape = pass();
        expect(live.size).toBeGreaterThan(before);
        tape.free();
        expect(live.size).toBe(before);
        model.dispose();
        expect(live.size).toBe(0);
      }
    }
  });
});

describe('predicting', () => {
  const [T, N] = [7, 3];
  const random = testRandom(9);
  const inputs = random.normals(T * N * 3);

  test.each<Precision>(['float64', 'float32'])(
    'stream() step by step is predict() on the whole sequence (%s)',
    async (p) => {
      const model = build(VALUES, p);
      const { output } = await model.predict(inputs, { batchSize: N });
      expect(output.shape).toEqual([T, N, 2]);
      const stream = model.stream(N);
      const steps: number[] = [];
      for (let t = 0; t < T; t++) steps.push(...(await stream.step(inputs.slice(t * N * 3, (t + 1) * N * 3))));
      expectClose('output', steps, flat(output), p === 'float64' ? 1e-13 : 1e-6);
      stream.reset();
      expectSameBits(await stream.step(inputs.slice(0, N * 3)), steps.slice(0, N * 2));
      stream.dispose();
    },
  );

  test('a stream returns copies', async () => {
    const stream = build(VALUES).stream();
    const first = await stream.step([1, 2, 3]);
    const kept = [...first];
    await stream.step([3, 2, 1]);
    expect([...first]).toEqual(kept);
  });

  test('a stream reads the weights again after reset', async () => {
    const model = build(VALUES);
    const stream = model.stream();
    await stream.step([1, 2, 3]);
    for (const { name, size } of model.parameters.layout.entries)
      model.parameters.set(name, new Float64Array(size).fill(0.1));
    stream.reset();
    await stream.step([1, 2, 3]);
    const second = await stream.step([3, 2, 1]);
    const { output } = await model.predict([1, 2, 3, 3, 2, 1]);
    expectClose('output', second, flat(output).slice(2), 1e-13);
  });

  test('predict continues from the final state of a tape', async () => {
    const model = build(VALUES);
    const whole = await model.predict(inputs, { batchSize: N });
    const first = await model.predict(inputs.slice(0, 3 * N * 3), { batchSize: N });
    const second = await model.predict(inputs.slice(3 * N * 3), { batchSize: N, from: first.state });
    expect(second.output.shape).toEqual([4, N, 2]);
    expectClose('output', [...flat(first.output), ...flat(second.output)], flat(whole.output), 1e-13);
    const fresh = await model.predict(inputs.slice(3 * N * 3), { batchSize: N });
    expect(flat(fresh.output)).not.toEqual(flat(second.output));
  });

  test("`returns: 'last'` gives one output per sequence, that of the last step", async () => {
    const layers = (returns: 'all' | 'last'): ModelSpec => ({
      inputSize: 3,
      layers: [lstm(4), lstm(5, { returns }), { kind: 'linear', size: 2 }],
    });
    const [all, last] = [build(layers('all')), build(layers('last'))];
    const { output } = await last.predict(inputs, { batchSize: N });
    expect(output.shape).toEqual([1, N, 2]);
    expectClose(
      'output',
      flat(output),
      flat((await all.predict(inputs, { batchSize: N })).output).slice(-N * 2),
      1e-13,
    );
  });

  test('gradients() and evaluate() give the same loss; its default depends on the targets', async () => {
    const model = build(TOKENS);
    const batch: Batch = { steps: 2, batchSize: 3, inputs: random.integers(6, 6), targets: random.integers(6, 6) };
    const { loss, tape } = await model.evaluate(batch, { tape: true });
    expect((await model.gradients(batch)).loss).toBe(loss);
    expect(tape.loss!.spec.kind).toBe('crossEntropy');
    expect(defaultLoss({ targets: [0.5] })).toBe('meanSquaredError');
  });
});
