/** Sums over all elements: stage by stage, since a kernel writes as many numbers as it has threads. */
import type { Recorder } from './recorder.js';
import { at, program } from './text/moves.js';
import type { Piece } from './values.js';

/** Numbers that one thread adds up. */
const SHARE = 64;

/**
 * The sum of `size` terms, each made of the element by `term`; `whole` makes the result of the sum `s`. Gives a (1,1).
 */
export function sumOf(
  rec: Recorder,
  piece: Piece,
  size: number,
  whole = 's',
  scalars: Readonly<Record<string, number>> = {},
  term: (v: string) => string = (v) => v,
): Piece {
  const threads = Math.ceil(size / SHARE);
  const last = threads === 1;
  const body = `
let s = 0.0;
for (let k = 0; k < rounds; k++) {
  const e = k * threads + x;
  if (e < size) { const v = ${at('a', 'e')}; s += ${term('v')}; }
}
return ${last ? whole : 's'};`;
  const sizes = { size, threads, rounds: Math.ceil(size / threads) };
  const text = program([threads], ['a'], body, { scalars: last ? Object.keys(scalars) : [], sizes });
  const sum = { value: rec.call(text, [piece], last ? Object.values(scalars) : []), shift: 0 };
  return last ? sum : sumOf(rec, sum, threads, whole, scalars);
}
