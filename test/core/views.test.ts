/** Views against the package `ndarray`, whose methods they have. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hostArray, hostColumns, type NdArray, type NestedNumbers, ownArray } from '../../src/core/memory/views.js';
import { createModel } from '../../src/create.js';
import { type ScijsArray, toNdarray } from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { flat } from '../support/arrays.js';
import { problemOf, thrown } from '../support/errors.js';

type Step = (size: number) => fc.Arbitrary<number | null>;
const count: Step = (size) => fc.option(fc.nat(size));
const stride: Step = () => fc.option(fc.constantFrom(1, 2, 3, -1, -2));
const pick: Step = (size) => fc.option(fc.nat(size - 1));

/** Every index of a shape, in row-major order. */
const indices = ([size, ...rest]: readonly number[]): number[][] =>
  size === undefined ? [[]] : Array.from({ length: size }, (_, i) => indices(rest).map((more) => [i, ...more])).flat();

const deepFlat = (list: NestedNumbers): number[] => (typeof list === 'number' ? [list] : list.flatMap(deepFlat));

function expectSame(view: NdArray, wanted: ScijsArray): void {
  const { shape, stride: strides, offset, size, dimension } = wanted;
  expect([view.shape, view.stride, view.offset, view.size, view.dimension]).toEqual([
    [...shape],
    [...strides],
    offset,
    size,
    dimension,
  ]);
  const all = indices(shape);
  const numbers = all.map((at) => wanted.get(...at));
  expect(all.map((at) => view.get(...at))).toEqual(numbers);
  expect(all.map((at) => view.index(...at))).toEqual(all.map((at) => wanted.index(...at)));
  expect([...view]).toEqual(numbers);
  expect(deepFlat(view.toArray())).toEqual(numbers);
  const copy = view.copy();
  expect([[...copy.data], copy.shape, flat(copy)]).toEqual([numbers, [...shape], numbers]);
}

const METHODS = [
  ['hi', count],
  ['lo', count],
  ['step', stride],
  ['pick', pick],
] as const;

test('any sequence of views shows the numbers that ndarray shows', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), fc.gen(), (shape, gen) => {
      const size = shape.reduce((a, b) => a * b, 1);
      let view: NdArray = ownArray(
        Float64Array.from({ length: size }, (_, i) => i),
        shape,
      );
      let wanted: ScijsArray = toNdarray(view);
      for (let n = gen(fc.nat, { max: 4 }); n > 0 && view.dimension > 0; n--) {
        if (gen(fc.boolean)) {
          const order = gen(() =>
            fc.shuffledSubarray(
              view.shape.map((_, d) => d),
              { minLength: view.dimension },
            ),
          );
          [view, wanted] = [view.transpose(...order), wanted.transpose(...order)];
        } else {
          const [name, argument] = gen(() => fc.constantFrom(...METHODS));
          if (name === 'pick' && view.size === 0) continue;
          const given = gen(() => fc.tuple(...view.shape.map((length) => argument(length))));
          [view, wanted] = [view[name](...given), wanted[name](...given)];
        }
        expectSame(view, wanted);
      }
      expectSame(view, wanted);
      if (view.size === 0) return;
      const at = view.shape.map(() => 0);
      expect(view.set(...at, -7)).toBe(-7);
      expect([wanted.get(...at), view.get(...at)]).toEqual([-7, -7]);
    }),
    { numRuns: 100 },
  );
});

describe('a live view', () => {
  test('shows the memory of the engine; columns have a stride; copies stay as they are', () => {
    const k = createReference('float32');
    const m = k.alloc(3, 4);
    k.upload(
      m,
      Float32Array.from({ length: 12 }, (_, i) => i),
    );
    const [all, columns] = [hostArray(k, m, [3, 2, 2]), hostColumns(k, m, 1, 2)];
    expectSame(all, toNdarray(all));
    expectSame(columns, toNdarray(columns));
    expect(columns.toArray()).toEqual([
      [1, 2],
      [5, 6],
      [9, 10],
    ]);
    const copy = columns.copy();
    columns.set(0, 1, 70);
    expect([all.get(0, 1, 0), toNdarray(columns).get(0, 1), copy.get(0, 1)]).toEqual([70, 70, 2]);
    expect([all.dtype, copy.dtype, ownArray(new Float64Array(1), [1]).dtype]).toEqual([
      'generic',
      'float32',
      'float64',
    ]);
  });

  test('a transposed view: `data` keeps the order of memory, copies have the order of the shape', () => {
    const view = ownArray(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3]).transpose(1, 0);
    expect([...view.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...view.copy().data]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(view.toArray()).toEqual([
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
  });
});

test('a wrong index or argument is an error, not another number', () => {
  const view = ownArray(new Float64Array(6), [2, 3]) as NdArray;
  const loose = view as unknown as Record<string, (...given: unknown[]) => unknown>;
  const calls: [string, unknown[]][] = [
    ['get', [0, 3]],
    ['get', [0]],
    ['get', [0, 1, 0]],
    ['get', [-1, 0]],
    ['get', [0.5, 0]],
    ['get', ['0', 0]],
    ['get', [0n, 0]],
    ['set', [2, 0, 1]],
    ['set', [0, 0, '1']],
    ['set', [0, 0, undefined]],
    ['set', []],
    ['index', [0, Number.NaN]],
    ['hi', [3]],
    ['hi', [1, 1, 1]],
    ['lo', [-1]],
    ['lo', ['1']],
    ['step', [0]],
    ['step', [0.5]],
    ['transpose', [0]],
    ['transpose', [0, 0]],
    ['transpose', [1n, 0n]],
    ['pick', [2]],
    ['pick', ['x']],
  ];
  for (const [method, given] of calls) {
    expect([
      method,
      given,
      problemOf(
        thrown(() => loose[method]!(...given)),
        'INVALID_SETTING',
      ).code,
    ]).toEqual([method, given, 'INVALID_SETTING']);
  }
});

test('a prediction is a copy in the order of its shape', async () => {
  const model = await createModel(
    {
      inputSize: 2,
      layers: [
        { kind: 'lstm', hiddenSize: 3 },
        { kind: 'linear', size: 2 },
      ],
    },
    { backend: 'reference', precision: 'float64' },
  );
  const [T, N] = [4, 3];
  const inputs = Array.from({ length: T * N * 2 }, (_, i) => Math.sin(i));
  const swapped = Array.from({ length: N * T * 2 }, (_, i) => {
    const [c, t, n] = [i % 2, Math.floor(i / 2) % T, Math.floor(i / 2 / T)];
    return inputs[(t * N + n) * 2 + c]!;
  });
  const { output: timeMajor } = await model.predict(inputs, { batchSize: N });
  const { output: batchFirst } = await model.predict(swapped, { batchSize: N, batchFirst: true });
  expect([timeMajor.shape, batchFirst.shape]).toEqual([
    [T, N, 2],
    [N, T, 2],
  ]);
  expect(batchFirst.toArray()).toEqual(timeMajor.transpose(1, 0, 2).toArray());
  for (const view of [timeMajor, batchFirst]) {
    expect([...view.data]).toEqual(flat(view));
    expect(view.data).toBeInstanceOf(Float64Array);
  }
});
