/** The library's colors, as tables for canvases; one color a gate, everywhere. */
import { type ColorScale, type ColorScheme, colorAt, SERIES_COLORS } from 'unspool/inspect';

export const SERIES = SERIES_COLORS;
export const GATE_COLORS = { i: SERIES[0], f: SERIES[1], g: SERIES[2], o: SERIES[3] } as const;

/** 256 times r, g, b. */
export type Table = Uint8ClampedArray;

const tables = new Map<string, Table>();

export function table(kind: ColorScale, scheme: ColorScheme): Table {
  const key = `${kind}/${scheme}`;
  let found = tables.get(key);
  if (!found) {
    found = new Uint8ClampedArray(256 * 3);
    for (let i = 0; i < 256; i++) found.set(colorAt(kind, i / 255, scheme), 3 * i);
    tables.set(key, found);
  }
  return found;
}

/** The place of a value in a table: 0 to 255. */
export const place = (value: number, low: number, high: number): number =>
  Number.isFinite(value) ? Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low || 1)))) : 0;

export const css = (of: Table, at: number): string => `rgb(${of[3 * at]} ${of[3 * at + 1]} ${of[3 * at + 2]})`;
