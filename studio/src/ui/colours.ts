/**
 * Colours that can be told apart with any colour vision: Okabe & Ito's for series; for values, viridis (uniform in perception) from
 * low to high, and for what has a sign blue - neutral - orange, which is centred at 0. Each as a table of 256 entries, for canvases.
 */
import { interpolateRgb } from './interpolate.js';

export const SERIES = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;

/** One colour a gate, everywhere. */
export const GATE_COLOURS = { i: '#0072b2', f: '#d55e00', g: '#009e73', o: '#cc79a7' } as const;

const VIRIDIS = [
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
const SIGNED = {
  light: ['#08306b', '#2171b5', '#6baed6', '#c6dbef', '#f7f7f7', '#fdd0a2', '#fd8d3c', '#d94801', '#7f2704'],
  dark: ['#9ecae1', '#4a98c9', '#2a6a9e', '#1c3f5f', '#1b1e23', '#5a3314', '#a2560f', '#e08220', '#fdc27a'],
};

export type Scheme = 'light' | 'dark';
/** 256 times r, g, b. */
export type Table = Uint8ClampedArray;

const tableOf = (stops: readonly string[]): Table => {
  const table = new Uint8ClampedArray(256 * 3);
  for (let i = 0; i < 256; i++) table.set(interpolateRgb(stops, i / 255), 3 * i);
  return table;
};

const tables = new Map<string, Table>();

/** `size`: from 0 (or the least) up; `sign`: from -most to most, neutral at 0. */
export function table(kind: 'size' | 'sign', scheme: Scheme): Table {
  const key = kind === 'size' ? 'size' : scheme;
  let found = tables.get(key);
  if (!found) tables.set(key, (found = tableOf(kind === 'size' ? VIRIDIS : SIGNED[scheme])));
  return found;
}

/** The place of a value in a table: 0 to 255. */
export const place = (value: number, low: number, high: number): number =>
  Number.isFinite(value) ? Math.max(0, Math.min(255, Math.round((255 * (value - low)) / (high - low || 1)))) : 0;

export const css = (of: Table, at: number): string => `rgb(${of[3 * at]} ${of[3 * at + 1]} ${of[3 * at + 2]})`;
