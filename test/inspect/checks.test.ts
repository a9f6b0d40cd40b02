/** What the calls of `unspool/inspect` reject, and values at the edges of their rules. */
import { describe, expect, test } from '@jest/globals';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { CellSpec } from '../../src/core/lstm/spec.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import {
  attribution,
  colorAt,
  deadUnits,
  findNonFinite,
  type Grid,
  gateStatistics,
  gradientByLag,
  gradientFlow,
  isDark,
  jacobianSpectrum,
  nearestPatterns,
  preactivationTerms,
  stateBefore,
  type Trace,
  trace,
  updateRatios,
  valueRange,
  weightGradientByStep,
} from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const [T, N] = [4, 3];
const spec = (cell?: CellSpec): ModelSpec => ({
  seed: 2,
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 3, ...(cell && { cell }) },
    { kind: 'linear', size: 2 },
  ],
});
const make = (cell?: CellSpec, batchSize = N): { model: Model; batch: Batch } => {
  const model = buildModel(createReference('float64'), spec(cell));
  return { model, batch: randomBatch(spec(cell), { steps: T, batchSize }, 2) };
};
const gridOf = (rows: number, cols: number, data: readonly number[]): Grid => ({
  rows,
  cols,
  data: Float64Array.from(data),
});

describe('colors', () => {
  test('the range of finite values is their minimum and maximum; other values are ignored', () => {
    const values = gridOf(2, 3, [3, Number.NaN, -2, Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY]);
    expect(valueRange(values, 'size')).toEqual([-2, 3]);
    expect(valueRange(values, 'sign')).toEqual([-3, 3]);
    expect(valueRange(gridOf(1, 2, [Number.NaN, Number.NaN]), 'size')).toEqual([0, 1]);
  });

  test('a share at a stop has the color of the stop, and shares outside are clamped', () => {
    expect(colorAt('sign', 0)).toEqual([0x08, 0x30, 0x6b]);
    expect(colorAt('sign', 0.25)).toEqual([0x6b, 0xae, 0xd6]);
    expect(colorAt('sign', 0.5)).toEqual([0xdd, 0xdd, 0xdb]);
    expect(colorAt('sign', 1)).toEqual([0x7f, 0x27, 0x04]);
    expect([colorAt('size', -3), colorAt('size', 7)]).toEqual([colorAt('size', 0), colorAt('size', 1)]);
    expect(colorAt('sign', 0.5, 'dark')).toEqual([0x5c, 0x61, 0x68]);
  });

  test('an unknown scale, scheme or color is an error', () => {
    expect(thrown(() => colorAt('sized' as never, 0)).message).toMatch(/^scale must be 'size' or 'sign'.*mean "size"/);
    expect(thrown(() => colorAt('size', Number.NaN)).message).toMatch(/^share must be a number/);
    expect(thrown(() => colorAt('size', 0, 'night' as never)).message).toMatch(/^scheme must be 'light' or 'dark'/);
    expect(thrown(() => isDark([1, 2] as never)).message).toMatch(/^color must have 3 numbers, got 2/);
  });
});

describe('gates', () => {
  test('a value at a threshold is neither closed nor open', async () => {
    const { model, batch } = make();
    const [layer] = (await trace(model, batch)).layers as [Trace['layers'][0]];
    const at = gridOf(T, 3, [0.1, 0.9, 0.5, 0.05, 0.95, 0.5, 0.1, 0.9, 0.5, 0.1, 0.9, 0.5]);
    const [i] = gateStatistics({ ...layer, gates: { ...layer.gates, i: at } }) as [
      ReturnType<typeof gateStatistics>[0],
    ];
    expect(i).toMatchObject({ gate: 'i', closedByUnit: [0.25, 0, 0], openByUnit: [0, 0.25, 0] });
  });

  test.each<[CellSpec | undefined, boolean]>([
    [undefined, true],
    [{}, true],
    [{ peepholes: true }, false],
    [{ layerNorm: true }, false],
    [{ peepholes: true, layerNorm: true }, false],
    [{ gates: 'coupled' }, false],
    [{ activations: { candidate: 'relu' } }, false],
    [{ clip: 1 }, false],
  ])('the cell %j is standard: %j', async (cell, standard) => {
    const { model, batch } = make(cell);
    expect((await trace(model, batch)).layers[0]!.variant.standard).toBe(standard);
  });
});

test('patterns end within the states, also if there are fewer than were requested', () => {
  const states = gridOf(7, 1, [1, 1, 1, 1, 1, 1, 1]);
  const { matches } = nearestPatterns(states, [0, 2], { count: 50 });
  expect(matches.map(({ from, to }) => [from, to])).toEqual([
    [2, 4],
    [4, 6],
  ]);
  expect(thrown(() => nearestPatterns(states, [5, 8])).message).toMatch(/^span\[1\] must be an integer from 6 to 7/);
});

describe('a misspelled option is an error of', () => {
  const { model, batch } = make(undefined, 1);
  test.each<[string, () => unknown]>([
    ['trace', () => trace(model, batch, { rows: 1 } as never)],
    ['attribution', () => attribution(model, batch, { steps: 1 } as never)],
    ['gradientByLag', () => gradientByLag(model, batch, { steps: 1 } as never)],
    ['jacobianSpectrum', () => jacobianSpectrum(model, batch, { exponent: 1 } as never)],
    ['nearestPatterns', () => nearestPatterns(gridOf(1, 1, [1]), [0, 1], { counts: 1 } as never)],
    ['the batch', () => trace(model, { ...batch, weigths: [1] } as never)],
  ])('%s', async (_, act) => {
    expect((await rejected(async () => act())).message).toMatch(/unknown setting\. Did you mean/);
  });
});

describe('the right order, row by row:', () => {
  test('a batchFirst batch and the same batch time-major have the same traces', async () => {
    const { model, batch } = make();
    const turned = (values: ArrayLike<number>) =>
      Array.from(
        { length: N * T * 2 },
        (_, i) => values[((Math.floor(i / 2) % T) * N + Math.floor(i / 2 / T)) * 2 + (i % 2)]!,
      );
    const first = { ...batch, inputs: turned(batch.inputs), targets: turned(batch.targets), batchFirst: true };
    for (const row of [0, 2]) {
      const [a, b] = [await trace(model, batch, { row }), await trace(model, first, { row })];
      expect(b.layers[0]!.h.data).toEqual(a.layers[0]!.h.data);
      expect(b.loss).toBe(a.loss);
      expect((await gradientByLag(model, first, { row })).layers).toEqual(
        (await gradientByLag(model, batch, { row })).layers,
      );
    }
    expect((await trace(model, batch)).loss).not.toBe((await trace(model, batch, { row: 2 })).loss);
  });

  test('a sequence ends at its length, and padding may be anything', async () => {
    const { model, batch } = make();
    const [inputs, targets] = [Array.from(batch.inputs), Array.from(batch.targets)];
    inputs[(3 * N + 1) * 2] = Number.NaN;
    const padded = { ...batch, inputs, targets, lengths: [4, 3, 4] };
    expect((await trace(model, padded, { row: 1 })).steps).toBe(3);
    const problem = (await rejected(() => trace(model, { ...padded, lengths: [4, 4, 4] }, { row: 1 }))).message;
    expect(problem).toMatch(/^inputs\[20\] \(step 3, sequence 1, column 0\) must be a finite number, got NaN/);
    expect((await rejected(() => gradientByLag(model, padded, { row: 1, step: 3 }))).message).toMatch(
      /^step must be .* 0 to 2/,
    );
  });

  test('null and text are not read as numbers', async () => {
    const { model, batch } = make();
    for (const value of [null, '0.5', undefined, [1]]) {
      const inputs = Object.assign(Array.from(batch.inputs), { 2: value });
      const error = await rejected(() => trace(model, { ...batch, inputs } as never, { row: 1 }));
      expect(error.message).toMatch(/^inputs\[2\] \(step 0, sequence 1, column 0\) must be a finite number/);
    }
  });
});

test('what happens during the awaits of a trace has no effect', async () => {
  const { model, batch } = make(undefined, 1);
  const expected = await trace(model, batch);
  const inputs = Float64Array.from(batch.inputs);
  const running = trace(model, { ...batch, inputs });
  const attributing = attribution(model, { ...batch, inputs });
  inputs.fill(0);
  for (const { name, size } of model.parameters.layout.entries) model.parameters.set(name, new Float64Array(size));
  expect(await running).toEqual(expected);
  expect((await attributing).loss).toBe(expected.loss);
});

describe('a damaged trace is rejected by', () => {
  const calls: [string, (found: Trace) => unknown][] = [
    ['gateStatistics', ({ layers }) => gateStatistics(layers[0]!)],
    ['deadUnits', ({ layers }) => deadUnits(layers[0]!)],
    ['gradientFlow', ({ layers }) => gradientFlow(layers[0]!)],
    ['findNonFinite', findNonFinite],
    ['preactivationTerms', (found) => preactivationTerms(found, found.layers[0]!, 1, 'f', 0)],
    ['weightGradientByStep', (found) => weightGradientByStep(found, 'lstm.weight_hh_l0', 0, 0)],
  ];
  test.each(calls)('%s', async (_, act) => {
    const { model, batch } = make();
    const found = await trace(model, batch);
    expect(() => act(found)).not.toThrow();
    const layer = found.layers[0]!;
    const short = { ...layer.gates.f, data: layer.gates.f.data.subarray(1) };
    const damaged = { ...found, layers: [{ ...layer, gates: { ...layer.gates, f: short } }] };
    expect(thrown(() => act(damaged)).message).toMatch(/gates\.f\.data has 11 numbers, but 4 rows of 3 columns/);
  });

  test('stateBefore, if memory was transferred', async () => {
    const { model, batch } = make();
    const layer = (await trace(model, batch)).layers[0]!;
    const data = new Float64Array(0);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    const damaged = { ...layer, c: { rows: layer.steps, cols: 0, data }, initial: { ...layer.initial } };
    expect(thrown(() => stateBefore(damaged, 1)).message).toMatch(/^layer\.c\.data: its memory was transferred/);
  });

  test('and parameters of two models', () => {
    expect(thrown(() => updateRatios(new Map([['a', [1]]]), new Map([['b', [1]]]))).code).toBe('INVALID_DATA');
  });
});
