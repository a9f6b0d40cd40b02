/** Numbers moved as they are: constants, pieces put together, columns, rows by number. */
import type { Program } from '../values.js';

/** Element `index` of an array, counted from where its piece begins. */
export const at = (array: string, index: string): string => `in_${array}[from_${array} + ${index}]`;

/** A kernel's text. `x`, and `y` where there are rows, are the output's column and row. */
export function program(
  output: Program['output'],
  arrays: readonly string[],
  body: string,
  scalars: readonly string[] = [],
): Program {
  return { output, arrays, scalars, body };
}

export const constantOf = (size: number): Program => program([size], [], 'return v;', ['v']);

/** The numbers of a four. */
export const FOUR = [0, 1, 2, 3] as const;

/** Single numbers in fours. */
export const toFours = (size: number): Program => {
  const parts = FOUR.map((i) => at('a', `x * 4 + ${i}`));
  return { ...program([Math.ceil(size / 4)], ['a'], `return [${parts.join(', ')}];`), wide: true };
};

/** The other way round. */
export const fromFours = (size: number): Program => {
  const body = `
const f = Math.floor((x + 0.5) / 4.0);
const i = x - f * 4.0;
const v = ${at('a', 'f')};
if (i < 0.5) { return v[0]; }
if (i < 1.5) { return v[1]; }
if (i < 2.5) { return v[2]; }
return v[3];`;
  return { ...program([size], ['a'], body), fours: ['a'] };
};
