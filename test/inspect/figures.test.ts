/** Figures of gates, gradients, colors and axes, from numbers that are set here. */
import { describe, expect, test } from '@jest/globals';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import * as inspect from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const { colorAt, deadUnits, gateStatistics, gradientByLag, gradientFlow, isDark, logLabel, logTicks, valueRange } =
  inspect;

const SPEC: ModelSpec = {
  seed: 2,
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: 2 },
  ],
};
const T = 4;
const model = buildModel(createReference('float64'), SPEC);
const batch = randomBatch(SPEC, { steps: T, batchSize: 2 }, 2);
const layerOf = async () => (await inspect.trace(model, batch)).layers[0]!;
const gridOf = (rows: number, cols: number, data: readonly number[]): inspect.Grid => ({
  ...{ rows, cols, data: Float64Array.from(data) },
});
const rowNorms = ({ rows, cols, data }: inspect.Grid): number[] =>
  Array.from({ length: rows }, (_, t) => Math.hypot(...data.subarray(t * cols, (t + 1) * cols)));
const close = (values: readonly number[]) => values.map((v) => expect.closeTo(v, 12));

describe('gates', () => {
  test('the candidate is closed below -0.9; shares, means and gradients are over all steps and units', async () => {
    const layer = await layerOf();
    const g = gridOf(T, 3, [-0.95, 0.95, 0, -0.91, 0.1, 0, -0.9, 0.92, 0, 0.05, -1, 0]);
    const statistics = gateStatistics({ ...layer, gates: { ...layer.gates, g } });
    expect(statistics.map(({ gate }) => gate)).toEqual(['i', 'f', 'g', 'o']);
    expect(statistics[2]).toEqual({
      ...{ gate: 'g', mean: expect.closeTo(Array.from(g.data).reduce((a, b) => a + b) / 12, 12) },
      ...{ closed: 0.25, open: expect.closeTo(2 / 12, 12) },
      ...{ closedByUnit: [0.5, 0.25, 0], openByUnit: [0, 0.5, 0] },
      gradientNorm: expect.closeTo(Math.hypot(...layer.grad.gates.g.data), 12),
    });
    for (const { gate, gradientNorm } of statistics) {
      expect(gradientNorm).toBeCloseTo(Math.hypot(...layer.grad.gates[gate].data), 12);
    }
  });

  test('a unit is dead if it is below the threshold at all steps, or has no gradient at any', async () => {
    const layer = await layerOf();
    const h = gridOf(T, 3, [0, -0.01, 5, 1e-3, 0, 5, 0, 0, 5, 0, 0, 5]);
    const c = gridOf(T, 3, [0, 0, 0, 0, 0, 0, 0, -1e-9, 0, 1, 0, 0]);
    const cell = { ...layer.cell, h };
    const dead = { ...layer, cell, grad: { ...layer.grad, cell: { ...layer.grad.cell, c } } };
    expect(deadUnits(dead)).toEqual([{ unit: 2, why: 'no gradient' }]); // unit 0 reaches the threshold
    expect(deadUnits(dead, 0.0011)).toEqual([
      { unit: 0, why: 'silent' },
      { unit: 2, why: 'no gradient' },
    ]);
    expect(deadUnits(dead, 10).map(({ why }) => why)).toEqual(['silent', 'silent', 'silent']);
    expect(thrown(() => deadUnits(layer, -1)).message).toContain('silent must be a number of at least 0');
  });
});

describe('the flow of the gradient', () => {
  test('has the norm of each part at each step', async () => {
    const layer = await layerOf();
    const flow = gradientFlow(layer);
    for (const part of ['h', 'hFromAbove', 'hFromNext', 'c', 'cFromNext', 'cFromH'] as const) {
      expect([part, flow[part]]).toEqual([part, close(rowNorms(layer.grad[part]))]);
    }
    expect(flow.hFromNext[0]).toBeGreaterThan(0);
  });

  /** A unit whose only path back is its forget gate, which is `f` at all steps. */
  const through = (f: number, steps: number) => {
    const one: ModelSpec = { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1, bias: 'single' }] };
    const alone = buildModel(createReference('float64'), one);
    for (const { name, size } of alone.parameters.layout.entries) alone.parameters.set(name, new Float64Array(size));
    alone.parameters.set('lstm.bias_ih_l0', [0, Math.log(f / (1 - f)), 0, 0]);
    const targets = new Float64Array(steps).fill(1);
    return gradientByLag(alone, { steps, batchSize: 1, inputs: new Float64Array(steps), targets });
  };

  test.each<[number, string]>([
    [0.5, 'vanishes'],
    [0.699, 'vanishes'],
    [0.701, 'fades'],
    [0.949, 'fades'],
    [0.951, 'persists'],
    [0.999, 'persists'],
  ])('a factor of %d: it %s', async (f, verdict) => {
    const { step, layers } = await through(f, 6);
    expect(step).toBe(5);
    expect(layers[0]).toMatchObject({ factor: expect.closeTo(f, 10), verdict });
    const { c } = layers[0]!;
    expect(c.map((v) => v / c[0]!)).toEqual(close([1, f, f ** 2, f ** 3, f ** 4, f ** 5]));
  });

  test('four lags are needed', async () => {
    expect((await through(0.8, 3)).layers[0]).toMatchObject({ factor: null, verdict: 'too short' });
    expect((await through(0.8, 4)).layers[0]).toMatchObject({ factor: expect.closeTo(0.8, 10), verdict: 'fades' });
  });

  test('is that of the last step of the row that has a weight', async () => {
    const weights = [1, 1, 1, 0, 0, 2, 0, 0]; // of rows 0 and 1, step by step
    const stepOf = async (row: number, more: object) =>
      (await gradientByLag(model, { ...batch, ...more }, { row })).step;
    expect([await stepOf(0, { weights }), await stepOf(1, { weights })]).toEqual([1, 2]);
    const byRow = { weights: [1, 1, 1, 0, 0, 2, 0, 0], batchFirst: true };
    expect([await stepOf(0, byRow), await stepOf(1, byRow)]).toEqual([2, 1]);
    expect([await stepOf(0, {}), await stepOf(1, { lengths: [4, 3] })]).toEqual([3, 2]);
    for (const row of [-1, 2]) {
      const error = await rejected(() => gradientByLag(model, batch, { row }));
      expect(error.message).toContain('row must be an integer from 0 to 1');
    }
  });
});

describe('colors', () => {
  const hex = (color: inspect.Rgb): string => `#${color.map((v) => v.toString(16).padStart(2, '0')).join('')}`;
  const viridis = ['440154', '482878', '3e4989', '31688e', '26828e', '1f9e89', '35b779', '6ece58', 'b5de2b', 'fde725'];
  test.each([
    ['size', 'light', viridis],
    ['size', 'dark', viridis.slice(2)],
    ['sign', 'light', ['08306b', '2171b5', '6baed6', 'b3cde6', 'dddddb', 'fcc28c', 'fd8d3c', 'd94801', '7f2704']],
    ['sign', 'dark', ['d3ecff', '93cdf5', '5ba7da', '4e81a8', '5c6168', '9a7045', 'cf8535', 'f5ab55', 'ffe0b0']],
  ] as const)('of %s on a %s background: the stops, and the mean half-way between two', (scale, scheme, stops) => {
    const last = stops.length - 1;
    const found = stops.map((_, i) => hex(colorAt(scale, i / last, scheme)).slice(1));
    expect(found).toEqual([...stops]);
    const part = (stop: string, k: number): number => Number.parseInt(stop.slice(2 * k, 2 * k + 2), 16);
    for (let i = 0; i < last; i++) {
      for (const [k, v] of colorAt(scale, (i + 0.5) / last, scheme).entries()) {
        expect(Math.abs(v - (part(stops[i]!, k) + part(stops[i + 1]!, k)) / 2)).toBeLessThanOrEqual(0.5);
      }
    }
  });

  test('of series, and which backgrounds need light text', () => {
    expect(inspect.SERIES_COLORS.join(' ')).toBe('#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #8a8a8a #b8a700');
    const dark = ([r, g, b]: number[]) => isDark([r!, g!, b!]);
    expect(
      [
        [116, 116, 116],
        [117, 117, 117],
        [0, 0, 255],
        [255, 0, 0],
        [0, 136, 0],
        [0, 137, 0],
      ].map(dark),
    ).toEqual([...[true, false, true, false, true, false]]);
    expect(
      [
        [236, 0, 0],
        [237, 0, 0],
        [0, 130, 255],
        [0, 100, 255],
      ].map(dark),
    ).toEqual([true, false, false, true]);
  });

  test('the range of one value, of zeros, and of nothing finite', () => {
    const of = (scale: inspect.ColorScale, ...data: number[]) => valueRange(gridOf(1, data.length, data), scale);
    expect([of('size', 2, 2), of('size', 2, 3), of('sign', 0, 0), of('sign', -5, 2)]).toEqual([
      ...[
        [0, 1],
        [2, 3],
        [-1, 1],
        [-5, 5],
      ],
    ]);
    expect(of('sign', Number.NaN)).toEqual([-1, 1]);
  });
});

test('axes: limits, values that are not above 0, and labels at the ends of their forms', () => {
  expect([logTicks(-1, 5, 3), logTicks(0, 5, 3), logTicks(5, 2, 3), logTicks(1, 100, 1)]).toEqual([
    ...[[-1], [0], [5], [1, 100]],
  ]);
  for (const act of [
    () => logTicks(Number.NaN, 1, 3),
    () => logTicks(1, Number.POSITIVE_INFINITY, 3),
    () => logTicks(1, 2, 0.5),
    () => logTicks(1, 2, 1001),
    () => inspect.logAxis(0),
    () => inspect.logAxis(1001),
    () => logLabel(Number.NaN),
  ]) {
    expect(thrown(act).code).toBe('INVALID_SETTING');
  }
  expect([1e-3, 0.000999, 12345, 999_949, 1e6, 1.23456e-7, -5].map(logLabel)).toEqual([
    ...['0.001', '9.99e-4', '12,350', '999,900', '1e6', '1.235e-7', '-5e0'],
  ]);
});

test('toNdarray shows the numbers of a view, and refuses other values', async () => {
  const { output } = await model.predict([1, 2, 3, 4]);
  const array = inspect.toNdarray(output as never);
  expect([array.shape, array.get(1, 0, 1), array.stride]).toEqual([
    [...output.shape],
    output.get(1, 0, 1),
    [...output.stride],
  ]);
  for (const wrong of [5, null, [1], new Float32Array(2)]) {
    expect(thrown(() => inspect.toNdarray(wrong as never)).message).toContain('view must be a view');
  }
});

test('the ratios of updates: 0 without a change, infinite from 0, and refused for other maps', () => {
  const before = new Map([
    ['a', [3, 4]],
    ['b', [0, 0]],
    ['c', [0, 0]],
  ]);
  const after = new Map([
    ['a', [3, 5]],
    ['b', [0, 0]],
    ['c', [1, 0]],
  ]);
  expect(inspect.updateRatios(before, after)).toEqual([
    { name: 'a', ratio: 0.2 },
    { name: 'b', ratio: 0 },
    { name: 'c', ratio: Number.POSITIVE_INFINITY },
  ]);
  for (const [name, act] of [
    ['before', () => inspect.updateRatios({} as never, after)],
    ['after', () => inspect.updateRatios(before, [] as never)],
    ['after.get("b")', () => inspect.updateRatios(before, new Map([['a', [1, 2]]]))],
    ['after.get("a")', () => inspect.updateRatios(before, new Map([['a', [1]]]))],
    ['before.get("a")', () => inspect.updateRatios(new Map([['a', 3 as never]]), after)],
  ] as const) {
    expect(thrown(act as () => unknown).message).toContain(name);
  }
});
