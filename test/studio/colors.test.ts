/** Heat maps in both color schemes: a value near zero does not look like the background, and differs from zero. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { colorIndex, colorTable } from '../../studio/src/ui/colors.js';

const css = readFileSync(join(__dirname, '../../studio/src/theme.css'), 'utf8');

/** Relative luminance (WCAG 2). */
function luminance(color: readonly number[]): number {
  const [red, green, blue] = color.map((v) => (v <= 10 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(a: readonly number[], b: readonly number[]): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

/** The page's background in a color scheme. */
function groundOf(scheme: 'light' | 'dark'): number[] {
  const block = css.split(':root[data-scheme="dark"]')[scheme === 'light' ? 0 : 1]!;
  const hex = block.match(/--ground: #([0-9a-f]{6})/)![1]!;
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

describe.each([
  ['light', 1.3, 1.2],
  ['dark', 2.5, 2],
] as const)('on the %s background', (scheme, minAtZero, minAnywhere) => {
  const colorOf = (kind: 'sign' | 'size', value: number): number[] => {
    const at = 3 * colorIndex(value, kind === 'sign' ? -1 : 0, 1);
    return Array.from(colorTable(kind, scheme).subarray(at, at + 3));
  };
  const contrastOf = (kind: 'sign' | 'size', value: number): number => contrast(colorOf(kind, value), groundOf(scheme));

  test('zero, on a scale with signs, is visible', () => {
    expect(contrastOf('sign', 0)).toBeGreaterThan(minAtZero);
  });

  test('the contrast grows with the distance from zero', () => {
    for (const sign of [-1, 1]) {
      for (let size = 0.05; size <= 1; size += 0.05) {
        expect(contrastOf('sign', sign * size)).toBeGreaterThan(contrastOf('sign', sign * (size - 0.05)));
      }
    }
  });

  test('no value of a fraction looks like the background', () => {
    for (let value = 0; value <= 1; value += 0.05) expect(contrastOf('size', value)).toBeGreaterThan(minAnywhere);
  });
});
