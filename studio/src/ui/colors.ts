/** The library's colors, as tables for canvases, and one color per gate. */
import { type ColorScale, type ColorScheme, colorAt, type Gate, SERIES_COLORS } from 'unspool/inspect';

export const SERIES = SERIES_COLORS;
export const GATE_COLORS: Readonly<Record<Gate, string>> = {
  i: SERIES[0],
  f: SERIES[1],
  g: SERIES[2],
  o: SERIES[3],
};

/** 256 colors: r, g, b each. */
export type ColorTable = Uint8ClampedArray;

const tables = new Map<string, ColorTable>();

export function colorTable(kind: ColorScale, scheme: ColorScheme): ColorTable {
  const key = `${kind}/${scheme}`;
  let colors = tables.get(key);
  if (!colors) {
    colors = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i++) colors.set(colorAt(kind, i / 255, scheme), 3 * i);
    tables.set(key, colors);
  }
  return colors;
}

/** The index of a value's color, from 0 to 255. */
export const colorIndex = (value: number, low: number, high: number): number =>
  Number.isFinite(value) ? Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low || 1)))) : 0;

/** A color of a table, for CSS. */
export const css = (colors: ColorTable, index: number): string =>
  `rgb(${colors[3 * index]} ${colors[3 * index + 1]} ${colors[3 * index + 2]})`;
