/** One stage of a sum over many numbers. */
import { at } from './indexing.js';
import { type Program, program } from './program.js';

const BODY = `
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

/**
 * `threads` partial sums of `count` numbers. Scalars: whether to square the numbers, and to take the root of the sums.
 */
export function partialSums(count: number, threads: number): Program {
  const sizes = { count, threads, rounds: Math.ceil(count / threads) };
  return program([threads], ['a'], BODY, { scalars: ['squares', 'root'], sizes });
}
