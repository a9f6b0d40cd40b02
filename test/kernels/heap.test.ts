/** The heap of the wasm backend: blocks do not overlap, contain zeros, and their memory is reused for any size. */
import { describe, expect, test } from '@jest/globals';
import { Heap } from '../../src/kernels/wasm/heap.js';
import { problemOf, thrown } from '../support/errors.js';
import { testRandom } from '../support/random.js';

const PAGE = 65536;
const MEGABYTE = 2 ** 20;
const blockBytes = (bytes: number): number => new Heap(MEGABYTE).blockBytes(bytes);

describe('blocks', () => {
  test('thousands of blocks, allocated and freed in random order, are aligned, disjoint, zeroed and counted', () => {
    const heap = new Heap();
    const random = testRandom(5);
    const live = new Map<number, { bytes: number; mark: number }>();
    let sum = PAGE;
    const view = (at: number, bytes: number) => new Uint8Array(heap.memory.buffer, at, bytes);
    const allocate = (): void => {
      const bytes = random.integer(10) === 0 ? random.integer(30000) : random.integer(400);
      const at = heap.alloc(bytes);
      expect(at % 64).toBe(0);
      expect(view(at, bytes).every((v) => v === 0)).toBe(true);
      const mark = 1 + random.integer(255);
      view(at, bytes).fill(mark);
      live.set(at, { bytes, mark });
      sum += blockBytes(bytes);
    };
    const free = (at: number): void => {
      const { bytes, mark } = live.get(at)!;
      expect(view(at, bytes).every((v) => v === mark)).toBe(true); // no other block overlaps
      heap.release(at);
      heap.release(at); // freeing twice does nothing
      live.delete(at);
      sum -= blockBytes(bytes);
    };
    for (let round = 0; round < 3000; round++) {
      if (live.size === 0 || random.uniform() < 0.55) allocate();
      else free([...live.keys()][random.integer(live.size)]!);
      expect(heap.inUse).toBe(sum);
    }
    for (const at of [...live.keys()]) free(at);
    expect(heap.inUse).toBe(PAGE);
    expect(heap.alloc(64)).toBe(PAGE); // the heap is empty again
  });

  test('small freed blocks can hold a large block, and a large one small blocks', () => {
    const heap = new Heap(2 * MEGABYTE);
    const small = Array.from({ length: 30 }, () => heap.alloc(MEGABYTE / 20));
    for (const at of small) heap.release(at);
    const large = heap.alloc(1.8 * MEGABYTE);
    heap.release(large);
    expect(Array.from({ length: 30 }, () => heap.alloc(MEGABYTE / 20))).toEqual(small);
  });

  test('adjacent holes between blocks are merged', () => {
    const heap = new Heap(MEGABYTE);
    const [a, b, c, end] = [heap.alloc(100), heap.alloc(200), heap.alloc(300), heap.alloc(64)];
    for (const at of [a, c, b]) heap.release(at!);
    expect(heap.alloc(128 + 256 + 320)).toBe(a);
    heap.release(end!);
    expect(heap.alloc(64)).toBe(end);
  });

  test('release ignores an address at which no block starts', () => {
    const heap = new Heap();
    const at = heap.alloc(1000);
    heap.release(at + 64);
    heap.release(0);
    expect(heap.inUse).toBe(PAGE + 1024);
    expect(heap.alloc(64)).toBe(at + 1024);
  });
});

describe('out of memory', () => {
  test('the error reports the requested, used and maximum bytes, and the heap stays usable', () => {
    const heap = new Heap(MEGABYTE);
    const at = heap.alloc(600_000);
    const error = thrown(() => heap.alloc(500_000));
    const bytes = blockBytes(500_000);
    const inUse = PAGE + blockBytes(600_000);
    expect(problemOf(error, 'OUT_OF_MEMORY')).toMatchObject({ bytes, inUse, capacity: MEGABYTE });
    expect(error.message).toBe('out of memory: cannot allocate 488 KiB (650 KiB of 1 MiB in use).');
    expect(heap.inUse).toBe(inUse);
    heap.release(heap.alloc(300_000));
    heap.release(at);
    heap.alloc(900_000);
  });

  test('a block larger than 4 GiB is refused', () => {
    const heap = new Heap();
    expect(heap.capacity).toBe(2 ** 32);
    expect(
      problemOf(
        thrown(() => heap.alloc(2 ** 40)),
        'OUT_OF_MEMORY',
      ).bytes,
    ).toBe(2 ** 40);
    expect(heap.alloc(64)).toBe(PAGE);
  });
});
