/** Sums over all elements: stage by stage, since a kernel writes as many numbers as it has threads. */
import type { Matrix } from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import { asColumn, type Piece, rowsOf, type Value } from '../record/values.js';
import { at } from '../shaders/indexing.js';
import { program } from '../shaders/program.js';

/** Numbers that one thread adds up. */
const SHARE = 64;

/** The sum of `size` elements of a piece: a (1,1). */
export const sumOf = (rec: Recorder, piece: Piece, size: number): Piece => ({
  value: summed(rec, piece, size, false, false),
  shift: 0,
});

/** The root of the sum of the squares of a matrix's elements: a (1,1). */
export function normOf(rec: Recorder, m: Matrix): Value {
  const size = m.rows * m.cols;
  const blocks = rec.blocks(size, 1);
  if (blocks.length === 1) return summed(rec, rec.read(m), size, true, true);
  const parts = blocks.map(([from, to]) => {
    const value = summed(rec, rec.read(rowsOf(asColumn(m), from, to)), to - from, true, false);
    return { value, shift: 0, size: 1 };
  });
  return summed(rec, { value: rec.together(parts, parts.length), shift: 0 }, parts.length, false, true);
}

/** One text serves all stages of both. */
function summed(rec: Recorder, from: Piece, count: number, squares: boolean, root: boolean): Value {
  const threads = Math.ceil(count / SHARE);
  const sizes = { count, threads, rounds: Math.ceil(count / threads) };
  const text = program([threads], ['a'], STAGE, { scalars: ['squares', 'root'], sizes });
  const isLast = threads === 1;
  const value = rec.call(text, [from], [Number(squares), Number(isLast && root)]);
  return isLast ? value : summed(rec, { value, shift: 0 }, threads, false, root);
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
