/** Colors of plots, safe for color-blind readers. */
import { requireChoice, requireNumber } from '../checks.js';
import { type Grid, requireGrid, requireNumbers } from './grid.js';

/** Colors of data series as hex strings (Okabe & Ito 2008), safe for color-blind readers. */
export const SERIES_COLORS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#8a8a8a',
  '#b8a700',
] as const;

/** A color scale: `size` runs from the minimum to the maximum (viridis); `sign` is blue to orange and gray at 0. */
export type ColorScale = 'size' | 'sign';
/** The background that a color scale is made for. */
export type ColorScheme = 'light' | 'dark';
/** A color as red, green and blue, 0 to 255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/**
 * Evenly spaced from low to high. No color comes close to the background of its scheme, so that a value near zero is seen: neutral
 * is a gray, and on a dark background viridis starts above its darkest colors.
 */
const STOPS: Readonly<Record<ColorScale, Readonly<Record<ColorScheme, readonly string[]>>>> = (() => {
  const viridis = [
    '#440154',
    '#482878',
    '#3e4989',
    '#31688e',
    '#26828e',
    '#1f9e89',
    '#35b779',
    '#6ece58',
    '#b5de2b',
    '#fde725',
  ];
  return {
    size: { light: viridis, dark: viridis.slice(2) },
    sign: {
      light: ['#08306b', '#2171b5', '#6baed6', '#b3cde6', '#dddddb', '#fcc28c', '#fd8d3c', '#d94801', '#7f2704'],
      dark: ['#d3ecff', '#93cdf5', '#5ba7da', '#4e81a8', '#5c6168', '#9a7045', '#cf8535', '#f5ab55', '#ffe0b0'],
    },
  };
})();

const parse = (hex: string): Rgb => {
  const all = Number.parseInt(hex.slice(1), 16);
  return [all >> 16, (all >> 8) & 255, all & 255];
};

/** The color at a position of a scale; `share` runs from 0 (low) to 1 (high) and is clamped. */
export function colorAt(scale: ColorScale, share: number, scheme: ColorScheme = 'light'): Rgb {
  requireScale(scale);
  requireChoice('scheme', scheme, ['light', 'dark']);
  requireNumber('share', share, -Number.MAX_VALUE, Number.MAX_VALUE);
  const stops = STOPS[scale][scheme];
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [parse(stops[low]!), parse(stops[low + 1]!)];
  const mix = (k: 0 | 1 | 2): number => Math.round(a[k] + (at - low) * (b[k] - a[k]));
  return [mix(0), mix(1), mix(2)];
}

/** Whether a background color needs light text. At the threshold, black and white text both have a contrast above 4.5. */
export function isDark(color: Rgb): boolean {
  requireNumbers('color', color, 3);
  const [red, green, blue] = color;
  return 0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2 < 0.18;
}

const requireScale = (scale: unknown): void => requireChoice('scale', scale, ['size', 'sign']);

/** The range of the values of a grid for a color scale. Values that are not finite are ignored; `sign` is symmetric around 0. */
export function valueRange(grid: Grid, scale: ColorScale): readonly [low: number, high: number] {
  requireGrid('grid', grid);
  requireScale(scale);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of grid.data) {
    if (!Number.isFinite(v)) continue;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  if (scale === 'sign') {
    const max = Math.max(Math.abs(low), Math.abs(high));
    return max > 0 && Number.isFinite(max) ? [-max, max] : [-1, 1];
  }
  return low < high ? [low, high] : [0, 1];
}
