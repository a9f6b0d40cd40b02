/**
 * The LSTM's cell. A kernel has one output, so what a cell writes stands in one value, block under block, each (N,H) or (N,4H):
 * a window of the tape is then a piece of it. `x` is the unit, `y` runs over the rows of all blocks. Every thread works out
 * again what it needs of its unit: reading twelve numbers costs more than a sigmoid.
 */
import type { Program } from '../values.js';
import { at, program } from './moves.js';

/** tanh overflows into NaN in shaders from 89 on; at 15 it is 1 in float32. */
export const tanh = (v: string): string => `Math.tanh(Math.min(15.0, Math.max(-15.0, ${v})))`;
export const sigmoid = (v: string): string => `1.0 / (1.0 + Math.exp(-(${v})))`;

/** Gate `gate` (i, f, g, o) of unit x in row n of a matrix (N,4H). */
export const gateAt = (array: string, H: number, gate: number): string => at(array, `n * ${4 * H} + ${gate * H} + x`);
export const unitAt = (array: string, H: number): string => at(array, `n * ${H} + x`);

/** `y` of blocks of N rows and 4N rows, as the row n within the block and, for gates, the gate q. */
export const GATE_ROW = 'const n = Math.floor((y + 0.5) / 4.0);\nconst q = y - n * 4.0;';

/** (F2)-(F4): gates (N,4H), c (N,H), h (N,H). */
export function cell(N: number, H: number): Program {
  const a = (gate: number): string => gateAt('a', H, gate);
  const body = `
if (y < ${4 * N}) {
  ${GATE_ROW}
  const v = ${at('a', `y * ${H} + x`)};
  if (q > 1.5) { if (q < 2.5) { return ${tanh('v')}; } }
  return ${sigmoid('v')};
}
let n = y - ${4 * N};
if (n >= ${N}) { n = n - ${N}; }
const i = ${sigmoid(a(0))};
const f = ${sigmoid(a(1))};
const g = ${tanh(a(2))};
const c = f * ${unitAt('c', H)} + i * g;
if (y < ${5 * N}) { return c; }
const o = ${sigmoid(a(3))};
return o * ${tanh('c')};`;
  return program([H, 6 * N], ['a', 'c'], body);
}

/** (B4)-(B2): da (N,4H), dc (N,H), dc- (N,H). */
export function cellGrad(N: number, H: number): Program {
  const s = (gate: number): string => gateAt('s', H, gate);
  const body = `
let n = y - ${4 * N};
let q = 0;
if (y < ${4 * N}) { n = Math.floor((y + 0.5) / 4.0); q = y - n * 4.0; }
else { if (n >= ${N}) { n = n - ${N}; } }
const tc = ${tanh(unitAt('c', H))};
const dh = ${unitAt('e', H)};
const o = ${s(3)};
const dc = ${unitAt('d', H)} + dh * o * (1.0 - tc * tc);
if (y >= ${4 * N}) {
  if (y < ${5 * N}) { return dc; }
  return dc * ${s(1)};
}
if (q > 2.5) { return dh * tc * o * (1.0 - o); }
const i = ${s(0)};
const g = ${s(2)};
if (q < 0.5) { return dc * g * i * (1.0 - i); }
if (q > 1.5) { return dc * i * (1.0 - g * g); }
const f = ${s(1)};
return dc * ${unitAt('b', H)} * f * (1.0 - f);`;
  return program([H, 6 * N], ['s', 'c', 'b', 'd', 'e'], body);
}
