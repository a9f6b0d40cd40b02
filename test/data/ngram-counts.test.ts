/** N-grams that are counted in blocks, in any order, give the bits of those that are counted in one piece. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ngramBitsPerCharacter } from '../../src/data/ngram.js';
import { NgramCounts } from '../../src/data/ngram-counts.js';

const ORDERS = [3, 1, 4];

test('blocks of any length in any order', () => {
  const tokens = fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 120 });
  const property = fc.property(
    tokens,
    tokens,
    fc.integer({ min: 1, max: 50 }),
    fc.boolean(),
    (train, tested, size, isReversed) => {
      const counts = new NgramCounts(5, ORDERS);
      expect(counts.contextLength).toBe(3);
      const all = [...train, ...tested];
      const block = (start: number, end: number): [number[], number] => {
        const context = Math.min(start, counts.contextLength);
        return [all.slice(start - context, end), context];
      };
      const starts = Array.from({ length: Math.ceil(train.length / size) }, (_, i) => i * size);
      for (const start of isReversed ? starts.reverse() : starts) {
        counts.count(...block(start, Math.min(start + size, train.length)));
      }
      counts.finish();
      for (let start = train.length; start < all.length; start += size) {
        counts.score(...block(start, Math.min(start + size, all.length)));
      }
      const wanted = ORDERS.map((order) =>
        ngramBitsPerCharacter(Int32Array.from(train), Int32Array.from(tested), 5, order),
      );
      expect(Array.from(counts.bits, (bits) => bits / tested.length)).toEqual(wanted);
    },
  );
  fc.assert(property, { numRuns: 200 });
});
