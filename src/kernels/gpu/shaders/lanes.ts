/**
 * How many numbers of a row a thread works out: one, or four side by side. Where textures hold fours, a fetch brings all four;
 * on webgpu the four are read one by one, but there are a quarter of the threads.
 */

import { at, FOUR } from './indexing.js';
import type { Program, Vec4Support } from './program.js';
import { program } from './program.js';
import { joined } from './wgsl.js';

export interface Lanes {
  readonly count: 1 | 4;
  /** Statements that read element `index` of `array`, counted in what a thread works out, as `name`. */
  load(name: string, array: string, index: string): string;
  /** What was read, in one lane. */
  get(name: string, lane: number): string;
  /** A statement for each lane. */
  each(statement: (lane: number) => string): string;
  /** The thread's result, of an expression in each lane. */
  give(expression: (lane: number) => string): string;
  /** A kernel over [columns, rows] of lanes, or over a row of them. */
  program(...what: Parameters<typeof program>): Program;
}

export const ONE: Lanes = {
  count: 1,
  load: (name, array, index) => `const ${name} = ${at(array, index)};`,
  get: (name) => name,
  each: (statement) => statement(0),
  give: (expression) => `return ${expression(0)};`,
  program,
};

/** Four numbers that are read one by one. */
const NUMBERS: Lanes = {
  count: 4,
  load: (name, array, index) =>
    NUMBERS.each((lane) => `const ${name}${lane} = ${at(array, `(${index}) * 4 + ${lane}`)};`),
  get: (name, lane) => `${name}${lane}`,
  each: (statement) => FOUR.map(statement).join('\n'),
  give: (expression) => `return [${FOUR.map(expression).join(', ')}];`,
  program: (output, arrays, body, how) => ({
    ...program(output, arrays, body, how),
    ...{ wide: true, ...(how?.wgsl ? { wgsl: how.wgsl } : {}) },
  }),
};

/** A texture's element is four numbers. */
const TEXELS: Lanes = {
  ...NUMBERS,
  load: (name, array, index) => `const ${name} = ${four(array, index)};`,
  get: (name, lane) => `${name}[${lane}]`,
  program: (output, arrays, body, how) => ({
    ...program(output, arrays, body, how),
    wide: true,
    fours: arrays.filter((a) => !how?.singly?.includes(a)),
  }),
};

/** Four `index` of an array of fours. */
export const four = (array: string, index: string): string => texel(array, `from_${array} + ${index}`);

/** A texture's element, which the device reads. */
export const texel = (array: string, place: string): string => `texel(in_${array}, ${place})`;

/** Where an element's four is worked out in 32-bit floats, halves have to count, too. */
export const MOST_IN_FOURS = 2 ** 23;

/**
 * From so many numbers on, a thread that writes four is worth it where fours are no more than that. Fewer are better off in a
 * plan, which takes single results only.
 */
const FEW = 16384;

/** Four where the mode can, four divides all of `counts`, and the largest matrix, of `size` elements, allows; else one. */
export function lanesOf(fours: Vec4Support, counts: readonly number[], size: number): Lanes {
  if (fours === 'none' || counts.some((count) => count % 4 !== 0)) return ONE;
  if (fours === 'results') return size < FEW ? ONE : NUMBERS;
  return size > MOST_IN_FOURS ? ONE : TEXELS;
}

const LETTERS = 'abcdefghijklmno';

/** `most` pieces one after the other: those behind the last one, of no numbers, may be any. */
export function concatenation(sizes: readonly number[], most: number, lanes: Lanes): Program {
  const names = Array.from({ length: most }, (_, i) => `p${LETTERS[i]}`);
  const begins: Record<string, number> = {};
  let begin = 0;
  const lines = names.map((name, i) => {
    const from = i === 0 ? 'x' : `(x - b${i})`;
    begin += (sizes[i] ?? 0) / lanes.count;
    const give = `${lanes.load(`v${i}`, name, from)} ${lanes.give((lane) => lanes.get(`v${i}`, lane))}`;
    if (i === most - 1) return give;
    begins[`b${i + 1}`] = begin;
    return `if (x < b${i + 1}) { ${give} }`;
  });
  return lanes.program([begin], names, lines.join('\n'), { sizes: begins, wgsl: joined(names) });
}

/** One number everywhere. */
export const constantOf = (size: number, lanes: Lanes): Program =>
  lanes.program(
    [Math.ceil(size / lanes.count)],
    [],
    lanes.give(() => 'v'),
    { scalars: ['v'], sizes: {} },
  );
