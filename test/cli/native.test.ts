/** What commands print about a native library. */
import { expect, test } from '@jest/globals';
import { gainText } from '../../src/cli/native.js';

test('says how much the products gain, and whether to use it', () => {
  const native = { library: 'OpenBLAS 9 Zen', gain: 1.6, isWorthwhile: true };
  expect(gainText(native)).toBe('Large products take 63 % of the time of wasm.');
  expect(gainText({ ...native, gain: 0.8, isWorthwhile: false })).toMatch(/take 125 %.+Nothing is gained/);
});
