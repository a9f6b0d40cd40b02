/** Matrix products. (F1) and (B1) are made of them. How much a thread works out is what makes them fast. */

import { at, FOUR, upTo } from './indexing.js';
import { four, texel } from './lanes.js';
import type { Program } from './program.js';
import { program } from './program.js';

export interface ProductShape {
  readonly R: number;
  readonly K: number;
  readonly C: number;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly accumulate: boolean;
}

/** Terms that stand in one round of the loop. */
const UNROLLED = 4;

const arraysOf = ({ accumulate }: Pick<ProductShape, 'accumulate'>): string[] => [
  'a',
  'b',
  ...(accumulate ? ['c'] : []),
];

/** out (R,C) = or += A (R,K) B (K,C), each operand perhaps the other way round: one number of the result a thread. */
export function product({ R, K, C, transA, transB, accumulate }: ProductShape): Program {
  const a = (k: string): string => at('a', transA ? `(${k}) * R + y` : `y * ${K} + (${k})`);
  const b = (k: string): string => at('b', transB ? `x * ${K} + (${k})` : `(${k}) * ${C} + x`);
  const rounds = K - (K % UNROLLED);
  const terms = upTo(UNROLLED).map((i) => `${a(`k + ${i}`)} * ${b(`k + ${i}`)}`);
  const rest = upTo(K % UNROLLED).map((i) => `s += ${a(`${rounds + i}`)} * ${b(`${rounds + i}`)};`);
  const body = [
    `let s = ${accumulate ? at('c', `y * ${C} + x`) : '0.0'};`,
    rounds > 0 ? `for (let k = 0; k < ${rounds}; k += ${UNROLLED}) { s += ${terms.join(' + ')}; }` : '',
    ...rest,
    'return s;',
  ].join('\n');
  return program([C, R], arraysOf({ accumulate }), body, { sizes: { R } });
}

/** How far it is to the next row of an operand, and along it, as a text names them that serves all sizes. */
function stridesOf({ R, K, C, transA, transB }: ProductShape): Program['sizes'] {
  const [downA, alongA] = transA ? [1, R] : [K, 1];
  const [downB, alongB] = transB ? [1, K] : [C, 1];
  return { deep: K, downA, alongA, downB, alongB };
}

/**
 * The same as one text for all sizes, whichever way round: on WebGL 2 a loop of four terms is no faster than one of one, and
 * each further shader takes a first step longer.
 */
export function stridedProduct(shape: ProductShape): Program {
  const { R, C, accumulate } = shape;
  const body = `
let s = ${accumulate ? at('c', 'y * C + x') : '0.0'};
for (let k = 0; k < deep; k++) { s += ${at('a', 'y * downA + k * alongA')} * ${at('b', 'x * alongB + k * downB')}; }
return s;`;
  const sizes = { ...stridesOf(shape), ...(accumulate ? { C } : {}) };
  return program([C, R], arraysOf(shape), body, { sizes });
}

/**
 * The same with four columns a thread: five numbers are read for four products, instead of eight. C is a multiple of 4. Places
 * are counted in integers, which halves the time on a software driver: to gpu.js, what `++` counts anywhere is one.
 */
export function wideProduct(shape: ProductShape): Program {
  const { R, C, accumulate } = shape;
  const sums = ['s', 't', 'u', 'v'];
  const body = `
let p = 0;
let q = 0;
p = from_a + this.thread.y * downA;
q = from_b + this.thread.x * 4 * alongB;
${sums.map((s, i) => `let ${s} = ${accumulate ? `in_c[from_c + this.thread.y * C + this.thread.x * 4 + ${i}]` : '0.0'};`).join('\n')}
for (let k = 0; k < deep; k++) {
const w = in_a[p];
${sums.map((s, i) => `${s} += w * in_b[q + alongB * ${i}];`).join('\n')}
p += alongA;
q += downB;
}
p++; q++;
return [s, t, u, v];`;
  const sizes = { R, ...stridesOf(shape), ...(accumulate ? { C } : {}) };
  return { ...program([C / 4, R], arraysOf(shape), body, { sizes }), wide: true };
}

/**
 * A (R,K) B (K,C) where textures hold fours; K and C are multiples of 4. A thread works out four columns of one row in each of
 * `blocks` blocks of rows, each of which is a result of its own: with eight, twelve fours are read for 128 products, with one
 * five for sixteen. One text serves all sizes: c counts only where `adds` is 1, and may else be any.
 */
export function fourfoldProduct(R: number, K: number, C: number, blocks: number): Program {
  const all = upTo(blocks);
  const started = all.map((m) => {
    const old = four('c', `(y + ${m} * rows) * wide + x`);
    return `let s${m} = [0.0, 0.0, 0.0, 0.0];
if (adds > 0.5) { s${m} = ${old}; }
let p${m} = from_a + (y + ${m} * rows) * deep;`;
  });
  const given = (m: number): string => FOUR.map((i) => `s${m}[${i}]`).join(', ');
  const body = [
    'let q = from_b + x;',
    ...started,
    'for (let k = 0; k < deep; k++) {',
    ...FOUR.map((i) => `const e${i} = ${texel('b', `q${i === 0 ? '' : ` + ${i} * wide`}`)};`),
    ...all.map((m) => `s${m} = plus(s${m}, ${texel('a', `p${m} + k`)}, e0, e1, e2, e3);`),
    'q += 4 * wide;',
    '}',
    ...all.slice(1).map((m) => `also${m}(${given(m)});`),
    `return [${given(0)}];`,
  ].join('\n');
  const arrays = ['a', 'b', 'c'];
  const how = { sizes: { rows: R / blocks, deep: K / 4, wide: C / 4 }, scalars: ['adds'] };
  return { ...program([C / 4, R / blocks], arrays, body, how), fours: arrays, wide: true, also: blocks - 1 };
}

/** B' (C,K) of B (K,C). */
export const transpose = (K: number, C: number): Program =>
  program([K, C], ['b'], `return ${at('b', 'x * C + y')};`, { sizes: { C } });

/** The same where textures hold fours: a column of a block of four by four, of its four rows. */
export function fourfoldTranspose(K: number, C: number): Program {
  const rows = FOUR.map((i) => `const v${i} = ${four('b', `(x * 4 + ${i}) * quarter + four`)};`);
  const columns = FOUR.map((i) => `return [${FOUR.map((j) => `v${j}[${i}]`).join(', ')}];`);
  const body = `
const four = Math.floor((y + 0.5) / 4.0);
const column = y - four * 4.0;
${rows.join('\n')}
if (column < 0.5) { ${columns[0]} }
if (column < 1.5) { ${columns[1]} }
if (column < 2.5) { ${columns[2]} }
${columns[3]}`;
  return { ...program([K / 4, C], ['b'], body, { sizes: { quarter: C / 4 } }), fours: ['b'], wide: true };
}
