/** The generator gives the known answers of its authors (Random123). */
import { expect, test } from '@jest/globals';
import { philox } from '../../src/kernels/shared/philox.js';

const hex = (words: Uint32Array): string => Array.from(words, (w) => w.toString(16).padStart(8, '0')).join(' ');

test.each<[string, [number, number, number, number], number, number, string]>([
  ['zeros', [0, 0, 0, 0], 0, 0, '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
  [
    'ones',
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    0xffffffff,
    0xffffffff,
    '408f276d 41c83b0e a20bc7c6 6d5451fd',
  ],
  [
    'pi',
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    0xa4093822,
    0x299f31d0,
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  ],
])('Philox4x32-10 of %s', (_, counter, k0, k1, expected) => {
  const out = new Uint32Array(4);
  philox(out, counter, k0, k1);
  expect(hex(out)).toBe(expected);
});
