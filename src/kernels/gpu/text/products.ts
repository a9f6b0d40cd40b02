/** Matrix products, one number of the result a thread. (F1) and (B1) are made of them. */
import type { Program } from '../values.js';
import { at, program } from './moves.js';

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

/** B' (C,K) of B (K,C). */
export const transpose = (K: number, C: number): Program =>
  program([K, C], ['b'], `return ${at('b', `x * ${C} + y`)};`);
