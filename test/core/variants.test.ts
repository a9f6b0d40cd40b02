/** Properties of every LSTM variant: sequence lengths, split sequences, backends, dropout, layouts and states. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import type { CellSpec, LstmSpec } from '../../src/core/lstm/spec.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { expectSameBits, flat } from '../support/arrays.js';
import { BACKENDS } from '../support/backends.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { expectClose, TOLERANCE } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const [T, N, D] = [6, 3, 4];
const LENGTHS = [4, 6, 1];

const CELLS: Readonly<Record<string, CellSpec>> = {
  standard: {},
  'coupled with peepholes': { gates: 'coupled', peepholes: true },
  'layer-normalized': { layerNorm: true },
  'gate recurrence': { gateRecurrence: true, peepholes: true },
  'clipped, with hard activations': { clip: 0.3, activations: { gate: 'hardSigmoid', candidate: 'softsign' } },
};

const VARIANTS: Readonly<Record<string, Partial<LstmSpec>>> = {
  ...Object.fromEntries(Object.entries(CELLS).map(([name, cell]) => [name, { cell }])),
  projected: { projectionSize: 3 },
  reverse: { direction: 'reverse' },
  bidirectional: { direction: 'bidirectional', projectionSize: 2 },
  'from a learned state': { initialState: 'learned' },
  'zoneout without noise': { zoneout: { h: 0.3, c: 0.2 } },
};

const lstm = (more: Partial<LstmSpec> = {}): LstmSpec => ({ kind: 'lstm', hiddenSize: 5, ...more });

/** A model whose weights are all random, including those that are initialized with 0. */
function build(k: Kernels, layers: readonly LayerSpec[], more: Partial<ModelSpec> = {}): Model {
  const model = buildModel(k, { inputSize: D, layers, ...more });
  const random = testRandom(9);
  for (const { name, size } of model.parameters.layout.entries) {
    model.parameters.set(
      name,
      random.normals(size, 0.5).map((v) => v + (name.includes('gain') ? 1 : 0)),
    );
  }
  return model;
}

function batchOf(model: Model, steps = T, batchSize = N): Batch {
  const random = testRandom(4);
  const inputs = random.normals(steps * batchSize * D);
  return { steps, batchSize, inputs, targets: random.normals(steps * batchSize * model.outputSize) };
}

/** The first `steps` steps of row n of a time-major batch. */
function rowOf(batch: Batch, n: number, steps: number, width: number): Batch {
  const cut = (values: ArrayLike<number>, cols: number): number[] =>
    Array.from(
      { length: steps * cols },
      (_, i) => values[(Math.floor(i / cols) * batch.batchSize + n) * cols + (i % cols)]!,
    );
  return { steps, batchSize: 1, inputs: cut(batch.inputs, D), targets: cut(batch.targets, width) };
}

describe.each(BACKENDS)('on $name in $precision', ({ precision, create }) => {
  test.each(Object.entries(VARIANTS))('%s: a ragged batch gives the results of each row alone', async (_, variant) => {
    const model = build(await create(), [lstm(variant), lstm({ ...variant, hiddenSize: 4 })]);
    const width = model.outputSize;
    const batch = batchOf(model);
    // Inputs after the end of a row are not read, so a NaN has no effect.
    const inputs = Array.from(batch.inputs, (v, i) =>
      Math.floor(i / D / N) < LENGTHS[Math.floor(i / D) % N]! ? v : Number.NaN,
    );
    const together = await model.gradients({ ...batch, inputs, lengths: LENGTHS });
    const sum = new Float64Array(model.size);
    let loss = 0;
    for (const [n, steps] of LENGTHS.entries()) {
      const alone = await model.gradients(rowOf(batch, n, steps, width));
      const share = steps / LENGTHS.reduce((a, b) => a + b);
      loss += share * alone.loss;
      (await model.kernels.download(alone.gradients.matrix)).forEach((g: number, i: number) => {
        sum[i] = sum[i]! + share * g;
      });
      alone.tape.states.forEach(({ h, c }, level) => {
        const state = together.tape.states[level]!;
        expectClose(`h of row ${n}`, flat(state.h.lo(n, 0).hi(1, h.shape[1]!)), flat(h), TOLERANCE[precision]);
        expectClose(`c of row ${n}`, flat(state.c.lo(n, 0).hi(1, c.shape[1]!)), flat(c), TOLERANCE[precision]);
      });
      for (let t = 0; t < T; t++) {
        const own = flat(together.tape.output.pick(t, n, null));
        if (t >= steps) expect(own.every((v) => v === 0)).toBe(true);
        else expectClose(`y of row ${n} at ${t}`, own, flat(alone.tape.output.pick(t, 0, null)), TOLERANCE[precision]);
      }
    }
    expectClose('loss', [together.loss], [loss], TOLERANCE[precision]);
    expectClose('gradient', await model.kernels.download(together.gradients.matrix), sum, TOLERANCE[precision]);
  });

  test.each(Object.entries(VARIANTS))('%s: agrees with the float64 reference, with all dropout', async (_, variant) => {
    const noisy = { dropConnect: 0.3, recurrentDropout: 0.2, ...variant, zoneout: { h: 0.2, c: 0.3 } };
    const layers: LayerSpec[] = [
      lstm(noisy),
      { kind: 'dropout', rate: 0.4, shared: 'steps' },
      { kind: 'linear', size: 3 },
    ];
    const run = async (k: Kernels) => {
      const model = build(k, layers);
      const { gradients, loss } = await model.gradients(batchOf(model), { noise: { seed: 3, update: 8 } });
      return { loss, all: await k.download(gradients.matrix) };
    };
    const [computed, exact] = [await run(await create()), await run(createReference('float64'))];
    expectClose('loss', [computed.loss], [exact.loss], TOLERANCE[precision]);
    expectClose('gradient', computed.all, exact.all, TOLERANCE[precision]);
  });

  test.each(
    Object.entries(VARIANTS).filter(([, f]) => (f.direction ?? 'forward') === 'forward' && !f.cell?.gateRecurrence),
  )('%s: a sequence that is split in two or fed step by step gives the same outputs', async (_, variant) => {
    const model = build(await create(), [lstm(variant)]);
    const { inputs } = batchOf(model);
    const all = Array.from(inputs);
    const whole = flat((await model.predict(all, { batchSize: N })).output);
    const at = 2 * N * D;
    const first = await model.predict(all.slice(0, at), { batchSize: N, tape: true });
    const second = await model.predict(all.slice(at), { batchSize: N, from: first.tape });
    expectClose('in two', [...flat(first.output), ...flat(second.output)], whole, TOLERANCE[precision]);
    const given = first.tape.states.map(({ h, c }) => ({ h: flat(h), c: flat(c) }));
    const again = await model.predict(all.slice(at), { batchSize: N, from: given });
    expectSameBits(flat(again.output), flat(second.output));
    const stream = model.stream(N);
    const steps: number[] = [];
    for (let t = 0; t < T; t++) steps.push(...(await stream.step(all.slice(t * N * D, (t + 1) * N * D))));
    expectClose('step by step', steps, whole, TOLERANCE[precision]);
  });
});

describe('dropout and regularization', () => {
  const k = createReference('float64');

  test('without noise nothing is dropped, and the same key gives the same masks', async () => {
    const model = build(k, [lstm(), { kind: 'dropout', rate: 0.5 }, { kind: 'linear', size: 2 }]);
    const plain = build(k, [lstm(), { kind: 'linear', size: 2 }]);
    const batch = batchOf(model);
    expect((await model.evaluate(batch)).loss).toBe((await plain.evaluate(batch)).loss);
    const loss = async (seed: number, update: number) =>
      (await model.evaluate(batch, { noise: { seed, update } })).loss;
    expect(await loss(1, 1)).toBe(await loss(1, 1));
    expect(
      new Set([await loss(1, 1), await loss(1, 2), await loss(2, 1), (await model.evaluate(batch)).loss]).size,
    ).toBe(4);
  });

  test('dropout drops the given share and rescales the rest; shared: steps uses one mask for all steps', async () => {
    const wide = 40;
    for (const shared of [undefined, 'steps'] as const) {
      const layers: LayerSpec[] = [
        { kind: 'dropout', rate: 0.3, ...(shared ? { shared } : {}) },
        { kind: 'linear', size: 1 },
      ];
      const model = buildModel(k, { inputSize: wide, layers });
      const [steps, batchSize] = [50, 7];
      const ones = new Float64Array(steps * batchSize * wide).fill(1);
      const tape = model.tape({ steps, batchSize });
      tape.begin(null, { seed: 5, update: 1 });
      tape.forward(model.parameters, ones);
      const y = await k.download(tape.layers[0]!.y);
      const dropped = y.filter((v: number) => v === 0).length / y.length;
      const std = Math.sqrt((0.3 * 0.7) / (shared ? batchSize * wide : y.length));
      expect(Math.abs(dropped - 0.3)).toBeLessThan(5 * std);
      expect(new Set(y)).toEqual(new Set([0, 1 / 0.7]));
      const step = (t: number) => y.slice(t * batchSize * wide, (t + 1) * batchSize * wide).join();
      expect(step(0) === step(1)).toBe(shared === 'steps');
    }
  });

  test('zoneout keeps the given share of units unchanged', async () => {
    const model = build(k, [lstm({ zoneout: 0.4 })]);
    const batch = batchOf(model);
    const { tape } = await model.evaluate(batch, { noise: { seed: 1, update: 1 }, tape: true });
    let stayed = 0;
    for (const { h, before } of tape.steps) {
      const was = flat(before.h);
      for (const [i, v] of flat(h).entries()) if (v === was[i]) stayed++;
    }
    const count = T * N * 5;
    expect(Math.abs(stayed / count - 0.4)).toBeLessThan(5 * Math.sqrt((0.4 * 0.6) / count));
  });

  test('activity regularization adds AR and TAR to the objective, in training only', async () => {
    const layers: LayerSpec[] = [lstm(), { kind: 'activity', alpha: 2, beta: 3 }, { kind: 'linear', size: 2 }];
    const model = build(k, layers);
    const batch = batchOf(model);
    const { tape } = await model.evaluate(batch, { noise: { seed: 1, update: 1 }, tape: true });
    const h = tape.steps.flatMap((step) => flat(step.h));
    const n = h.length;
    const row = n / T;
    const ar = h.reduce((sum, v) => sum + v * v, 0) / n;
    const tar = h.slice(row).reduce((sum, v, i) => sum + (v - h[i]!) ** 2, 0) / (n - row);
    expect(await tape.penalty()).toBeCloseTo(2 * ar + 3 * tar, 12);
    expect(await (await model.evaluate(batch, { tape: true })).tape.penalty()).toBe(0);
  });
});

describe('layouts and states', () => {
  const k = createReference('float64');

  test('a batch-first batch gives the results of its time-major transpose', async () => {
    const model = build(k, [lstm({ direction: 'bidirectional' }), { kind: 'linear', size: 2 }]);
    const batch = batchOf(model);
    const transpose = (values: ArrayLike<number>, width: number): number[] =>
      Array.from({ length: values.length }, (_, i) => {
        const [c, t, n] = [i % width, Math.floor(i / width) % T, Math.floor(i / width / T)];
        return values[(t * N + n) * width + c]!;
      });
    const transposed = {
      ...batch,
      inputs: transpose(batch.inputs, D),
      targets: transpose(batch.targets, 2),
      batchFirst: true,
    };
    const weights = Array.from({ length: T * N }, (_, r) => r % 4);
    const [a, b] = [
      { ...batch, weights },
      { ...transposed, weights: transpose(weights, 1) },
    ];
    expect((await model.evaluate(b)).loss).toBe((await model.evaluate(a)).loss);
    const { output } = await model.predict(transposed.inputs, { batchSize: N, batchFirst: true });
    expect(output.shape).toEqual([N, T, 2]);
    expect(output.get(2, 4, 1)).toBe((await model.predict(batch.inputs, { batchSize: N })).output.get(4, 2, 1));
  });

  test.each<[string, Partial<LstmSpec>]>([
    ['reverse', { direction: 'reverse' }],
    ['bidirectional', { direction: 'bidirectional' }],
    ['gate recurrence', { cell: { gateRecurrence: true } }],
  ])('%s: starting from another tape throws', async (_, variant) => {
    const model = build(k, [lstm(variant)]);
    const { state, tape } = await model.predict(batchOf(model).inputs, { batchSize: N, tape: true });
    for (const from of [tape, state]) {
      const error = await rejected(() => model.predict(batchOf(model).inputs, { batchSize: N, from }));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe('lstm');
    }
  });

  test('a learned state gets a gradient only if the pass starts from it', async () => {
    const model = build(k, [lstm({ initialState: 'learned' })]);
    const first = await model.gradients(batchOf(model));
    expect(flat(first.gradients.get('lstm.h0_l0')).some((v) => v !== 0)).toBe(true);
    const second = await model.gradients(batchOf(model), { from: first.tape });
    expect(flat(second.gradients.get('lstm.c0_l0')).every((v) => v === 0)).toBe(true);
  });

  test.each([
    [[1, 2], 'SHAPE_MISMATCH', 'lengths'],
    [[1, 2, 0], 'INVALID_DATA', 'lengths[2]'],
    [[1, 7, 2], 'INVALID_DATA', 'lengths[1]'],
    [[1, 2.5, 2], 'INVALID_DATA', 'lengths[1]'],
  ] as const)('lengths %j are rejected', async (lengths, code, text) => {
    const model = build(k, [lstm()]);
    const error = await rejected(() => model.evaluate({ ...batchOf(model), lengths }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  });

  test('states of the wrong shape, and lengths on a tape without lengths, are rejected', () => {
    const model = build(k, [lstm({ projectionSize: 3 })]);
    const tape = model.tape({ steps: T, batchSize: N });
    const zeros = (n: number) => new Array<number>(n).fill(0);
    const wrong = thrown(() => tape.begin([{ h: zeros(N * 5), c: zeros(N * 5) }]));
    expect(problemOf(wrong, 'SHAPE_MISMATCH')).toMatchObject({ expected: [N, 3], actual: [N * 5] });
    expect(
      problemOf(
        thrown(() => tape.begin([])),
        'SHAPE_MISMATCH',
      ),
    ).toMatchObject({ expected: [1], actual: [0] });
    expect(
      problemOf(
        thrown(() => tape.setLengths([1, 1, 1])),
        'INVALID_SETTING',
      ).path,
    ).toBe('lengths');
  });
});
