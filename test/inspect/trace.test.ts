/** Traces, compared with the golden vectors, with the views of the tape, and with the sums of their parts. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { Model } from '../../src/core/model.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';
import {
  type LstmTrace,
  stateBefore,
  stepAfter,
  type Trace,
  trace,
  weightGradientByStep,
} from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { flat } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { expectClose, golden, relativeError, tensor } from '../support/golden.js';
import { CELLS, CONSTANT, goldenModel, goldenName } from '../support/golden-lstm.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const GATES = ['i', 'f', 'g', 'o'] as const;
const [T, N, D] = [5, 3, 2];

/** A model with random values in all parameters, so that no peephole is 0 and no gain is 1. */
function modelOf(spec: ModelSpec, k: Kernels = createReference('float64')): Model {
  const model = buildModel(k, spec);
  const random = testRandom(4);
  for (const { name, size } of model.parameters.layout.entries) {
    const middle = name.includes('gain') ? 1 : 0;
    model.parameters.set(
      name,
      random.normals(size, 0.5).map((v) => v + middle),
    );
  }
  return model;
}

const plus = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a, (v, i) => v + b[i]!);

/** Expects that the contributions of all steps to each weight add up to its gradient. */
function expectSums(found: Trace, tolerance: number): void {
  const names = found.layers.flatMap((layer) => Object.values(layer.parameters));
  for (const name of names) {
    const { rows, cols, data } = found.gradients[name]!;
    const sums = Array.from({ length: rows * cols }, (_, e) =>
      weightGradientByStep(found, name, Math.floor(e / cols), e % cols).reduce((a, b) => a + b, 0),
    );
    expectClose(name, sums, data, tolerance);
  }
}

/** Expects that dc and dh are the sums of their two parts. */
function expectSplits(layer: LstmTrace, tolerance: number): void {
  const { grad, variant } = layer;
  expectClose('h', plus(grad.hFromAbove.data, grad.hFromNext.data), grad.h.data, tolerance);
  const kept = grad.cFromNext.data.map((v) => (1 - variant.zoneoutC) * v);
  expectClose('c', plus(kept, grad.cFromH.data), grad.cell.c.data, tolerance);
}

describe('golden vectors', () => {
  test.each(Object.keys(CELLS))('cell-%s: every value of every step matches', async (variant) => {
    const g = golden(`cell-${variant}`);
    const { model, sizes } = goldenModel(g, createReference('float64'));
    const { steps, batch: batchSize, hiddenSize: H } = sizes;
    const state = (name: string) => tensor(g, name);
    const from = [{ h: state('h0'), c: state('c0') }];
    const y = flat((await model.predict(tensor(g, 'x'), { batchSize, from })).output);
    // Targets for which the gradient of the squared error by y is dy of the golden file.
    const targets = y.map((v, e) => v - (tensor(g, 'dy')[e]! * steps * H) / 2);
    const batch = { steps, batchSize, inputs: tensor(g, 'x'), targets };
    const sums = new Map<string, number[]>();
    for (let n = 0; n < batchSize; n++) {
      const row = (values: readonly number[], width: number) => values.slice(n * width, (n + 1) * width);
      const one = (name: string) => row(state(name), H);
      const found = await trace(model, batch, {
        row: n,
        from: [{ h: one('h0'), c: one('c0') }],
        after: [{ h: one('dhn'), c: one('dcn') }],
      });
      const layer = found.layers[0]!;
      const expected = (name: string) =>
        Array.from({ length: steps }, (_, t) => {
          const at = (t * batchSize + n) * H;
          return tensor(g, `trace.${name}`).slice(at, at + H);
        }).flat();
      for (const s of GATES) {
        const constant = CONSTANT[variant] === s || (s === 'f' && variant.startsWith('coupled'));
        expectClose(s, layer.gates[s].data, expected(s), 1e-10);
        if (!constant) expectClose(`a${s}`, layer.a[s].data, expected(`a${s}`), 1e-10);
        expectClose(`d${s}`, layer.grad.gates[s].data, expected(`grad.${s}`), 1e-10);
        expectClose(`da${s}`, layer.grad.a[s].data, expected(`grad.a${s}`), 1e-10);
      }
      for (const s of ['c', 'h'] as const) {
        expectClose(s, layer[s].data, expected(s), 1e-10);
        expectClose(`d${s}`, layer.grad[s].data, expected(`grad.${s}`), 1e-10);
        expectClose(`d${s}0`, layer.grad.initial[s].data, row(tensor(g, `grad.${s}0`), H), 1e-10);
      }
      expectSplits(layer, 1e-10);
      expectSums(found, 1e-10);
      for (const [name, { data }] of Object.entries(found.gradients)) {
        sums.set(name, plus(data, sums.get(name) ?? new Float64Array(data.length)));
      }
    }
    for (const [name, sum] of sums) expectClose(name, sum, tensor(g, `grad.${goldenName(g, name)}`), 1e-10);
    expect(sums.size).toBe(model.parameters.layout.entries.length);
  });
});

const lstm = (more: object): LayerSpec => ({ kind: 'lstm', hiddenSize: 3, ...more }) as LayerSpec;
const VARIANTS: Readonly<Record<string, readonly LayerSpec[]>> = {
  'two layers': [lstm({}), { kind: 'dropout', rate: 0.4 }, lstm({ hiddenSize: 4, bias: false })],
  'last step only': [lstm({ returns: 'last' })],
  'bidirectional, last step only': [lstm({ direction: 'bidirectional', returns: 'last' })],
  'bidirectional, two layers': [lstm({ direction: 'bidirectional' }), lstm({ direction: 'bidirectional' })],
  'reverse with peepholes and coupled gates': [
    lstm({ direction: 'reverse', cell: { peepholes: true, gates: 'coupled' }, bias: 'single' }),
  ],
  projection: [lstm({ projectionSize: 2, cell: { peepholes: true } }), lstm({})],
  'layer normalization': [lstm({ cell: { layerNorm: true, peepholes: true, clip: 0.3 } }), lstm({})],
  'gate recurrence': [lstm({ cell: { gateRecurrence: true, gates: 'noForget' } })],
  'gate recurrence in reverse': [lstm({ cell: { gateRecurrence: true, peepholes: true }, direction: 'reverse' })],
  'zoneout and projection': [lstm({ zoneout: { h: 0.2, c: 0.3 }, projectionSize: 2 }), lstm({ zoneout: 0.1 })],
  'other activations and clip': [
    lstm({ cell: { clip: 0.4, activations: { gate: 'hardSigmoid', candidate: 'softsign', output: 'relu' } } }),
  ],
  'learned initial states': [
    lstm({ initialState: 'learned' }),
    lstm({ initialState: 'learned', direction: 'reverse' }),
  ],
  'one to many': [lstm({ returns: 'last' }), { kind: 'repeat', steps: 4 }, lstm({})],
};

const BACKENDS = [
  ['float64', 1e-11, async () => createReference('float64')],
  ['wasm', 2e-5, () => createWasm('simd')],
] as const;

describe.each(BACKENDS)('%s', (_name, tolerance, create) => {
  test.each(Object.keys(VARIANTS))('%s: the trace matches the tape, and the parts add up', async (name) => {
    const layers = [...VARIANTS[name]!, { kind: 'linear', size: 2 } as const];
    const model = modelOf({ inputSize: D, layers }, await create());
    const batch = randomBatch(model.spec, { steps: T, batchSize: 1 }, model.outputSize, 3);
    const { tape, loss, gradients } = await model.gradients(batch);
    const found = await trace(model, batch);
    expect(found.loss).toBe(loss);
    expect(found.layers).toHaveLength(tape.lstms.length);
    expect(flat(tape.output)).toEqual(Array.from(found.output.data));
    expect(flat(tape.inputGrad!)).toEqual(found.input.kind === 'values' ? Array.from(found.input.grad.data) : []);
    for (const [l, layer] of found.layers.entries()) {
      const of = tape.lstm(l);
      const views = Array.from({ length: of.shape.steps }, (_, t) => of.step(t));
      for (const [t, view] of views.entries()) {
        const row = (values: { cols: number; data: ArrayLike<number> }) =>
          Array.from({ length: values.cols }, (_, j) => values.data[t * values.cols + j]!);
        for (const s of GATES) {
          expect(row(layer.gates[s])).toEqual(flat(view.gates[s]));
          expect(row(layer.grad.a[s])).toEqual(flat(view.grad.preactivations[s]));
          expectClose(`d${s}`, row(layer.grad.gates[s]), flat(view.grad.gates[s]), tolerance);
        }
        expect([row(layer.x), row(layer.c), row(layer.h)]).toEqual([flat(view.x), flat(view.c), flat(view.h)]);
        expect([row(layer.grad.c), row(layer.grad.h)]).toEqual([flat(view.grad.c), flat(view.grad.h)]);
        const { c, h } = stateBefore(layer, t);
        expect([Array.from(c), Array.from(h)]).toEqual([flat(view.before.c), flat(view.before.h)]);
        const after = stepAfter(layer, t);
        const last = after === null;
        const sent = last ? null : flat(of.step(after).before.h);
        if (sent) expect(sent).toEqual(row(layer.h));
      }
      expectSplits(layer, tolerance);
    }
    expectSums(found, tolerance);
    for (const { name } of model.parameters.layout.entries) {
      expect(Array.from(found.gradients[name]!.data)).toEqual(flat(gradients.get(name)));
    }
    const below = found.layers.filter((layer) => layer.x.data.every((v, e) => v === found.layers[0]!.x.data[e]));
    const dx = below.reduce((sum, layer) => plus(sum, layer.grad.x.data), new Array<number>(T * D).fill(0));
    expectClose('dx', dx, flat(tape.inputGrad!), tolerance);
    tape.free();
  });
});

test('the gates are the activation of the pre-activations in the trace', async () => {
  const model = modelOf({ inputSize: D, layers: [lstm({ projectionSize: 2 }), lstm({ zoneout: 0.2 })] });
  const found = await trace(model, randomBatch(model.spec, { steps: T, batchSize: 1 }, 3, 3));
  for (const layer of found.layers) {
    for (const s of GATES) {
      const squash = s === 'g' ? Math.tanh : (z: number) => 1 / (1 + Math.exp(-z));
      expectClose(s, layer.a[s].data.map(squash), layer.gates[s].data, 1e-14);
    }
    expectClose('tanh c', layer.tanhC.data, layer.cell.c.data.map(Math.tanh), 1e-14);
  }
});

test('the trace of one row of a padded batch, time-major or batch-first, matches that sequence alone', async () => {
  const model = modelOf({ inputSize: D, layers: [lstm({}), { kind: 'linear', size: 2 }] });
  const random = testRandom(9);
  const [inputs, targets] = [random.normals(T * N * D), random.normals(T * N * 2)];
  const lengths = [T, 3, 4];
  const whole = { steps: T, batchSize: N, inputs, targets, lengths, weights: random.normals(T * N).map(Math.abs) };
  const byRow = (values: ArrayLike<number>, width: number, n: number) =>
    Array.from({ length: T * width }, (_, e) => values[(Math.floor(e / width) * N + n) * width + (e % width)]!);
  const first = <V>(width: number, of: (n: number) => readonly V[]) =>
    [0, 1, 2].flatMap((n) => of(n).slice(0, T * width));
  const batchFirst = {
    ...whole,
    batchFirst: true,
    inputs: first(D, (n) => byRow(inputs, D, n)),
    targets: first(2, (n) => byRow(targets, 2, n)),
    weights: first(1, (n) => byRow(whole.weights, 1, n)),
  };
  for (const n of [0, 1, 2]) {
    const steps = lengths[n]!;
    const alone = {
      steps,
      batchSize: 1,
      inputs: byRow(inputs, D, n).slice(0, steps * D),
      targets: byRow(targets, 2, n).slice(0, steps * 2),
      weights: byRow(whole.weights, 1, n).slice(0, steps),
    };
    const expected = await trace(model, alone);
    expect(await trace(model, whole, { row: n })).toEqual(expected);
    expect(await trace(model, batchFirst, { row: n })).toEqual(expected);
    const { loss } = await model.evaluate(alone);
    expect(expected.loss).toBe(loss);
    // The loss is the weighted mean of the losses of the steps.
    const { weights } = alone;
    const sum = weights.reduce((a, b) => a + b, 0);
    const mean = expected.lossByStep!.reduce((total, v, t) => total + (v * weights[t]!) / sum, 0);
    expect(Math.abs(mean - loss)).toBeLessThan(1e-12);
  }
});

test('a trace of tokens has ids, probabilities and losses by step, and can be cloned', async () => {
  const spec: ModelSpec = {
    layers: [
      { kind: 'embedding', size: 5, width: 3 },
      lstm({ init: { input: () => new Float64Array(9).fill(0.1) } }),
      { kind: 'linear', size: 5 },
    ],
  };
  const model = buildModel(createReference('float64'), spec);
  const ids = Int32Array.from([1, 4, 0, 2, 2]);
  const targets = Int32Array.from([4, 0, 2, 2, 3]);
  const found = await trace(model, { steps: T, batchSize: 1, inputs: ids, targets });
  expect(found.input).toEqual({ kind: 'tokens', ids });
  expect(found.targets).toEqual(targets);
  for (let t = 0; t < T; t++) {
    const row = Float64Array.from(found.probabilities!.data.slice(t * 5, (t + 1) * 5));
    expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect(found.lossByStep![t]).toBeCloseTo(-Math.log(row[targets[t]!]!), 12);
    const expected = row.map((p, v) => (p - (v === targets[t] ? 1 : 0)) / T);
    expect(relativeError(found.outputGrad.data.slice(t * 5, (t + 1) * 5), expected)).toBeLessThan(1e-12);
  }
  expect(structuredClone(found)).toEqual(found);
});

test('errors name the argument', async () => {
  const model = modelOf({ inputSize: D, layers: [lstm({}), { kind: 'linear', size: 2 }] });
  const batch = randomBatch(model.spec, { steps: T, batchSize: N }, 2, 3);
  expect(problemOf(await rejected(() => trace(model, batch, { row: 3 })), 'INVALID_SETTING').path).toBe('row');
  const found = await trace(model, batch, { row: 2 });
  const head = thrown(() => weightGradientByStep(found, 'head.weight', 0, 0));
  expect(head.message).toMatch(/head\.weight.*not a parameter of an LSTM.*lstm\.weight_ih_l0/s);
  const far = thrown(() => weightGradientByStep(found, 'lstm.weight_hh_l0', 12, 0));
  expect(problemOf(far, 'INVALID_SETTING').path).toBe('row');
});
