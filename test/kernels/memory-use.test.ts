/** The memory that a backend reports: what it has at first, what matrices add, and what freeing them gives back. */
import { describe, expect, test } from '@jest/globals';
import { createReference } from '../../src/kernels/reference/index.js';
import { ReferenceMemory } from '../../src/kernels/reference/memory.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { thrown } from '../support/errors.js';
import { interpreted } from './interpreted.js';

describe.each([4, 8] as const)('reference, numbers of %d bytes', (size) => {
  const create = () => createReference(size === 4 ? 'float32' : 'float64');

  test('counts each matrix by its numbers; the rules say the same', async () => {
    const k = create();
    expect([k.memory.inUse(), k.memory.capacity]).toEqual([0, Number.POSITIVE_INFINITY]);
    k.alloc(3, 5);
    expect(k.memory.inUse()).toBe(15 * size);
    const rules = await k.memory.rules();
    expect([rules.overhead, rules.matrix(3, 5)]).toEqual([0, 15 * size]);
    k.allocPacked(3, 5);
    expect(k.memory.inUse()).toBe(15 * size + rules.packed(3, 5));
  });

  test('a workspace grows to the largest size, and counts once', () => {
    const memory = new ReferenceMemory(size === 4 ? Float32Array : Float64Array);
    const use = memory.describe(
      () => 0,
      () => 0,
    );
    const workspace = memory.workspace();
    const first = workspace(10);
    expect([first.length, use.inUse()]).toEqual([10, 10 * size]);
    expect(workspace(7)).toBe(first);
    expect(workspace(10)).toBe(first);
    expect([workspace(12).length, use.inUse()]).toEqual([12, 12 * size]);
  });

  test('an array that is too large is refused, and not counted', () => {
    const memory = new ReferenceMemory(size === 4 ? Float32Array : Float64Array);
    memory.array(3);
    const bytes = 2 ** 50 * size;
    expect(thrown(() => memory.array(2 ** 50)).problem).toMatchObject({
      code: 'OUT_OF_MEMORY',
      bytes,
      inUse: 3 * size,
    });
  });
});

test('wasm: blocks of 64 bytes, which free() and dispose() give back; a view owns nothing', async () => {
  const k = await createWasm('simd');
  const before = k.memory.inUse();
  const matrix = k.alloc(3, 7);
  expect(k.memory.inUse()).toBe(before + 128);
  const view = k.view(matrix, 7, 2, 7);
  k.upload(view, new Float32Array(14).fill(3));
  expect([...(await k.download(matrix))]).toEqual([...new Array<number>(7).fill(0), ...new Array<number>(14).fill(3)]);
  k.free(matrix);
  expect(k.memory.inUse()).toBe(before);
  const other = k.alloc(1, 1);
  k.free(matrix);
  expect(k.memory.inUse()).toBe(before + 64);
  k.free(other);
  k.dispose();
});

test('gpu: four bytes a number, also of packed matrices', async () => {
  const { kernels: k } = interpreted('none');
  expect([k.memory.inUse(), k.memory.capacity]).toEqual([0, Number.POSITIVE_INFINITY]);
  const [matrix, packed] = [k.alloc(3, 5), k.allocPacked(2, 7)];
  expect(k.memory.inUse()).toBe(4 * (15 + 14));
  expect(await k.memory.rules()).toMatchObject({ overhead: 0, workspaces: {} });
  expect((await k.memory.rules()).matrix(3, 5)).toBe(60);
  k.free(k.view(matrix, 0, 1, 5));
  expect(k.memory.inUse()).toBe(4 * (15 + 14));
  k.free(matrix);
  k.free(packed);
  expect(k.memory.inUse()).toBe(0);
});
