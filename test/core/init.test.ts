/** The distribution and structure of each initializer. */
import { describe, expect, test } from '@jest/globals';
import { type Initializer, initialize } from '../../src/core/init.js';
import { rareInitializers } from '../../src/core/initializers.js';
import { createRng } from '../../src/core/rng.js';
import { parseModel, serializeModel } from '../../src/interop/model-file.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { flat } from '../support/arrays.js';
import { problemOf, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const [ROWS, COLS, FAN] = [60, 90, 40];
const of = (init: Initializer, rows = ROWS, cols = COLS) =>
  initialize(init, { rows, cols, fan: FAN, rng: createRng(3, 'init') }, rareInitializers);

/** [initializer, standard deviation, bound]. All have the mean 0. */
test.each<[Initializer, number, number]>([
  ['uniform', 1 / Math.sqrt(3 * FAN), 1 / Math.sqrt(FAN)],
  ['normal', 1, 6],
  ['xavierUniform', Math.sqrt(2 / (ROWS + COLS)), Math.sqrt(6 / (ROWS + COLS))],
  ['xavierNormal', Math.sqrt(2 / (ROWS + COLS)), 6],
  ['heUniform', Math.sqrt(2 / COLS), Math.sqrt(6 / COLS)],
  ['heNormal', Math.sqrt(2 / COLS), 6],
  ['lecunUniform', Math.sqrt(1 / COLS), Math.sqrt(3 / COLS)],
  ['lecunNormal', Math.sqrt(1 / COLS), 6],
  [{ kind: 'uniform', bound: 0.3 }, 0.3 / Math.sqrt(3), 0.3],
  [{ kind: 'normal', std: 0.2 }, 0.2, 6],
  // The variance of a standard normal number within +-2 is 0.7737.
  [{ kind: 'truncatedNormal', std: 0.5 }, 0.5 * Math.sqrt(0.77374), 1],
])('%j has the right standard deviation and bound', (init, std, bound) => {
  const values = of(init);
  const n = values.length;
  const mean = values.reduce((a, b) => a + b) / n;
  const variance = values.reduce((sum, v) => sum + v * v, 0) / n;
  expect(Math.abs(mean)).toBeLessThan((5 * std) / Math.sqrt(n));
  expect(Math.abs(Math.sqrt(variance) / std - 1)).toBeLessThan(5 / Math.sqrt(2 * n));
  expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound);
  expect(values).toEqual(of(init)); // the same seed gives the same numbers
});

describe('matrices with a specific structure', () => {
  test.each([
    [5, 9],
    [9, 5],
    [6, 6],
  ])('orthogonal, %d x %d: rows or columns, whichever are fewer, are orthonormal times the gain', (rows, cols) => {
    for (const [init, gain] of [
      ['orthogonal', 1],
      [{ kind: 'orthogonal', gain: 1.5 }, 1.5],
    ] as const) {
      const w = of(init, rows, cols);
      const [count, length] = [Math.min(rows, cols), Math.max(rows, cols)];
      const at = (v: number, i: number): number => (rows <= cols ? w[v * cols + i]! : w[i * cols + v]!);
      for (let a = 0; a < count; a++) {
        for (let b = 0; b < count; b++) {
          let dot = 0;
          for (let i = 0; i < length; i++) dot += at(a, i) * at(b, i);
          expect(dot).toBeCloseTo(a === b ? gain * gain : 0, 12);
        }
      }
    }
  });

  test('identity, zeros, ones, constant and function have the given values', () => {
    expect([...of('identity', 2, 3)]).toEqual([1, 0, 0, 0, 1, 0]);
    expect([...of('zeros', 1, 2), ...of('ones', 1, 2), ...of({ kind: 'constant', value: -2 }, 1, 2)]).toEqual([
      0, 0, 1, 1, -2, -2,
    ]);
    expect([...of((rows, cols) => Array.from({ length: rows * cols }, (_, i) => i), 2, 2)]).toEqual([0, 1, 2, 3]);
  });
});

test('a function initializes each gate, and a saved model does not need it', async () => {
  const seen: string[] = [];
  const input = (rows: number, cols: number) => {
    seen.push(`${rows}x${cols}`);
    return new Array<number>(rows * cols).fill(seen.length);
  };
  const spec = { inputSize: 3, layers: [{ kind: 'lstm' as const, hiddenSize: 2, init: { input, forgetBias: 0.5 } }] };
  const model = buildModel(createReference('float32'), spec);
  expect(seen).toEqual(['2x3', '2x3', '2x3', '2x3']);
  expect(flat(model.parameters.get('lstm.weight_ih_l0')).slice(0, 12)).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2]);
  const again = parseModel(await serializeModel(model));
  expect(again.spec).toEqual({ inputSize: 3, layers: [{ kind: 'lstm', hiddenSize: 2, init: { forgetBias: 0.5 } }] });
});

test('invalid initializers are rejected', () => {
  const build = (input: unknown) => () =>
    buildModel(createReference('float32'), {
      inputSize: 3,
      layers: [{ kind: 'lstm', hiddenSize: 2, init: { input: input as Initializer } }],
    });
  const path = (input: unknown) => problemOf(thrown(build(input)), 'INVALID_SETTING').path;
  expect(path('glorot')).toBe('layers[0].init.input');
  expect(path({ kind: 'truncatedNormal' })).toBe('layers[0].init.input.std');
  expect(path({ kind: 'orthogonal', gain: -1 })).toBe('layers[0].init.input.gain');
  expect(problemOf(thrown(build(() => [1, 2])), 'SHAPE_MISMATCH')).toMatchObject({ expected: [2, 3], actual: [2] });
});
