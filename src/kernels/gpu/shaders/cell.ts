/**
 * The standard cell. A kernel has one output, so all results of a cell are blocks of one value, each (N,H) or (N,4H),
 * and a window of the tape is a piece of it. `x` is the unit; `y` counts the rows of all blocks. Every thread computes
 * what it needs of its unit again: reading twelve numbers costs more than a sigmoid.
 */

import { at } from './indexing.js';
import type { Lanes } from './lanes.js';
import { sigmoid, tanh } from './math.js';
import { type Program, program, type WgslBody } from './program.js';
import { WGSL_CELL, WGSL_CELL_GRAD, wgslCellGradOfSum, wgslCellOfSum } from './wgsl.js';

/** Reads gate `gate` (0 to 3: i, f, g, o) of unit x in row n of a matrix (N,4H). */
export const gateAt = (array: string, H: number, gate: number): string => at(array, gatePlace(H, gate));
/** Reads unit x in row n of a matrix (N,H). */
export const unitAt = (array: string, H: number): string => at(array, unitPlace(H));

const gatePlace = (width: number, gate: number): string => `n * ${4 * width} + ${gate * width} + x`;
const unitPlace = (width: number): string => `n * ${width} + x`;

/** The row n and the gate q of row y of the gates. */
const GATE_ROW = 'const n = Math.floor((y + 0.5) / 4.0);\nconst q = y - n * 4.0;';

/** (F2)-(F4): gates (N,4H), c (N,H), h (N,H). */
export function cellProgram(N: number, H: number, lanes: Lanes): Program {
  const wide = H / lanes.count;
  const v = (name: string) => (lane: number) => lanes.get(name, lane);
  const next = (lane: number): string =>
    `${sigmoid(v('f')(lane))} * ${v('cp')(lane)} + ${sigmoid(v('i')(lane))} * ${tanh(v('g')(lane))}`;
  const body = `
if (y < 4 * N) {
  ${GATE_ROW}
  ${lanes.load('v', 'a', `y * ${wide} + x`)}
  if (q > 1.5) { if (q < 2.5) { ${lanes.result((lane) => tanh(v('v')(lane)))} } }
  ${lanes.result((lane) => sigmoid(v('v')(lane)))}
}
let n = y - 4 * N;
if (n >= N) { n = n - N; }
${['i', 'f', 'g'].map((name, q) => lanes.load(name, 'a', gatePlace(wide, q))).join('\n')}
${lanes.load('cp', 'c', unitPlace(wide))}
${lanes.each((lane) => `const next${lane} = ${next(lane)};`)}
if (y < 5 * N) { ${lanes.result((lane) => `next${lane}`)} }
${lanes.load('o', 'a', gatePlace(wide, 3))}
${lanes.result((lane) => `${sigmoid(v('o')(lane))} * ${tanh(`next${lane}`)}`)}`;
  return lanes.program([wide, 6 * N], ['a', 'c'], body, { sizes: { N }, wgsl: WGSL_CELL });
}

/** (B4)-(B2): da (N,4H), dc (N,H), dc- (N,H). */
export function cellGradProgram(N: number, H: number, lanes: Lanes): Program {
  const wide = H / lanes.count;
  const gate = (name: string, q: number): string => lanes.load(name, 's', gatePlace(wide, q));
  const unit = (name: string, array: string): string => lanes.load(name, array, unitPlace(wide));
  /** Returns an expression for each lane, of what was read (`v(name)`). */
  const give = (expression: (v: (name: string) => string, lane: number) => string): string =>
    lanes.result((lane) => expression((name) => lanes.get(name, lane), lane));
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
  return lanes.program([wide, 6 * N], ['s', 'c', 'b', 'd', 'e'], body, { sizes: { N }, wgsl: WGSL_CELL_GRAD });
}

/** A program for WebGPU only, in WGSL only. gpu.js compiles the body for its declarations. */
const wgslProgram = (
  wide: number,
  rows: number,
  arrays: readonly string[],
  sizes: Program['sizes'],
  wgsl: WgslBody,
): Program => ({
  ...program([wide, rows], arrays, 'return [0.0, 0.0, 0.0, 0.0];', { sizes }),
  ...{ vec4Output: true, wgsl },
});

/** (F1)-(F4): the cell of a + l r, l (N,K). A thread computes `rows` rows. */
export const cellOfSum = (N: number, K: number, H: number, rows: number): Program =>
  wgslProgram(H / 4, 6 * N, ['a', 'c', 'l', 'r'], { N, deep: K }, wgslCellOfSum(rows));

/** (B4)-(B2) of dh = e + l r, which is the last block of the result. A thread computes `rows` rows. */
export const cellGradOfSum = (N: number, K: number, H: number, rows: number): Program =>
  wgslProgram(H / 4, 7 * N, ['s', 'c', 'b', 'd', 'e', 'l', 'r'], { N, deep: K }, wgslCellGradOfSum(rows));
