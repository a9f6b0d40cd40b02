/** How a product is cut into calls of the library, with a library in JavaScript. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SGEMM } from '../../../src/kernels/blas/library.js';
import { openSgemm } from '../../../src/kernels/blas/open.js';
import { Command, CommandWord } from '../../../src/kernels/wasm/layout.js';
import { expectSameBits } from '../../support/arrays.js';
import { product } from '../oracle/products.js';

const KOFFI = join(__dirname, 'fake-koffi.cjs');
const fake = createRequire(KOFFI)(KOFFI) as { readonly calls: (string | number)[][] };

const COMMAND = 64; // the address of a command, after which the matrices follow
const FIRST = 256;

interface Size {
  readonly R: number;
  readonly C: number;
  readonly K: number;
  readonly flags: number;
}

/** Performs a product with each of so many threads in turn. Returns the result, the calls, and what lies around the result. */
function performed({ R, C, K, flags }: Size, threads: number) {
  fake.calls.length = 0;
  const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true });
  const settings = { koffi: KOFFI, library: 'fake', settings: [['one_thread', 'int', 1]], ...SGEMM } as const;
  const perform = openSgemm({ ...settings, arguments: CommandWord.integers }, memory);
  expect(fake.calls.splice(0)).toEqual([['fake', 'one_thread', 1]]);
  const numbers = new Float32Array(memory.buffer);
  numbers.fill(9);
  let end = FIRST;
  const place = (count: number, phase: number) => {
    const at = end;
    for (let i = 0; i < count; i++) numbers[at + i] = Math.sin(i * 1.7 + phase);
    end += count + 16;
    return { at, values: Array.from(numbers.subarray(at, at + count)) };
  };
  const [a, b, out] = [place(R * K, 1), place(K * C, 2), place(R * C, 3)];
  const words = new Int32Array(memory.buffer, COMMAND, CommandWord.count);
  words[CommandWord.command] = Command.host;
  words.set([4 * out.at, R, C, 4 * a.at, 4 * b.at, K, flags], CommandWord.integers);
  for (let thread = 0; thread < threads; thread++) perform(COMMAND, thread, threads);
  const got = numbers.slice(out.at, out.at + R * C);
  const around = [...numbers.subarray(out.at - 16, out.at), ...numbers.subarray(out.at + R * C, out.at + R * C + 16)];
  return { a: a.values, b: b.values, before: out.values, got, around, calls: [...fake.calls] };
}

const sizes = fc.record({
  R: fc.integer({ min: 1, max: 200 }),
  C: fc.integer({ min: 1, max: 200 }),
  K: fc.integer({ min: 1, max: 6 }),
  flags: fc.integer({ min: 0, max: 7 }),
});

test('the calls of all threads compute the whole product, and nothing around it', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 5 }), (size, threads) => {
      const { R, C, K, flags } = size;
      const { a, b, before, got, around } = performed(size, threads);
      const options = { transA: (flags & 2) !== 0, transB: (flags & 4) !== 0 };
      const expected = product(R, K, C, a, b, options, flags & 1 ? before : undefined);
      // Sums of at most six products of at most 1, and a number of at most 1, rounded to float32.
      expect(Math.max(...got.map((v, i) => Math.abs(v - expected[i]!)))).toBeLessThan(1e-6);
      expect(around).toEqual(new Array<number>(32).fill(9));
    }),
    { numRuns: 25 },
  );
});

test('the calls are the same for any number of threads', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 2, max: 15 }), (size, threads) => {
      const [one, several] = [performed(size, 1), performed(size, threads)];
      expect(several.calls).toEqual(one.calls);
      expectSameBits(several.got, one.got);
    }),
    { numRuns: 15 },
  );
});

test.each([
  [{ R: 32, C: 512, K: 1, flags: 0 }, [32, 128], 4],
  [{ R: 32, C: 1500, K: 1, flags: 0 }, [32, 192], 8],
  [{ R: 700, C: 8, K: 1, flags: 2 }, [144, 8], 5],
  [{ R: 30, C: 100, K: 2, flags: 4 }, [30, 100], 1],
])('a product of %j is cut into blocks of %j', (size, block, count) => {
  const { calls } = performed(size, 1);
  expect(calls).toHaveLength(count);
  expect(calls[0]!.slice(3, 5)).toEqual(block);
});
