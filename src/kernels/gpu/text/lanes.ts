/**
 * How many numbers of a row a thread works out: one, or four side by side. Where textures hold fours, a fetch brings all four;
 * on webgpu the four are read one by one, but there are a quarter of the threads.
 */
import type { Fours, Program } from '../values.js';
import { at, FOUR, program } from './moves.js';

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
  program(output: Program['output'], arrays: readonly string[], body: string): Program;
}

export const ONE: Lanes = {
  count: 1,
  load: (name, array, index) => `const ${name} = ${at(array, index)};`,
  get: (name) => name,
  each: (statement) => statement(0),
  give: (expression) => `return ${expression(0)};`,
  program: (output, arrays, body) => program(output, arrays, body),
};

/** Four numbers that are read one by one. */
const NUMBERS: Lanes = {
  count: 4,
  load: (name, array, index) =>
    NUMBERS.each((lane) => `const ${name}${lane} = ${at(array, `(${index}) * 4 + ${lane}`)};`),
  get: (name, lane) => `${name}${lane}`,
  each: (statement) => FOUR.map(statement).join('\n'),
  give: (expression) => `return [${FOUR.map(expression).join(', ')}];`,
  program: (output, arrays, body) => ({ ...program(output, arrays, body), wide: true }),
};

/** A texture's element is four numbers. */
const TEXELS: Lanes = {
  ...NUMBERS,
  load: ONE.load,
  get: (name, lane) => `${name}[${lane}]`,
  program: (output, arrays, body) => ({ ...NUMBERS.program(output, arrays, body), fours: arrays }),
};

/** Where an element's four is worked out in 32-bit floats, halves have to count, too. */
export const MOST_IN_FOURS = 2 ** 23;

/** Four where the mode can, four divides all of `counts`, and the largest matrix, of `size` elements, allows; else one. */
export function lanesOf(fours: Fours, counts: readonly number[], size: number): Lanes {
  if (fours === 'none' || counts.some((count) => count % 4 !== 0)) return ONE;
  if (fours === 'results') return NUMBERS;
  return size > MOST_IN_FOURS ? ONE : TEXELS;
}

/** The pieces one after the other. */
export function concatenation(sizes: readonly number[], lanes: Lanes): Program {
  const names = sizes.map((_, i) => `p${'abcdefg'[i]}`);
  let begin = 0;
  const lines = sizes.map((size, i) => {
    const from = begin;
    begin += size / lanes.count;
    const read = lanes.load(`v${i}`, names[i]!, from === 0 ? 'x' : `(x - ${from})`);
    const give = `${read} ${lanes.give((lane) => lanes.get(`v${i}`, lane))}`;
    return i === sizes.length - 1 ? give : `if (x < ${begin}) { ${give} }`;
  });
  return lanes.program([begin], names, lines.join('\n'));
}
