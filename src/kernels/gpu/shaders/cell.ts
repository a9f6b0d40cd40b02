/**
 * The LSTM's cell. A kernel has one output, so what a cell writes stands in one value, block under block, each (N,H) or (N,4H):
 * a window of the tape is then a piece of it. `x` is the unit, `y` runs over the rows of all blocks. Every thread works out
 * again what it needs of its unit: reading twelve numbers costs more than a sigmoid.
 */

import { at } from './indexing.js';
import type { Lanes } from './lanes.js';
import type { Program, WgslBody } from './program.js';
import { program } from './program.js';
import { CELL, CELL_GRAD, sumAndCell, sumAndCellGrad } from './wgsl.js';

/** `v`, or the limit where it is beyond. Not by min and max: a shader's may answer a number for a NaN. */
export const atLeast = (limit: string, v: string): string => `(${v} < ${limit} ? ${limit} : ${v})`;
export const atMost = (limit: string, v: string): string => `(${v} > ${limit} ? ${limit} : ${v})`;
export const within = (limit: string, v: string): string => `(${v} > ${limit} ? ${limit} : ${atLeast(`-${limit}`, v)})`;

/** tanh overflows into NaN in shaders from 89 on; at 15 it is 1 in float32. */
export const tanh = (v: string): string => `Math.tanh(${within('15.0', v)})`;
export const sigmoid = (v: string): string => `1.0 / (1.0 + Math.exp(-(${v})))`;

/** Gate `gate` (i, f, g, o) of unit x in row n of a matrix (N,4H). */
export const gateAt = (array: string, H: number, gate: number): string => at(array, gatePlace(H, gate));
export const unitAt = (array: string, H: number): string => at(array, unitPlace(H));

const gatePlace = (width: number, gate: number): string => `n * ${4 * width} + ${gate * width} + x`;
const unitPlace = (width: number): string => `n * ${width} + x`;

/** `y` of blocks of N rows and 4N rows, as the row n within the block and, for gates, the gate q. */
export const GATE_ROW = 'const n = Math.floor((y + 0.5) / 4.0);\nconst q = y - n * 4.0;';

/** (F2)-(F4): gates (N,4H), c (N,H), h (N,H). */
export function cell(N: number, H: number, lanes: Lanes): Program {
  const wide = H / lanes.count;
  const v = (name: string) => (lane: number) => lanes.get(name, lane);
  const next = (lane: number): string =>
    `${sigmoid(v('f')(lane))} * ${v('cp')(lane)} + ${sigmoid(v('i')(lane))} * ${tanh(v('g')(lane))}`;
  const body = `
if (y < 4 * N) {
  ${GATE_ROW}
  ${lanes.load('v', 'a', `y * ${wide} + x`)}
  if (q > 1.5) { if (q < 2.5) { ${lanes.give((lane) => tanh(v('v')(lane)))} } }
  ${lanes.give((lane) => sigmoid(v('v')(lane)))}
}
let n = y - 4 * N;
if (n >= N) { n = n - N; }
${['i', 'f', 'g'].map((name, q) => lanes.load(name, 'a', gatePlace(wide, q))).join('\n')}
${lanes.load('cp', 'c', unitPlace(wide))}
${lanes.each((lane) => `const next${lane} = ${next(lane)};`)}
if (y < 5 * N) { ${lanes.give((lane) => `next${lane}`)} }
${lanes.load('o', 'a', gatePlace(wide, 3))}
${lanes.give((lane) => `${sigmoid(v('o')(lane))} * ${tanh(`next${lane}`)}`)}`;
  return lanes.program([wide, 6 * N], ['a', 'c'], body, { sizes: { N }, wgsl: CELL });
}

/** (B4)-(B2): da (N,4H), dc (N,H), dc- (N,H). */
export function cellGrad(N: number, H: number, lanes: Lanes): Program {
  const wide = H / lanes.count;
  const gate = (name: string, q: number): string => lanes.load(name, 's', gatePlace(wide, q));
  const unit = (name: string, array: string): string => lanes.load(name, array, unitPlace(wide));
  /** The result in every lane; `v(name)` is what was read as `name`, there. */
  const give = (text: (v: (name: string) => string, lane: number) => string): string =>
    lanes.give((lane) => text((name) => lanes.get(name, lane), lane));
  const each = lanes.each((lane) => {
    const v = (name: string): string => lanes.get(name, lane);
    return `const tc${lane} = ${tanh(v('cn'))};
const dc${lane} = ${v('dn')} + ${v('dh')} * ${v('o')} * (1.0 - tc${lane} * tc${lane});`;
  });
  const body = `
let n = y - 4 * N;
let q = 0.0;
if (y < 4 * N) { n = Math.floor((y + 0.5) / 4.0); q = y - n * 4.0; }
else { if (n >= N) { n = n - N; } }
${[unit('cn', 'c'), unit('dh', 'e'), gate('o', 3), unit('dn', 'd'), each].join('\n')}
if (y >= 4 * N) {
  if (y < 5 * N) { ${give((_, lane) => `dc${lane}`)} }
  ${gate('k', 1)}
  ${give((v, lane) => `dc${lane} * ${v('k')}`)}
}
if (q > 2.5) { ${give((v, lane) => `${v('dh')} * tc${lane} * ${v('o')} * (1.0 - ${v('o')})`)} }
${gate('i', 0)}
${gate('g', 2)}
if (q < 0.5) { ${give((v, lane) => `dc${lane} * ${v('g')} * ${v('i')} * (1.0 - ${v('i')})`)} }
if (q > 1.5) { ${give((v, lane) => `dc${lane} * ${v('i')} * (1.0 - ${v('g')} * ${v('g')})`)} }
${gate('f', 1)}
${unit('cp', 'b')}
${give((v, lane) => `dc${lane} * ${v('cp')} * ${v('f')} * (1.0 - ${v('f')})`)}`;
  return lanes.program([wide, 6 * N], ['s', 'c', 'b', 'd', 'e'], body, { sizes: { N }, wgsl: CELL_GRAD });
}

/** What only WebGPU runs, and only in WGSL: gpu.js's text gives the place. */
const inWgsl = (
  wide: number,
  rows: number,
  arrays: readonly string[],
  sizes: Program['sizes'],
  wgsl: WgslBody,
): Program => ({
  ...program([wide, rows], arrays, 'return [0.0, 0.0, 0.0, 0.0];', { sizes }),
  ...{ wide: true, wgsl },
});

/** (F1)-(F4): the same of a + l r, l (N,K), `rows` rows of `N` a thread. */
export const cellOfSum = (N: number, K: number, H: number, rows: number): Program =>
  inWgsl(H / 4, 6 * N, ['a', 'c', 'l', 'r'], { N, deep: K }, sumAndCell(rows));

/** (B4)-(B2): the same of dh = e + l r, which stands behind the rest. */
export const cellGradOfSum = (N: number, K: number, H: number, rows: number): Program =>
  inWgsl(H / 4, 7 * N, ['s', 'c', 'b', 'd', 'e', 'l', 'r'], { N, deep: K }, sumAndCellGrad(rows));
