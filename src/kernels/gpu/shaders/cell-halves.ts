/**
 * The cell variants, split in two at c. The results are blocks of one value, as in cell.ts.
 *
 *   (F2) i = s(ai + pi*c-)  f = s(af + pf*c-)   (B4) do = dh*f(s) + ext;  ds += dh*o*f'(s)
 *        g = k(ag)                              (B2) dao = do*s'(o);  dc += po*dao;  dpo += dao*c
 *   (F3) c = f*c- + i*g*m   [clamped to +-clip]     (B3) di = dc*g*m + ext;  dg = dc*i*m + ext;  df = dc*c- + ext
 *   (F2) o = s(ao + po*c)                       (B2) dai = di*s'(i), daf = df*s'(f), dag = dg*k'(g)
 *   (F4) h = o*f(s)                                  dc- = dc*f + pi*dai + pf*daf
 */
import type { CellVariant } from '../../../contract/kernels.js';
import { activate, activationSlope } from './activations.js';
import { gateAt, unitAt } from './cell.js';
import { at } from './indexing.js';
import { clamp, floatLiteral } from './math.js';
import { type Program, program } from './program.js';

export interface HalfShape {
  readonly N: number;
  readonly H: number;
  readonly variant: CellVariant;
  readonly peepholes: boolean;
  readonly masked: boolean;
}

/** The term of a peephole, if the cell has peepholes. Those of i and f are one array, one after the other. */
const peephole = (has: boolean, from: number, v: string): string => (has ? ` + ${at('p', `x + ${from}`)} * ${v}` : '');

/** (F2) of i, f, g and (F3): gates (N,4H), o unchanged, and c (N,H). */
export function stateHalf({ N, H, variant, peepholes, masked }: HalfShape): Program {
  const clip = Number.isFinite(variant.clip) ? clamp(floatLiteral(variant.clip), 'c') : 'c';
  const body = `
let n = y - ${4 * N};
let q = 4;
if (y < ${4 * N}) { n = Math.floor((y + 0.5) / 4.0); q = y - n * 4.0; }
if (q > 2.5) { if (q < 3.5) { return ${gateAt('a', H, 3)}; } }
const b = ${unitAt('b', H)};
const zi = ${gateAt('a', H, 0)}${peephole(peepholes, 0, 'b')};
const zf = ${gateAt('a', H, 1)}${peephole(peepholes, H, 'b')};
const zg = ${gateAt('a', H, 2)};
let i = ${variant.gates === 'noInput' ? '1.0' : activate(variant.gate, 'zi')};
let f = ${variant.gates === 'noForget' ? '1.0' : activate(variant.gate, 'zf')};
${variant.gates === 'coupled' ? 'f = 1.0 - i;' : ''}
const g = ${activate(variant.candidate, 'zg')};
if (q < 0.5) { return i; }
if (q < 1.5) { return f; }
if (q < 2.5) { return g; }
const c = f * b + i * g${masked ? ` * ${unitAt('m', H)}` : ''};
return ${clip};`;
  return program([H, 5 * N], ['a', 'b', ...(peepholes ? ['p'] : []), ...(masked ? ['m'] : [])], body);
}

/** (B3) and (B2) of i, f, g: da (N,4H), its o unchanged, and dc- (N,H). */
export function stateHalfGrad({ N, H, variant, peepholes, masked }: HalfShape): Program {
  const own = variant.gates === 'noForget' || variant.gates === 'coupled';
  const cut = Number.isFinite(variant.clip)
    ? `if (Math.abs(${unitAt('c', H)}) >= ${floatLiteral(variant.clip)}) { dc = 0.0; }`
    : '';
  const kept = masked ? ` * ${unitAt('m', H)}` : '';
  const body = `
let n = y - ${4 * N};
let q = 4;
if (y < ${4 * N}) { n = Math.floor((y + 0.5) / 4.0); q = y - n * 4.0; }
if (q > 2.5) { if (q < 3.5) { return ${gateAt('e', H, 3)}; } }
let dc = ${unitAt('d', H)};
${cut}
const i = ${gateAt('s', H, 0)};
const f = ${gateAt('s', H, 1)};
const g = ${gateAt('s', H, 2)};
const df = dc * ${unitAt('b', H)} + ${gateAt('e', H, 1)};
let di = dc * g${kept} + ${gateAt('e', H, 0)};
${variant.gates === 'coupled' ? 'di = di - df;' : ''}
const ki = ${activationSlope(variant.gate, 'i')};
const kf = ${activationSlope(variant.gate, 'f')};
const kg = ${activationSlope(variant.candidate, 'g')};
const dai = ${variant.gates === 'noInput' ? '0.0' : 'di * ki'};
const daf = ${own ? '0.0' : 'df * kf'};
if (q < 0.5) { return dai; }
if (q < 1.5) { return daf; }
if (q < 2.5) { return (dc * i${kept} + ${gateAt('e', H, 2)}) * kg; }
return dc * f${peephole(peepholes, 0, 'dai')}${peephole(peepholes, H, 'daf')};`;
  const clipped = Number.isFinite(variant.clip) ? ['c'] : [];
  const extra = [...(masked ? ['m'] : []), ...clipped, ...(peepholes ? ['p'] : [])];
  return program([H, 5 * N], ['s', 'b', 'e', 'd', ...extra], body);
}

/** dp += sum over the rows of da's gate times c: a (1,H). */
export function peepholeGrad(N: number, H: number, gate: number): Program {
  const body = `
let v = ${at('p', 'x')};
for (let n = 0; n < ${N}; n += 1) { v += ${gateAt('e', H, gate)} * ${unitAt('c', H)}; }
return v;`;
  return program([H], ['p', 'e', 'c'], body);
}

/** (F2) of o and (F4): gates (N,4H), i f g unchanged, and h (N,H). */
export function outputHalf({ N, H, variant, peepholes }: HalfShape): Program {
  const body = `
let n = y - ${4 * N};
let q = 4;
if (y < ${4 * N}) { n = Math.floor((y + 0.5) / 4.0); q = y - n * 4.0; }
if (q < 2.5) { return ${at('a', `y * ${H} + x`)}; }
const zo = ${gateAt('a', H, 3)}${peephole(peepholes, 0, unitAt('c', H))};
const o = ${variant.gates === 'noOutput' ? '1.0' : activate(variant.gate, 'zo')};
if (q < 3.5) { return o; }
const s = ${unitAt('s', H)};
const k = ${activate(variant.output, 's')};
return o * k;`;
  return program([H, 5 * N], ['a', 's', ...(peepholes ? ['p', 'c'] : [])], body);
}

/**
 * (B4) and (B2) of o: da (N,4H), its i f g unchanged; ds (N,H); and with a peephole dc (N,H), which is ds itself if the
 * output reads c (`same`).
 */
export function outputHalfGrad({ N, H, variant, peepholes }: HalfShape, same: boolean): Program {
  const body = `
let n = y - ${4 * N};
let q = 4;
if (y < ${4 * N}) { n = Math.floor((y + 0.5) / 4.0); q = y - n * 4.0; }
else { if (n >= ${N}) { n = n - ${N}; q = 5; } }
if (q < 2.5) { return ${at('e', `y * ${H} + x`)}; }
const o = ${gateAt('a', H, 3)};
const dh = ${unitAt('h', H)};
const s = ${unitAt('s', H)};
const k = ${activate(variant.output, 's')};
const ko = ${activationSlope(variant.gate, 'o')};
const dao = ${variant.gates === 'noOutput' ? '0.0' : `(dh * k + ${gateAt('e', H, 3)}) * ko`};
if (q < 3.5) { return dao; }
const kk = ${activationSlope(variant.output, 'k')};
if (q < 4.5) { return ${unitAt('d', H)} + dh * o * (kk)${same ? peephole(peepholes, 0, 'dao') : ''}; }
return ${peepholes && !same ? `${unitAt('c', H)} + ${at('p', 'x')} * dao` : '0.0'};`;
  const blocks = peepholes && !same ? 6 : 5;
  const arrays = ['a', 'e', 'h', 's', 'd', ...(peepholes ? ['p'] : []), ...(peepholes && !same ? ['c'] : [])];
  return program([H, blocks * N], arrays, body);
}
