/** Sums over all elements: stage by stage, since a kernel writes as many numbers as it has threads. */
import type { Recorder } from './recorder.js';
import { at, program } from './text/moves.js';
import type { Piece } from './values.js';

/** Numbers that one thread adds up. */
const SHARE = 64;

/** The sum of `size` elements, or the root of the sum of their squares: a (1,1). One text serves all stages of both. */
export function sumOf(rec: Recorder, piece: Piece, size: number, isNorm = false): Piece {
  const stage = (from: Piece, count: number, squares: boolean): Piece => {
    const threads = Math.ceil(count / SHARE);
    const sizes = { count, threads, rounds: Math.ceil(count / threads) };
    const text = program([threads], ['a'], STAGE, { scalars: ['squares', 'root'], sizes });
    const isLast = threads === 1;
    const sum = { value: rec.call(text, [from], [Number(squares), Number(isLast && isNorm)]), shift: 0 };
    return isLast ? sum : stage(sum, threads, false);
  };
  return stage(piece, size, isNorm);
}

const STAGE = `
let s = 0.0;
for (let k = 0; k < rounds; k++) {
  const e = k * threads + x;
  if (e < count) {
    const v = ${at('a', 'e')};
    if (squares > 0.5) { s += v * v; }
    else { s += v; }
  }
}
if (root > 0.5) { return Math.sqrt(s); }
return s;`;
