/** The ranges of the settings of `unspool/inspect`, and every part of a trace that must fit the others. */
import { describe, expect, test } from '@jest/globals';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import * as inspect from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { integer, number, testRanges } from '../support/ranges.js';

const SPEC: ModelSpec = {
  inputSize: 2,
  layers: [
    {
      kind: 'lstm',
      hiddenSize: 4,
      projectionSize: 3,
      initialState: 'learned',
      cell: { peepholes: true, layerNorm: true },
    },
    { kind: 'linear', size: 2 },
  ],
};
const [T, D, H, R] = [5, 2, 4, 3];
const model = buildModel(createReference('float64'), SPEC);
const batch = randomBatch(SPEC, { steps: T, batchSize: 1 }, 2);
const traced = inspect.trace(model, batch);
const BITS_24 = 16777216;
const LARGEST = '1.7976931348623157e+308';
const states: inspect.Grid = { rows: 3, cols: 1, data: new Float64Array(3) };

testRanges([
  ['points', integer(1, 65536), (points) => inspect.attribution(model, batch, { points })],
  ['step', integer(0, 4), (step) => inspect.attribution(model, batch, { step })],
  ['step', integer(0, 4), (step) => inspect.gradientByLag(model, batch, { step })],
  ['row', integer(0, 0), (row) => inspect.gradientByLag(model, batch, { row })],
  ['row', integer(0, 0), (row) => inspect.trace(model, batch, { row })],
  ['low', `a number from -${LARGEST} to ${LARGEST}`, (low) => inspect.logTicks(low, 1, 3)],
  ['high', `a number from -${LARGEST} to ${LARGEST}`, (high) => inspect.logTicks(1, high, 3)],
  ['count', number(1, 1000), (count) => inspect.logTicks(1, 2, count)],
  ['count', number(1, 1000), (count) => inspect.logAxis(count)],
  ['value', `a number from -${LARGEST} to ${LARGEST}`, (value) => inspect.logLabel(value)],
  ['share', `a number from -${LARGEST} to ${LARGEST}`, (share) => inspect.colorAt('size', share)],
  ['silent', number(0), async (silent) => inspect.deadUnits((await traced).layers[0]!, silent)],
  ['threshold', number(0), (threshold) => inspect.nearestPatterns(states, [0, 1], { threshold })],
  ['count', integer(0), (count) => inspect.nearestPatterns(states, [0, 1], { count })],
  ['span[0]', integer(0, 2), (from) => inspect.nearestPatterns(states, [from, 1])],
  ['span[1]', integer(2, 3), (to) => inspect.nearestPatterns(states, [1, to])],
  ['exponents', integer(1, BITS_24), (exponents) => inspect.jacobianSpectrum(model, batch, { exponents })],
  ['steps', integer(1, BITS_24), (steps) => inspect.jacobianSpectrum(model, { ...batch, steps })],
  ['batchSize', integer(1, BITS_24), (batchSize) => inspect.jacobianSpectrum(model, { ...batch, batchSize })],
  ['t', integer(0, 4), async (t) => inspect.preactivationTerms(await traced, (await traced).layers[0]!, t, 'i', 0)],
  ['unit', integer(0, 3), async (u) => inspect.preactivationTerms(await traced, (await traced).layers[0]!, 0, 'i', u)],
  ['t', integer(0, 4), async (t) => inspect.stateBefore((await traced).layers[0]!, t)],
  ['row', integer(0, 15), async (row) => inspect.weightGradientByStep(await traced, 'lstm.weight_ih_l0', row, 0)],
  ['col', integer(0, 1), async (col) => inspect.weightGradientByStep(await traced, 'lstm.weight_ih_l0', 0, col)],
  ['significance', number(1 / 512, 1), (significance) => correlations({ significance })],
  ['minEvents', integer(1), (minEvents) => correlations({ minEvents })],
]);
const correlations = (options: object) => inspect.unitCorrelations({ lstm: states }, [], options);

test('labels: three are enough, and infinite ends are refused', () => {
  expect(inspect.logTicks(1, 100, 4)).toEqual([1, 10, 100]);
  for (const [low, high] of [
    [Number.POSITIVE_INFINITY, 2],
    [1, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, 2],
  ] as const) {
    expect(thrown(() => inspect.logTicks(low, high, 3)).code).toBe('INVALID_SETTING');
  }
  expect(thrown(() => inspect.colorAt('size', Number.POSITIVE_INFINITY)).code).toBe('INVALID_SETTING');
});

/** The trace with another value at a path. */
function damaged<V>(value: V, path: readonly string[], now: unknown): V {
  const [key, ...rest] = path;
  if (key === undefined) return now as V;
  const inner = damaged((value as Record<string, unknown>)[key], rest, now);
  return Array.isArray(value) ? (value.with(Number(key), inner) as V) : { ...value, [key]: inner };
}
const gridOf = (rows: number, cols: number): inspect.Grid => ({ rows, cols, data: new Float64Array(rows * cols) });

describe('a grid of another size is refused:', () => {
  const byGate = (path: string) =>
    ['i', 'f', 'g', 'o'].map((gate): [string, number, number] => [`${path}.${gate}`, T, H]);
  const grids: readonly [path: string, rows: number, cols: number][] = [
    ...[['x', T, D] as const, ['c', T, H] as const, ['tanhC', T, H] as const, ['h', T, R] as const].map(
      ([path, rows, cols]): [string, number, number] => [path, rows, cols],
    ),
    ...['a', 'gates', 'grad.a', 'grad.gates'].flatMap(byGate),
    ...['cell.c', 'cell.h', 'grad.c', 'grad.cFromNext', 'grad.cFromH', 'grad.cell.c', 'grad.cell.h'].map(
      (path): [string, number, number] => [path, T, H],
    ),
    ...['grad.h', 'grad.hFromAbove', 'grad.hFromNext'].map((path): [string, number, number] => [path, T, R]),
    ...[['initial.c', 1, H] as const, ['initial.h', 1, R] as const].flatMap(
      ([path, rows, cols]): [string, number, number][] => [
        [path, rows, cols],
        [`grad.${path}`, rows, cols],
      ],
    ),
    ['grad.x', T, D],
    ['grad.inputProduct', T, 4 * H],
    ['grad.recurrentProduct', T, 4 * H],
    ['grad.normalizedC', T, H],
  ];
  test.each(grids)('%s', async (path, rows, cols) => {
    for (const [r, c] of [
      [rows + 1, cols],
      [rows, cols + 1],
    ] as const) {
      const wrong = damaged(await traced, ['layers', '0', ...path.split('.')], gridOf(r, c));
      expect(thrown(() => inspect.findNonFinite(wrong)).message).toContain(
        `trace.layers[0].${path} must be [${rows}, ${cols}], got [${r}, ${c}].`,
      );
    }
  });

  const G = 4 * H;
  test.each([
    ...[['weight_ih_l0', G, D] as const, ['weight_hh_l0', G, R] as const, ['weight_hr_l0', R, H] as const],
    ...(['bias_ih_l0', 'bias_hh_l0'] as const).map((name) => [name, 1, G] as const),
  ])('parameter %s', async (name, rows, cols) => {
    const now = gridOf(rows + 1, cols);
    const wrong = { ...(await traced), parameters: { ...(await traced).parameters, [`lstm.${name}`]: now } };
    expect(thrown(() => inspect.findNonFinite(wrong)).message).toContain(
      `trace.parameters.lstm.${name} must be [${rows}, ${cols}], got [${rows + 1}, ${cols}].`,
    );
  });

  test('each parameter of the layer', async () => {
    const { parameters, layers } = await traced;
    for (const name of Object.values(layers[0]!.parameters)) {
      const { rows, cols } = parameters[name]!;
      const wrong = { ...(await traced), parameters: { ...parameters, [name]: gridOf(rows, cols + 1) } };
      expect(thrown(() => inspect.findNonFinite(wrong)).message).toContain(`trace.parameters.${name} must be [`);
    }
    expect(Object.keys(layers[0]!.parameters)).toHaveLength(5 + 3 + 6 + 2);
  });
});

test.each<[path: string, value: unknown, message: string]>([
  ['layers', {}, 'trace.layers must be a list'],
  ['layers.0', null, 'trace.layers[0] must be an object'],
  ['layers.0.steps', 0, 'trace.layers[0].steps must be an integer from 1 to 268435456, got 0.'],
  ['layers.0.inputSize', 0.5, 'trace.layers[0].inputSize must be'],
  ['layers.0.hiddenSize', null, 'trace.layers[0].hiddenSize must be'],
  ['layers.0.outputSize', -1, 'trace.layers[0].outputSize must be'],
  ['layers.0.reverse', 1, 'trace.layers[0].reverse must be a boolean, got 1.'],
  ['layers.0.lastOnly', null, 'trace.layers[0].lastOnly must be a boolean, got null.'],
  ['layers.0.name', 5, 'trace.layers[0].name must be a string, got 5.'],
  ['layers.0.variant', null, 'trace.layers[0].variant.zoneoutH must be a number from 0 to 1'],
  ['layers.0.variant.zoneoutH', 2, 'trace.layers[0].variant.zoneoutH must be a number from 0 to 1, got 2.'],
  ['layers.0.parameters', null, 'trace.layers[0].parameters must be an object'],
  [
    'layers.0.parameters.weight_ih',
    'other',
    'trace.layers[0].parameters.weight_ih is "other", which the trace does not',
  ],
  ['layers.0.parameters.more', 'lstm.weight_ih_l0', 'parameters.more is "lstm.weight_ih_l0", which the trace does not'],
  ['layers.0.grad.normalizedC', null, 'trace.layers[0].grad.normalizedC must be an object'],
  ['parameters', null, 'trace.parameters must be an object'],
  ['gradients', 5, 'trace.gradients must be an object'],
  ['output', null, 'trace.output must be an object'],
  ['outputGrad', null, 'trace.outputGrad must be an object'],
  ['input', null, 'trace.input must be an object'],
  ['input.x', null, 'trace.input.x must be an object'],
  ['output.data', [1, 2], 'trace.output.data must be a Float32Array or a Float64Array'],
  ['output.rows', 0.5, 'trace.output.rows must be an integer from 0 to 268435456, got 0.5.'],
  ['output.cols', -1, 'trace.output.cols must be an integer from 0 to 268435456, got -1.'],
  ['output.rows', 9, 'trace.output.data has 10 numbers, but 9 rows of 2 columns.'],
])('%s: %p is refused', async (path, value, message) => {
  const wrong = damaged(await traced, path.split('.'), value);
  expect(thrown(() => inspect.findNonFinite(wrong)).message.replace(': ', ' ')).toContain(message);
});

test('weights of the layer must be named', async () => {
  const { weight_hh: _, ...rest } = (await traced).layers[0]!.parameters;
  const wrong = damaged(await traced, ['layers', '0', 'parameters'], rest);
  expect(thrown(() => inspect.findNonFinite(wrong)).message).toContain('parameters.weight_hh is missing.');
  expect(thrown(() => inspect.valueRange(null as never, 'size')).message).toContain('grid must be an object');
});
