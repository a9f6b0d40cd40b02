/** Numbers moved as they are, and how a kernel's text reads one. */
import type { Program } from '../values.js';

/**
 * Element `index` of an array, counted from where its piece begins: a mark, which the device replaces by what reads a number
 * there (`expanded`).
 */
export const at = (array: string, index: string): string => `@{${array}: ${index}}`;

const MARK = /@\{(\w+): ([^{}]*)\}/g;

/** The marks of a text replaced; they may stand in one another. `isFours`: whether an array is a texture of fours. */
export function expanded(text: string, isFours: (array: string) => boolean): string {
  const next = text.replace(MARK, (_, array: string, index: string) => {
    const place = `from_${array} + ${index}`;
    // A quarter of a whole number is exact in 32-bit floats.
    return isFours(array) ? `pick(in_${array}[Math.floor((${place}) * 0.25)], ${place})` : `in_${array}[${place}]`;
  });
  return next === text ? text : expanded(next, isFours);
}

export interface Told {
  /** Names of numbers that are told at each call. */
  readonly scalars?: readonly string[];
  readonly sizes?: Program['sizes'];
  /** Arrays that are read number by number where others are in fours. */
  readonly singly?: readonly string[];
}

/** A kernel's text. `x`, and `y` where there are rows, are the output's column and row. */
export function program(
  output: Program['output'],
  arrays: readonly string[],
  body: string,
  { scalars = [], sizes }: Told = {},
): Program {
  return { output, arrays, body, scalars, ...(sizes ? { sizes } : {}) };
}

/** The numbers of a four. */
export const FOUR = [0, 1, 2, 3] as const;

/** Fours of numbers, which may be single ones. */
export const toFours = (size: number): Program => {
  const parts = FOUR.map((i) => at('a', `x * 4 + ${i}`));
  return { ...program([Math.ceil(size / 4)], ['a'], `return [${parts.join(', ')}];`, { sizes: {} }), wide: true };
};

/** The numbers as they are, one by one: what brings them over, and back. */
export const copyOf = (size: number): Program => program([size], ['a'], `return ${at('a', 'x')};`, { sizes: {} });
