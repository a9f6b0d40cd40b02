/**
 * Matrix products, of which (F1) and (B1) consist. The more of the result a thread computes, the fewer reads it needs.
 */

import { PRODUCT_UNROLL } from '../thresholds.js';
import { at, LANES, range } from './indexing.js';
import { texel, vec4At } from './lanes.js';
import { type Program, program } from './program.js';

export interface ProductShape {
  readonly R: number;
  readonly K: number;
  readonly C: number;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly accumulate: boolean;
}

const arraysOf = ({ accumulate }: Pick<ProductShape, 'accumulate'>): string[] => [
  'a',
  'b',
  ...(accumulate ? ['c'] : []),
];

/** out (R,C) = or += A (R,K) B (K,C), each operand perhaps transposed. A thread computes one number of the result. */
export function scalarProduct({ R, K, C, transA, transB, accumulate }: ProductShape): Program {
  const a = (k: string): string => at('a', transA ? `(${k}) * R + y` : `y * ${K} + (${k})`);
  const b = (k: string): string => at('b', transB ? `x * ${K} + (${k})` : `(${k}) * ${C} + x`);
  const rounds = K - (K % PRODUCT_UNROLL);
  const terms = range(PRODUCT_UNROLL).map((i) => `${a(`k + ${i}`)} * ${b(`k + ${i}`)}`);
  const rest = range(K % PRODUCT_UNROLL).map((i) => `s += ${a(`${rounds + i}`)} * ${b(`${rounds + i}`)};`);
  const body = [
    `let s = ${accumulate ? at('c', `y * ${C} + x`) : '0.0'};`,
    rounds > 0 ? `for (let k = 0; k < ${rounds}; k += ${PRODUCT_UNROLL}) { s += ${terms.join(' + ')}; }` : '',
    ...rest,
    'return s;',
  ].join('\n');
  return program([C, R], arraysOf({ accumulate }), body, { sizes: { R } });
}

/** The strides of the operands along the output and along the sum, as sizes of a program that serves all of them. */
function stridesOf({ R, K, C, transA, transB }: ProductShape): Program['sizes'] {
  const [downA, alongA] = transA ? [1, R] : [K, 1];
  const [downB, alongB] = transB ? [1, K] : [C, 1];
  return { deep: K, downA, alongA, downB, alongB };
}

/**
 * The same as one program for all sizes and transpositions. On WebGL 2 a loop of four terms is not faster than a loop
 * of one, and every further shader delays the first update.
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
 * The same with four columns a thread: five reads for four multiplications, instead of eight. C is a multiple of 4.
 * Indices are integers, which halves the time on a software driver. gpu.js takes a variable for an integer if `++` is
 * applied to it anywhere.
 */
export function vec4Product(shape: ProductShape): Program {
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
  return { ...program([C / 4, R], arraysOf(shape), body, { sizes }), vec4Output: true };
}

/**
 * A (R,K) B (K,C) of vec4 textures; K and C are multiples of 4. A thread computes four columns of one row in each of
 * `blocks` blocks of rows, each of which is a separate output. Eight blocks take twelve reads for 128 multiplications,
 * one takes five for sixteen. One program serves all sizes: c is added only if `adds` is 1, and may be any array
 * otherwise.
 */
export function textureProduct(R: number, K: number, C: number, blocks: number): Program {
  const all = range(blocks);
  const started = all.map((m) => {
    const old = vec4At('c', `(y + ${m} * rows) * wide + x`);
    return `let s${m} = [0.0, 0.0, 0.0, 0.0];
if (adds > 0.5) { s${m} = ${old}; }
let p${m} = from_a + (y + ${m} * rows) * deep;`;
  });
  const given = (m: number): string => LANES.map((i) => `s${m}[${i}]`).join(', ');
  const body = [
    'let q = from_b + x;',
    ...started,
    'for (let k = 0; k < deep; k++) {',
    ...LANES.map((i) => `const e${i} = ${texel('b', `q${i === 0 ? '' : ` + ${i} * wide`}`)};`),
    ...all.map((m) => `s${m} = plus(s${m}, ${texel('a', `p${m} + k`)}, e0, e1, e2, e3);`),
    'q += 4 * wide;',
    '}',
    ...all.slice(1).map((m) => `also${m}(${given(m)});`),
    `return [${given(0)}];`,
  ].join('\n');
  const arrays = ['a', 'b', 'c'];
  const how = { sizes: { rows: R / blocks, deep: K / 4, wide: C / 4 }, scalars: ['adds'] };
  return {
    ...program([C / 4, R / blocks], arrays, body, how),
    vec4Arrays: arrays,
    vec4Output: true,
    extraOutputs: blocks - 1,
  };
}

/** B' (C,K) of B (K,C). */
export const transpose = (K: number, C: number): Program =>
  program([K, C], ['b'], `return ${at('b', 'x * C + y')};`, { sizes: { C } });

/** The same of vec4 textures: a thread reads the four rows of a 4 by 4 block and returns one of its columns. */
export function textureTranspose(K: number, C: number): Program {
  const rows = LANES.map((i) => `const v${i} = ${vec4At('b', `(x * 4 + ${i}) * quarter + four`)};`);
  const columns = LANES.map((i) => `return [${LANES.map((j) => `v${j}[${i}]`).join(', ')}];`);
  const body = `
const four = Math.floor((y + 0.5) / 4.0);
const column = y - four * 4.0;
${rows.join('\n')}
if (column < 0.5) { ${columns[0]} }
if (column < 1.5) { ${columns[1]} }
if (column < 2.5) { ${columns[2]} }
${columns[3]}`;
  return { ...program([K / 4, C], ['b'], body, { sizes: { quarter: C / 4 } }), vec4Arrays: ['b'], vec4Output: true };
}
