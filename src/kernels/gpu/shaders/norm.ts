/** Layer normalization (N1), row by row. The derivation is in kernels/reference/norm.ts. */
import { LN_EPSILON } from '../../../contract/kernels.js';
import { at } from './indexing.js';
import { type Program, program } from './program.js';

const EPSILON = LN_EPSILON.toFixed(5); // '0.00001'

/**
 * `mean`: the mean of row y of a, less the row's first number, `first`. Subtracting that number first keeps digits that
 * rounding the mean of large numbers would lose.
 */
const meanOf = (C: number): string => `
const first = ${at('a', `y * ${C}`)};
let mean = 0.0;
for (let c = 0; c < ${C}; c += 1) { mean += ${at('a', `y * ${C} + c`)} - first; }
mean = mean / ${C}.0;`;

/** a - mean in row y and column x. Array m has three numbers a row, the first of them the `mean` of `meanOf`. */
const centered = (C: number): string => `(${at('a', `y * ${C} + x`)} - ${at('a', `y * ${C}`)} - ${at('m', 'y * 3')})`;

/** 1 / sqrt(variance + epsilon) of row y. */
const INVERSE = at('s', 'y * 2 + 1');

/** Three numbers a row: the mean less the row's first number, the mean, and 1 / sqrt(variance + epsilon). */
export function normMoments(R: number, C: number): Program {
  const body = `${meanOf(C)}
if (x < 1) { return mean; }
if (x < 2) { return mean + first; }
let v = 0.0;
for (let c = 0; c < ${C}; c += 1) { const d = ${at('a', `y * ${C} + c`)} - first - mean; v += d * d; }
return 1.0 / Math.sqrt(v / ${C}.0 + ${EPSILON});`;
  return program([3, R], ['a'], body);
}

/** The last two of three numbers a row. */
export const normStatistics = (R: number): Program => program([2, R], ['m'], `return ${at('m', 'y * 3 + x + 1')};`);

/** (N1) out = or += g n + b. */
export function norm(R: number, C: number, accumulate: boolean): Program {
  const normalized = `${centered(C)} * ${at('m', 'y * 3 + 2')}`;
  const old = accumulate ? `${at('o', `y * ${C} + x`)} + ` : '';
  const body = `return ${old}${at('g', 'x')} * ${normalized} + ${at('b', 'x')};`;
  return program([C, R], ['a', 'm', 'g', 'b', ...(accumulate ? ['o'] : [])], body);
}

/**
 * Three numbers a row: the mean less the row's first number again (s has it rounded), the mean of dn, and that of dn n.
 */
export function normGradMoments(R: number, C: number): Program {
  const body = `${meanOf(C)}
if (x < 1) { return mean; }
let v = 0.0;
for (let c = 0; c < ${C}; c += 1) {
  const dn = ${at('d', `y * ${C} + c`)} * ${at('g', 'c')};
  let n = 1.0;
  if (x > 1) { n = (${at('a', `y * ${C} + c`)} - first - mean) * ${INVERSE}; }
  v += dn * n;
}
return v / ${C}.0;`;
  return program([3, R], ['d', 's', 'a', 'g'], body);
}

/** da = or += the gradient by a. */
export function normGrad(R: number, C: number, accumulate: boolean): Program {
  const here = `y * ${C} + x`;
  const body = `
const n = ${centered(C)} * ${INVERSE};
return ${accumulate ? `${at('o', here)} + ` : ''}${INVERSE} * (${at('d', here)} * ${at('g', 'x')} - ${at('m', 'y * 3 + 1')} - n * ${at('m', 'y * 3 + 2')});`;
  return program([C, R], ['d', 's', 'a', 'g', 'm', ...(accumulate ? ['o'] : [])], body);
}

const columnSum = (R: number, C: number, factor: string): string => `
let v = ${at('o', 'x')};
for (let y = 0; y < ${R}; y += 1) { v += ${at('d', `y * ${C} + x`)}${factor}; }
return v;`;

/** dgain += sum over the rows of dout n. */
export const normGainGrad = (R: number, C: number): Program =>
  program([C], ['o', 'd', 'a', 'm', 's'], columnSum(R, C, ` * ${centered(C)} * ${INVERSE}`));

/** dbias += sum over the rows of dout. */
export const normBiasGrad = (R: number, C: number): Program => program([C], ['o', 'd'], columnSum(R, C, ''));
