/** Matrix products, one number of the result a thread. (F1) and (B1) are made of them. */
import type { Program } from '../values.js';
import { at, FOUR, program } from './moves.js';

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

/** out (R,C) = or += A (R,K) B (K,C), each operand perhaps the other way round. */
export function product({ R, K, C, transA, transB, accumulate }: ProductShape): Program {
  const a = (k: string): string => at('a', transA ? `(${k}) * ${R} + y` : `y * ${K} + (${k})`);
  const b = (k: string): string => at('b', transB ? `x * ${K} + (${k})` : `(${k}) * ${C} + x`);
  const rounds = K - (K % UNROLLED);
  const terms = Array.from({ length: UNROLLED }, (_, i) => `${a(`k + ${i}`)} * ${b(`k + ${i}`)}`);
  const rest = Array.from({ length: K % UNROLLED }, (_, i) => `s += ${a(`${rounds + i}`)} * ${b(`${rounds + i}`)};`);
  const body = [
    `let s = ${accumulate ? at('c', `y * ${C} + x`) : '0.0'};`,
    rounds > 0 ? `for (let k = 0; k < ${rounds}; k += ${UNROLLED}) { s += ${terms.join(' + ')}; }` : '',
    ...rest,
    'return s;',
  ].join('\n');
  return program([C, R], accumulate ? ['a', 'b', 'c'] : ['a', 'b'], body);
}

/**
 * The same with four columns a thread: five numbers are read for four products, instead of eight. C is a multiple of 4. Places
 * are counted in integers, which halves the time on a software driver: to gpu.js, what `++` counts anywhere is one.
 */
export function wideProduct({ R, K, C, transA, transB, accumulate }: ProductShape): Program {
  const sums = ['s', 't', 'u', 'v'];
  const there = (i: number): string => (transB ? `in_b[q + ${i * K}]` : `in_b[q + ${i}]`);
  const body = [
    'let p = 0;',
    'let q = 0;',
    `p = from_a + ${transA ? 'this.thread.y' : `this.thread.y * ${K}`};`,
    `q = from_b + this.thread.x * ${transB ? 4 * K : 4};`,
    ...sums.map(
      (s, i) => `let ${s} = ${accumulate ? `in_c[from_c + this.thread.y * ${C} + this.thread.x * 4 + ${i}]` : '0.0'};`,
    ),
    `for (let k = 0; k < ${K}; k++) {`,
    `const w = in_a[p];`,
    ...sums.map((s, i) => `${s} += w * ${there(i)};`),
    transA ? `p += ${R};` : 'p++;',
    transB ? 'q++;' : `q += ${C};`,
    '}',
    'p++; q++;',
    'return [s, t, u, v];',
  ].join('\n');
  return { ...program([C / 4, R], accumulate ? ['a', 'b', 'c'] : ['a', 'b'], body), wide: true };
}

/** A (R,K) B (K,C) where textures hold fours: five of them are read for sixteen products. K and C are multiples of 4. */
export function fourfoldProduct(R: number, K: number, C: number, accumulate: boolean): Program {
  const sums = ['s', 't', 'u', 'v'];
  const rounds = FOUR.map((i) =>
    [`const e${i} = in_b[q + ${(i * C) / 4}];`, ...sums.map((s, j) => `${s} += w[${i}] * e${i}[${j}];`)].join(' '),
  );
  const body = [
    `let p = from_a + y * ${K / 4};`,
    'let q = from_b + x;',
    accumulate ? `const old = ${at('c', `y * ${C / 4} + x`)};` : '',
    ...sums.map((s, j) => `let ${s} = ${accumulate ? `old[${j}]` : '0.0'};`),
    `for (let k = 0; k < ${K / 4}; k += 1) {`,
    'const w = in_a[p];',
    ...rounds,
    `p += 1;\nq += ${C};`,
    '}',
    'return [s, t, u, v];',
  ].join('\n');
  const arrays = accumulate ? ['a', 'b', 'c'] : ['a', 'b'];
  return { ...program([C / 4, R], arrays, body), fours: arrays, wide: true };
}

/** B' (C,K) of B (K,C). */
export const transpose = (K: number, C: number): Program =>
  program([K, C], ['b'], `return ${at('b', `x * ${C} + y`)};`);

/** The same where textures hold fours: a column of a block of four by four, of its four rows. */
export function fourfoldTranspose(K: number, C: number): Program {
  const rows = FOUR.map((i) => `const v${i} = ${at('b', `(x * 4 + ${i}) * ${C / 4} + four`)};`);
  const columns = FOUR.map((i) => `return [${FOUR.map((j) => `v${j}[${i}]`).join(', ')}];`);
  const body = `
const four = Math.floor((y + 0.5) / 4.0);
const column = y - four * 4.0;
${rows.join('\n')}
if (column < 0.5) { ${columns[0]} }
if (column < 1.5) { ${columns[1]} }
if (column < 2.5) { ${columns[2]} }
${columns[3]}`;
  return { ...program([K / 4, C], ['b'], body), fours: ['b'], wide: true };
}
