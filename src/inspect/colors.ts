/**
 * Colors for drawings that can be told apart with any color vision: Okabe & Ito's (2008) for series; for values viridis (uniform in
 * perception) from low to high, and for what has a sign blue - neutral - orange, centered at 0.
 */
import type { Grid } from './grid.js';

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

/** `size`: from the least to the most; `sign`: from -most to most, neutral at 0. */
export type ColorScale = 'size' | 'sign';
export type ColorScheme = 'light' | 'dark';
export type Rgb = readonly [red: number, green: number, blue: number];

/** Evenly spaced from low to high. */
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
    size: { light: viridis, dark: viridis },
    sign: {
      light: ['#08306b', '#2171b5', '#6baed6', '#c6dbef', '#f7f7f7', '#fdd0a2', '#fd8d3c', '#d94801', '#7f2704'],
      dark: ['#9ecae1', '#4a98c9', '#2a6a9e', '#1c3f5f', '#1b1e23', '#5a3314', '#a2560f', '#e08220', '#fdc27a'],
    },
  };
})();

const parse = (hex: string): Rgb => {
  const all = Number.parseInt(hex.slice(1), 16);
  return [all >> 16, (all >> 8) & 255, all & 255];
};

/** The color at `share` of a scale, 0 to 1; 0 to 255 each. */
export function colorAt(scale: ColorScale, share: number, scheme: ColorScheme = 'light'): Rgb {
  const stops = STOPS[scale][scheme];
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [parse(stops[low]!), parse(stops[low + 1]!)];
  const mix = (k: 0 | 1 | 2): number => Math.round(a[k] + (at - low) * (b[k] - a[k]));
  return [mix(0), mix(1), mix(2)];
}

/** Whether light letters are to be read on it: the luminance that gives both black and white a contrast of over 4.5. */
export const isDark = ([red, green, blue]: Rgb): boolean =>
  0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2 < 0.18;

/** The ends of a scale for these values; what is not finite counts for nothing. */
export function valueRange({ data }: Grid, scale: ColorScale): readonly [low: number, high: number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const v of data) {
    if (!Number.isFinite(v)) continue;
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  if (scale === 'sign') {
    const most = Math.max(Math.abs(low), Math.abs(high));
    return most > 0 && Number.isFinite(most) ? [-most, most] : [-1, 1];
  }
  return low < high ? [low, high] : [0, 1];
}
