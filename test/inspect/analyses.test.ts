/** Analyses of traces, compared with the golden vectors, with known sums, and with separate passes. */
import { describe, expect, test } from '@jest/globals';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import {
  attribution,
  deadUnits,
  findNonFinite,
  gateStatistics,
  gradientByLag,
  gradientFlow,
  jacobianSpectrum,
  nearestPatterns,
  parameterNorms,
  trace,
  updateRatios,
} from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { singularValues } from '../../src/lab/index.js';
import { rejected } from '../support/errors.js';
import { expectClose, golden, tensor } from '../support/golden.js';
import { goldenModel } from '../support/golden-lstm.js';
import { buildModel } from '../support/model.js';

const reference = () => createReference('float64');

const tokens: ModelSpec = {
  seed: 3,
  layers: [
    { kind: 'embedding', size: 6, width: 4 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: 6 },
  ],
};
const values: ModelSpec = {
  seed: 3,
  inputSize: 3,
  layers: [
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: 2 },
  ],
};

const modelAndBatch = (spec: ModelSpec, steps = 9) => {
  const model = buildModel(reference(), spec);
  return { model, batch: randomBatch(spec, { steps, batchSize: 1 }, model.outputSize) };
};

describe('golden traces', () => {
  const g = golden('cell-standard');
  const { model, sizes } = goldenModel(g, reference());
  const { steps: T, batch: N, hiddenSize: H, inputSize: D } = sizes;
  const row = 1;
  const pick = (name: string, width: number): number[] => {
    const all = tensor(g, name);
    return Array.from({ length: T }, (_, t) => [...all.slice((t * N + row) * width, (t * N + row + 1) * width)]).flat();
  };
  const inputs = pick('x', D);
  const first = (name: string): number[] => [...tensor(g, name).slice(row * H, (row + 1) * H)];
  const targets = new Float64Array(T * H);

  test('gate statistics match the golden gates', async () => {
    const from = [{ h: first('h0'), c: first('c0') }];
    const found = await trace(model, { steps: T, batchSize: 1, inputs, targets }, { from });
    for (const { gate, mean, closed, open } of gateStatistics(found.layers[0]!)) {
      const expected = pick(`trace.${gate}`, H);
      expect(mean).toBeCloseTo(expected.reduce((a, b) => a + b, 0) / expected.length, 10);
      expect(open).toBeCloseTo(expected.filter((v) => v > 0.9).length / expected.length, 12);
      expect(closed).toBeCloseTo(expected.filter((v) => v < (gate === 'g' ? -0.9 : 0.1)).length / expected.length, 12);
    }
  });
});

test('the spectrum matches the golden Jacobians', () => {
  const g = golden('cell-jacobians');
  const { model, sizes } = goldenModel(g, reference());
  const S = 2 * sizes.hiddenSize;
  const all = Float64Array.from(tensor(g, 'local'));
  const spectrum = jacobianSpectrum(
    model,
    { steps: sizes.steps, batchSize: 1, inputs: tensor(g, 'x'), targets: [] },
    { state: tensor(g, 's0') },
  );
  for (const [t, own] of spectrum.byStep.entries()) {
    expectClose(`step ${t}`, own, singularValues(all.slice(t * S * S, (t + 1) * S * S)), 1e-9);
  }
  expect(spectrum.largestOverSteps).toHaveLength(sizes.steps);
  expect(spectrum.largestOverSteps[0]).toBeCloseTo(spectrum.byStep.at(-1)![0]!, 12);
});

describe.each([
  ['a model of tokens', tokens],
  ['a model of values', values],
] as const)('%s', (_, spec) => {
  test('gradientFlow: each norm matches its grid and does not exceed the sum of its parts', async () => {
    const { model, batch } = modelAndBatch(spec);
    const found = await trace(model, batch);
    for (const layer of found.layers) {
      const flow = gradientFlow(layer);
      const H = layer.hiddenSize;
      for (let t = 0; t < batch.steps; t++) {
        expect(flow.c[t]).toBeCloseTo(Math.hypot(...layer.grad.c.data.slice(t * H, (t + 1) * H)), 14);
        expect(flow.h[t]).toBeLessThanOrEqual(flow.hFromAbove[t]! + flow.hFromNext[t]! + 1e-14);
      }
      expect(flow.hFromNext.at(-1)).toBe(0);
      expect(flow.cFromNext.at(-1)).toBe(0);
    }
  });

  test('gradientByLag: the norms match a trace with the loss of that step only', async () => {
    const { model, batch } = modelAndBatch(spec);
    const [step, weights] = [5, new Float64Array(batch.steps)];
    weights[step] = 1;
    const { layers } = await trace(model, { ...batch, weights });
    const lags = await gradientByLag(model, batch, { step });
    const top = layers.at(-1)!;
    expect(lags.layers.at(-1)!.c).toHaveLength(step + 1);
    for (const [k, v] of lags.layers.at(-1)!.c.entries()) {
      const t = step - k;
      expect(v).toBeCloseTo(Math.hypot(...top.grad.c.data.slice(t * top.hiddenSize, (t + 1) * top.hiddenSize)), 14);
    }
    expect((await gradientByLag(model, batch)).step).toBe(batch.steps - 1);
    // The forget gate of an untrained LSTM is near 1/2, so the gradient halves at each step.
    expect(['vanishes', 'fades']).toContain(lags.layers.at(-1)!.verdict);
  });

  test('integrated gradients add up to the difference of the losses', async () => {
    const { model, batch } = modelAndBatch(spec);
    for (const step of [undefined, 4]) {
      const found = await attribution(model, batch, {
        method: 'integratedGradients',
        points: 400,
        ...(step === undefined ? {} : { step }),
      });
      const sum = found.byStep.reduce((a, b) => a + b, 0);
      expect(sum).toBeCloseTo(found.loss - found.baselineLoss!, 6);
      if (step !== undefined) expect(found.byStep.slice(step + 1)).toEqual(found.byStep.slice(step + 1).map(() => 0));
    }
  });

  test('gradient times input adds up to the derivative by the scale of the input', async () => {
    const { model, batch } = modelAndBatch(spec);
    const { byStep } = await attribution(model, batch);
    const { byStep: norms, loss } = await attribution(model, batch, { method: 'gradient' });
    expect(norms.every((v) => v > 0)).toBe(true);
    const found = await trace(model, batch);
    expect(loss).toBeCloseTo(found.loss, 12);
    if (spec === values) {
      const e = 1e-6; // d/ds L(s x) at s = 1 by central differences
      const scaled = async (by: number) => {
        return (await model.evaluate({ ...batch, inputs: Array.from(batch.inputs, (v) => by * v) })).loss;
      };
      const slope = ((await scaled(1 + e)) - (await scaled(1 - e))) / (2 * e);
      expect(byStep.reduce((a, b) => a + b, 0)).toBeCloseTo(slope, 8);
    }
  });
});

test('gradientByLag: the lags of a reverse layer extend to later steps', async () => {
  const { model, batch } = modelAndBatch({
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize: 3, direction: 'bidirectional' },
      { kind: 'linear', size: 1 },
    ],
  });
  const [forwards, backwards] = (await gradientByLag(model, batch, { step: 3 })).layers;
  expect(forwards!.c).toHaveLength(3 + 1);
  expect(backwards!.c).toHaveLength(batch.steps - 3);
  for (const v of [...forwards!.c, ...backwards!.c]) expect(v).toBeGreaterThan(0);
});

test('after a layer with `returns: last`, lags count from the last step read', async () => {
  const { model, batch } = modelAndBatch({
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize: 3, returns: 'last' },
      { kind: 'repeat', steps: 4 },
      { kind: 'lstm', hiddenSize: 2 },
      { kind: 'linear', size: 1 },
    ],
  });
  const both = await gradientByLag(model, batch);
  expect(both.step).toBe(3);
  expect(both.layers.map(({ c }) => c.length)).toEqual([batch.steps, 4]);
  expect(both.x).toHaveLength(batch.steps);
  const { layers } = await trace(model, { ...batch, weights: [0, 1, 0, 0] });
  const second = await gradientByLag(model, batch, { step: 1 });
  expect(second.layers[1]!.c).toHaveLength(1 + 1);
  for (const [k, v] of second.layers[0]!.c.entries()) {
    const t = batch.steps - 1 - k;
    expect(v).toBeCloseTo(Math.hypot(...layers[0]!.grad.c.data.slice(t * 3, (t + 1) * 3)), 14);
  }
  const { byStep, loss, baselineLoss } = await attribution(model, batch, {
    method: 'integratedGradients',
    points: 400,
    step: 3,
  });
  expect(byStep.reduce((a, b) => a + b, 0)).toBeCloseTo(loss - baselineLoss!, 6);
  const problem = { code: 'INVALID_SETTING', path: 'step', problem: 'must be an integer from 0 to 3, got 4.' };
  expect(await rejected(() => gradientByLag(model, batch, { step: 4 }))).toMatchObject({ problem });
});

test('deadUnits finds silent units and units without gradient', async () => {
  const { model, batch } = modelAndBatch(values);
  const all = await model.parameters.download();
  const H = 4;
  const hh = all.get('lstm.weight_hh_l0')!.slice();
  const [ih, bias] = [all.get('lstm.weight_ih_l0')!.slice(), all.get('lstm.bias_ih_l0')!.slice()];
  // The candidate of unit 1 is 0. No weight reads unit 2.
  for (let k = 0; k < 3; k++) ih[(2 * H + 1) * 3 + k] = 0;
  for (let k = 0; k < H; k++) hh[(2 * H + 1) * H + k] = 0;
  bias[2 * H + 1] = 0;
  for (let row = 0; row < 4 * H; row++) hh[row * H + 2] = 0;
  const head = all.get('head.weight')!.slice();
  for (let o = 0; o < 2; o++) head[o * H + 2] = 0;
  const other = all.get('lstm.bias_hh_l0')!.slice();
  other[2 * H + 1] = 0;
  model.parameters.set('lstm.weight_ih_l0', ih);
  model.parameters.set('lstm.weight_hh_l0', hh);
  model.parameters.set('lstm.bias_ih_l0', bias);
  model.parameters.set('lstm.bias_hh_l0', other);
  model.parameters.set('head.weight', head);
  const found = await trace(model, batch);
  expect(deadUnits(found.layers[0]!)).toEqual([
    { unit: 1, why: 'silent' },
    { unit: 2, why: 'no gradient' },
  ]);
});

test('parameterNorms and updateRatios match norms computed from the arrays', async () => {
  const { model, batch } = modelAndBatch(values);
  const before = new Map(await model.parameters.download());
  const found = await trace(model, batch);
  const list = parameterNorms(found);
  expect(list.map(({ name }) => name)).toEqual([...before.keys()]);
  expect(list[0]!.norm).toBeCloseTo(Math.hypot(...before.get(list[0]!.name)!), 12);
  expect(list[0]!.gradientNorm).toBeCloseTo(Math.hypot(...found.gradients[list[0]!.name]!.data), 12);
  const after = new Map([...before].map(([name, v]) => [name, v.map((w) => 1.01 * w)]));
  for (const { name, ratio } of updateRatios(before, after)) {
    expect(ratio).toBeCloseTo(before.get(name)!.every((w) => w === 0) ? 0 : 0.01, 6);
  }
  const zero = new Map([['b', [0, 0]]]);
  expect(updateRatios(zero, new Map([['b', [0, 1]]]))).toEqual([{ name: 'b', ratio: Number.POSITIVE_INFINITY }]);
});

describe('nearestPatterns', () => {
  test('finds the planted pattern', () => {
    const [rows, cols] = [40, 3];
    const data = Float64Array.from({ length: rows * cols }, (_, i) => 0.2 * Math.sin(i * 7.3));
    const planted = [0.9, -0.8, 0.1, 0.7, -0.9, 0.2, 0.8, -0.7, -0.1];
    for (const from of [5, 21]) data.set(planted, from * cols);
    const { units, matches } = nearestPatterns({ rows, cols, data }, [5, 8], { count: 2 });
    expect(units).toEqual([0, 1]); // the third is below the threshold
    expect(matches[0]).toMatchObject({ from: 21, to: 24 });
    expect(matches[0]!.similarity).toBeCloseTo(1, 12);
    expect(matches[1]!.similarity).toBeLessThan(0.99);
    for (const { from, to } of matches) expect(to <= 5 || from >= 8).toBe(true);
  });
});

describe('findNonFinite', () => {
  test('finds nothing in a finite trace', async () => {
    const { model, batch } = modelAndBatch(values);
    expect(findNonFinite(await trace(model, batch))).toEqual({ first: null, causes: [] });
  });

  test.each(['lstm.weight_ih_l0', 'head.bias'])('names a NaN in %s', async (name) => {
    const { model, batch } = modelAndBatch(values);
    const weights = (await model.parameters.download()).get(name)!.slice();
    weights[1] = Number.NaN;
    model.kernels.upload(model.parameters.handle(name), weights); // set() refuses it
    const { first } = findNonFinite(await trace(model, batch));
    expect(first).toMatchObject({ tensor: `the parameter ${name}, row 0`, unit: 1 });
  });

  test('names an infinite sum and the product that caused it', async () => {
    const { model, batch } = modelAndBatch(values);
    const weights = (await model.parameters.download()).get('lstm.weight_ih_l0')!.slice();
    weights[1 * 3 + 2] = 1e300; // into gate i of unit 1, from x[2]
    model.parameters.set('lstm.weight_ih_l0', weights);
    const inputs = Array.from(batch.inputs);
    inputs[2 * 3 + 2] = 1e300;
    const { first, causes } = findNonFinite(await trace(model, { ...batch, inputs }));
    expect(first).toMatchObject({ tensor: 'lstm a_i', step: 2, unit: 1, value: Number.POSITIVE_INFINITY });
    expect(causes[0]!.tensor).toMatch(/^lstm x\[2\] = 1\.00e\+300 times its weight 1\.00e\+300/);
  });
});

test('errors name the argument', async () => {
  const { model, batch } = modelAndBatch(values);
  expect((await rejected(() => gradientByLag(model, batch, { step: 9 }))).message).toMatch(/^step/);
  expect((await rejected(() => attribution(model, batch, { method: 'magic' as never }))).message).toMatch(/^method/);
  const two = randomBatch(values, { steps: 4, batchSize: 2 }, 2);
  expect((await rejected(() => attribution(model, two))).message).toMatch(/^batch must be one sequence/);
  expect((await rejected(async () => jacobianSpectrum(model, two))).message).toMatch(
    /^batch\.batchSize must be 1, got 2/,
  );
});
