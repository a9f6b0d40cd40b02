/** The bookkeeping of the GPU backend: allocations, blocks of rows, comparisons of instructions, kernels and memory. */
import { describe, expect, test } from '@jest/globals';
import { Allocation, asColumn, rowsOf, sameStart, type Window } from '../../src/kernels/gpu/record/allocation.js';
import { rowBlocks, segmentBlocks } from '../../src/kernels/gpu/record/blocks.js';
import { DeviceMemory } from '../../src/kernels/gpu/record/device-memory.js';
import { compare, copyOf, DIFFERENT, EQUAL, eachWindow, OTHER_NUMBERS } from '../../src/kernels/gpu/record/entry.js';
import { packAligned, roundUpTo4 } from '../../src/kernels/gpu/record/packing.js';
import { totalSize, Value } from '../../src/kernels/gpu/record/values.js';
import { thrown } from '../support/errors.js';
import { interpreted } from './interpreted.js';

const windowIn = (base: Allocation, offset: number, rows: number, cols: number): Window => ({
  ...{ base, offset, rows, cols, whole: false },
});

describe('an allocation', () => {
  /** The allocation as `value:index` of each element. */
  const shown = (allocation: Allocation, names: Map<Value, string>): string[] =>
    allocation
      .pieces(0, allocation.size)
      .flatMap(({ value, shift, size }) => Array.from({ length: size }, (_, i) => `${names.get(value)}${shift + i}`));

  test('a write replaces exactly its elements, and releases what no segment uses any more', () => {
    const allocation = new Allocation(8);
    const [a, b, c] = [new Value(8), new Value(8), new Value(8)];
    const names = new Map([
      [a, 'a'],
      [b, 'b'],
      [c, 'c'],
    ]);
    const release = (value: Value): void => void value.refCount--;
    allocation.write(0, 8, a, 0, release);
    allocation.write(2, 5, b, 3, release);
    expect(shown(allocation, names)).toEqual(['a0', 'a1', 'b3', 'b4', 'b5', 'a5', 'a6', 'a7']);
    expect([a.refCount, b.refCount]).toEqual([2, 1]);
    allocation.write(4, 7, c, 0, release);
    expect(shown(allocation, names)).toEqual(['a0', 'a1', 'b3', 'b4', 'c0', 'c1', 'c2', 'a7']);
    expect(allocation.pieces(3, 7).map(({ value, shift, size }) => [names.get(value), shift, size])).toEqual([
      ['b', 4, 1],
      ['c', 0, 3],
    ]);
    const { version } = allocation;
    allocation.write(3, 3, b, 0, release);
    expect(allocation.version).toBe(version);
    allocation.write(0, 8, b, 0, release);
    expect([a.refCount, b.refCount, c.refCount, allocation.version]).toEqual([0, 1, 0, version + 1]);
    expect(allocation.snapshot()).toEqual([{ start: 0, end: 8, value: b, shift: 0 }]);
    expect(totalSize(allocation.pieces(1, 6))).toBe(5);
  });

  test('freeing it releases its values once and calls those who wait', () => {
    const allocation = new Allocation(4);
    const value = new Value(4);
    const released: Value[] = [];
    allocation.write(0, 4, value, 0, () => {});
    let calls = 0;
    allocation.onFree.add(() => calls++);
    allocation.free((one) => released.push(one));
    expect([released, calls, allocation.freed]).toEqual([[value], 1, true]);
    expect(thrown(() => allocation.pieces(0, 4)).code).toBe('DISPOSED');
    expect(thrown(() => allocation.write(0, 4, value, 0, () => {})).code).toBe('DISPOSED');
  });

  test('windows: rows, a column, and the same start', () => {
    const base = new Allocation(40);
    const all = windowIn(base, 4, 6, 5);
    expect(rowsOf(all, 2, 4)).toEqual(windowIn(base, 14, 2, 5));
    expect(asColumn(all)).toEqual(windowIn(base, 4, 30, 1));
    expect(sameStart(all, windowIn(base, 4, 1, 1))).toBe(true);
    expect(sameStart(all, windowIn(base, 5, 6, 5))).toBe(false);
    expect(sameStart(all, windowIn(new Allocation(40), 4, 6, 5))).toBe(false);
  });
});

describe('blocks of rows', () => {
  test('fit into one value, and have a multiple of four rows if they have more than four', () => {
    expect(rowBlocks({ maxElements: 100, maxArrays: 7 }, 25, 10)).toEqual([
      [0, 8],
      [8, 16],
      [16, 24],
      [24, 25],
    ]);
    expect(rowBlocks({ maxElements: 40, maxArrays: 7 }, 9, 10)).toEqual([
      [0, 4],
      [4, 8],
      [8, 9],
    ]);
    expect(rowBlocks({ maxElements: 30, maxArrays: 7 }, 4, 10)).toEqual([
      [0, 3],
      [3, 4],
    ]);
    expect(rowBlocks({ maxElements: 5, maxArrays: 7 }, 2, 10)).toEqual([
      [0, 1],
      [1, 2],
    ]);
    expect(rowBlocks({ maxElements: 5, maxArrays: 7 }, 0, 10)).toEqual([]);
  });

  test('of large matrices have no more pieces than a kernel has arrays; small ones are concatenated', () => {
    const limits = { maxElements: 2 ** 24, maxArrays: 3 };
    const pieces = (rows: number, cols: number): Window => {
      const base = new Allocation(rows * cols);
      for (let r = 0; r < rows; r++) base.write(r * cols, (r + 1) * cols, new Value(cols), 0, () => {});
      return windowIn(base, 0, rows, cols);
    };
    const large = pieces(8, 2 ** 14);
    expect(segmentBlocks(limits, [large], 2 ** 14)).toEqual([
      [0, 3],
      [3, 6],
      [6, 8],
    ]);
    expect(segmentBlocks(limits, [pieces(8, 3)], 3)).toEqual([[0, 8]]);
    expect(segmentBlocks(limits, [pieces(8, 3), large], 2 ** 14)).toHaveLength(3);
    expect(segmentBlocks({ ...limits, maxElements: 4 * 2 ** 14 }, [large], 2 ** 14)).toEqual([
      [0, 3],
      [3, 4],
      [4, 7],
      [7, 8],
    ]);
  });
});

describe('arguments of instructions', () => {
  const base = new Allocation(12);
  const a = windowIn(base, 0, 2, 3);

  test.each<[string, unknown, unknown, number]>([
    ['the same number', 1.5, 1.5, EQUAL],
    ['NaN', Number.NaN, Number.NaN, EQUAL],
    ['another number', 1.5, 2, OTHER_NUMBERS],
    ['a number for null', null, 2, DIFFERENT],
    ['another flag', true, false, DIFFERENT],
    ['null for a matrix', a, null, DIFFERENT],
    ['the same window', a, { ...a }, EQUAL],
    ['another offset', a, { ...a, offset: 1 }, DIFFERENT],
    ['other rows', a, { ...a, rows: 1 }, DIFFERENT],
    ['other columns', a, { ...a, cols: 2 }, DIFFERENT],
    ['another allocation', a, { ...a, base: new Allocation(12) }, DIFFERENT],
    ['as many numbers in host memory', Float32Array.of(1, 2), Float32Array.of(3, 4), OTHER_NUMBERS],
    ['fewer numbers in host memory', Float32Array.of(1, 2), Float32Array.of(3), DIFFERENT],
    ['numbers for an object', {}, Float32Array.of(), DIFFERENT],
    ['equal fields', { m: a, n: 1 }, { m: { ...a }, n: 1 }, EQUAL],
    ['a field with another number', { m: a, n: 1 }, { m: a, n: 2 }, OTHER_NUMBERS],
    ['another number, then another matrix', { n: 1, m: a }, { n: 2, m: { ...a, offset: 3 } }, DIFFERENT],
    ['a field more', { m: a }, { m: a, n: 1 }, DIFFERENT],
    ['a field fewer', { m: a, n: 1 }, { m: a }, DIFFERENT],
    ['something else', { m: a }, new Map(), DIFFERENT],
  ])('%s', (_, expected, found, result) => expect(compare(expected, found)).toBe(result));

  test('copies do not change with the originals, and matrices are not copied', () => {
    const numbers = Float32Array.of(1, 2);
    const given = { numbers, list: [1, 2], matrix: a, deep: { x: 1 } };
    const copy = copyOf(given) as typeof given;
    numbers[0] = 9;
    given.list[0] = 9;
    given.deep.x = 9;
    expect(copy).toEqual({ numbers: Float32Array.of(1, 2), list: [1, 2], matrix: a, deep: { x: 1 } });
    expect(copy.matrix).toBe(a);
    const step = { gates: a, c: a };
    expect([copyOf(step), copyOf(null), copyOf(3)]).toEqual([step, null, 3]);
    expect(copyOf(step)).toBe(step);
  });

  test('each matrix in an argument is visited', () => {
    const seen: Window[] = [];
    const b = windowIn(base, 3, 1, 1);
    eachWindow({ list: [a, { b }], numbers: Float32Array.of(1), other: new Map([[1, a]]), none: null, n: 4 }, (one) =>
      seen.push(one),
    );
    expect(seen).toEqual([a, b]);
  });
});

test('arrays on the device are deleted with their last reference', () => {
  const memory = new DeviceMemory();
  const deleted: string[] = [];
  const handle = (name: string) => ({ delete: () => deleted.push(name) });
  const [one, two, three] = [new Value(1), new Value(1), new Value(1)];
  const shared = memory.add(handle('shared'), 2);
  one.scalar = two.scalar = shared;
  one.vec4 = memory.add(handle('own'));
  expect(memory.size).toBe(2);
  memory.free(one);
  expect([deleted, one.scalar, one.vec4]).toEqual([['own'], null, null]);
  three.scalar = memory.add(handle('third'));
  memory.move(three, shared);
  expect([deleted, three.scalar, shared.refCount]).toEqual([['own', 'third'], shared, 2]);
  memory.free(two);
  memory.free(three);
  expect([deleted, memory.size]).toEqual([['own', 'third', 'shared'], 0]);
  memory.add(handle('left'));
  memory.add({});
  memory.dispose();
  expect([deleted.at(-1), memory.size]).toEqual(['left', 0]);
});

test('arrays that are uploaded together start at multiples of four', () => {
  expect([0, 1, 4, 5].map(roundUpTo4)).toEqual([0, 4, 4, 8]);
  const { numbers, starts } = packAligned([Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6, 7), Float32Array.of(8)]);
  expect(starts).toEqual([0, 4, 8]);
  expect([...numbers]).toEqual([1, 2, 3, 0, 4, 5, 6, 7, 8, 0, 0, 0]);
});

describe('an executor', () => {
  test('gives a thread more blocks only while all threads are busy, and so many that they divide the rows', () => {
    const { executor } = interpreted('textures');
    expect([1, 2, 4, 7, 8, 100].map((threads) => executor.blocksOf(threads))).toEqual([1, 2, 4, 4, 8, 8]);
    expect([6, 12, 16, 7].map((rows) => executor.blocksOf(100, rows))).toEqual([2, 4, 8, 1]);
  });

  test('computes only what is read, keeps nothing that is freed, and reads several results together', async () => {
    const { kernels: k, executor } = interpreted('none');
    const [a, b, c] = [k.alloc(2, 3), k.alloc(2, 3), k.alloc(2, 3)];
    k.upload(a, [1, 2, 3, 4, 5, 6]);
    k.add(b, a, a);
    k.multiply(c, a, a, false);
    k.multiply(b, a, a, false); // what add wrote is not computed
    expect(executor.counts).toMatchObject({ dispatches: 0, uploads: 0, reads: 0 });
    const [first, second] = await Promise.all([k.download(b), k.download(c)]);
    expect([...first, ...second]).toEqual([1, 4, 9, 16, 25, 36, 1, 4, 9, 16, 25, 36]);
    expect(executor.counts).toMatchObject({ dispatches: 3, uploads: 1, reads: 1 });
    expect(k.memory.inUse()).toBe(3 * 24);
    for (const matrix of [a, b, c]) k.free(matrix);
    k.free(a);
    expect([k.memory.inUse(), executor.memory.size]).toEqual([0, 0]);
    expect(executor.lastRun).toBe('single kernels');
  });

  test('refuses values beyond its limit, to which a vec4 result may add three numbers', () => {
    const { executor } = interpreted('none', { maxElements: 100 });
    expect(executor.requireFits(103)).toBeUndefined();
    expect(thrown(() => executor.requireFits(104)).problem).toMatchObject({ code: 'OUT_OF_MEMORY', bytes: 416 });
  });
});
