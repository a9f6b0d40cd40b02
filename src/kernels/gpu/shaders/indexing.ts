/** Numbers moved as they are, and how a kernel's text reads one. */
import { type Program, program } from './program.js';

/**
 * Element `index` of an array, counted from where its piece begins: a mark, which the device replaces by what reads a number
 * there (`expanded`).
 */
export const at = (array: string, index: string): string => `@{${array}: ${index}}`;

const MARK = /@\{(\w+): ([^{}]*)\}/g;

/** What reads number `place` of `array`. */
export type Reading = (array: string, place: string) => string;

export const plainly: Reading = (array, place) => `in_${array}[${place}]`;

/** The marks of a text replaced; they may stand in one another. */
export function expanded(text: string, reading: Reading): string {
  const next = text.replace(MARK, (_, array: string, index: string) => reading(array, `from_${array} + ${index}`));
  return next === text ? text : expanded(next, reading);
}

/** The first numbers, as indices. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The numbers of a four. */
export const FOUR = [0, 1, 2, 3] as const;

/** Vec4Support of numbers, which may be single ones. */
export const toFours = (size: number): Program => {
  const parts = FOUR.map((i) => at('a', `x * 4 + ${i}`));
  return { ...program([Math.ceil(size / 4)], ['a'], `return [${parts.join(', ')}];`, { sizes: {} }), wide: true };
};

/** The numbers as they are, one by one: what brings them over, and back. */
export const copyOf = (size: number): Program => program([size], ['a'], `return ${at('a', 'x')};`, { sizes: {} });
