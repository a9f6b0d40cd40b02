/** Whole rows: moved, gathered, summed. */
import { at } from './indexing.js';
import type { Lanes } from './lanes.js';
import { type Program, program } from './program.js';

/** out (R,C): every row = row a (1,C). */
export function fillRows(R: number, C: number, lanes: Lanes): Program {
  const body = `${lanes.load('v', 'a', 'x')}\n${lanes.result((lane) => lanes.get('v', lane))}`;
  return lanes.program([C / lanes.count, R], ['a'], body, { sizes: {} });
}

/** o (C) += the sum of the rows of a (R,C). */
export function sumRows(R: number, C: number, lanes: Lanes): Program {
  const body = [
    lanes.load('old', 'o', 'x'),
    lanes.each((lane) => `let s${lane} = ${lanes.get('old', lane)};`),
    'for (let r = 0; r < R; r++) {',
    lanes.load('v', 'a', 'r * C + x'),
    lanes.each((lane) => `s${lane} += ${lanes.get('v', lane)};`),
    '}',
    lanes.result((lane) => `s${lane}`),
  ];
  const sizes = { R, C: C / lanes.count };
  return lanes.program([sizes.C], ['o', 'a'], body.join('\n'), { sizes });
}

/** out (R,C): row r = row i[r] of t. */
export const gatherRows = (R: number, C: number): Program =>
  program([C, R], ['t', 'i'], `return ${at('t', `${at('i', 'y')} * ${C} + x`)};`);

/** t (V,C): row v += the rows of a whose numbers are r[b[v]], ..., r[b[v + 1] - 1]. */
export function scatterAddRows(V: number, C: number): Program {
  const body = [
    `let s = ${at('t', `y * ${C} + x`)};`,
    `const end = ${at('b', 'y + 1')};`,
    `for (let n = ${at('b', 'y')}; n < end; n += 1) { s += ${at('a', `${at('r', 'n')} * ${C} + x`)}; }`,
    'return s;',
  ].join('\n');
  return program([C, V], ['t', 'a', 'b', 'r'], body);
}

/** Row r = a's row r times f[r], added to o's row r if `adds`. */
export function scaleRows(R: number, C: number, adds: boolean): Program {
  const here = `y * ${C} + x`;
  const sum = adds ? `${at('o', here)} + ` : '';
  return program([C, R], ['a', 'f', ...(adds ? ['o'] : [])], `return ${sum}${at('a', here)} * ${at('f', 'y')};`);
}

/** A range of columns of a matrix with `width` columns that is copied into another. */
export interface ColumnCopy {
  readonly width: number;
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** o (R,C), whose columns from `to` on are = or += those of a. */
export function copyColumns(
  [R, C]: readonly [number, number],
  { width, from, to, count }: ColumnCopy,
  adds: boolean,
): Program {
  const old = at('o', `y * ${C} + x`);
  const copied = at('a', `y * ${width} + x - ${to - from}`);
  const body = `if (x < ${to}) { return ${old}; }\nif (x >= ${to + count}) { return ${old}; }\nreturn ${adds ? `${old} + ` : ''}${copied};`;
  return program([C, R], ['o', 'a'], body);
}
