/**
 * Lanes: the adjacent numbers of a row that one thread computes, one or four. If textures hold vec4 values, one fetch
 * reads all four. On webgpu the four are read one by one, but a quarter of the threads run.
 */
import { MAX_TEXTURE_VEC4_SIZE, MIN_VEC4_RESULT_SIZE } from '../thresholds.js';
import { at, LANES } from './indexing.js';
import { type Program, program, type Vec4Support } from './program.js';
import { wgslConcatenation } from './wgsl.js';

export interface Lanes {
  readonly count: 1 | 4;
  /** Statements that read the lanes at `index` of `array` as `name`. The index counts groups of lanes. */
  load(name: string, array: string, index: string): string;
  /** What `load` read as `name`, in one lane. */
  get(name: string, lane: number): string;
  /** One statement for each lane. */
  each(statement: (lane: number) => string): string;
  /** Returns an expression for each lane. */
  result(expression: (lane: number) => string): string;
  /** A program whose output counts groups of lanes. */
  program(...args: Parameters<typeof program>): Program;
}

export const SCALAR_LANES: Lanes = {
  count: 1,
  load: (name, array, index) => `const ${name} = ${at(array, index)};`,
  get: (name) => name,
  each: (statement) => statement(0),
  result: (expression) => `return ${expression(0)};`,
  program,
};

/** Four lanes that are read one by one. */
const VEC4_LANES: Lanes = {
  count: 4,
  load: (name, array, index) =>
    VEC4_LANES.each((lane) => `const ${name}${lane} = ${at(array, `(${index}) * 4 + ${lane}`)};`),
  get: (name, lane) => `${name}${lane}`,
  each: (statement) => LANES.map(statement).join('\n'),
  result: (expression) => `return [${LANES.map(expression).join(', ')}];`,
  program: (output, arrays, body, options) => ({
    ...program(output, arrays, body, options),
    ...{ vec4Output: true, ...(options?.wgsl ? { wgsl: options.wgsl } : {}) },
  }),
};

/** Four lanes that are one element of a texture. */
const TEXTURE_LANES: Lanes = {
  ...VEC4_LANES,
  load: (name, array, index) => `const ${name} = ${vec4At(array, index)};`,
  get: (name, lane) => `${name}[${lane}]`,
  program: (output, arrays, body, options) => ({
    ...program(output, arrays, body, options),
    vec4Output: true,
    vec4Arrays: arrays.filter((a) => !options?.scalarArrays?.includes(a)),
  }),
};

/** Reads the vec4 `index` of an array's piece. */
export const vec4At = (array: string, index: string): string => texel(array, `from_${array} + ${index}`);

/** Reads element `place` of a texture. The native function is in native.ts. */
export const texel = (array: string, place: string): string => `texel(in_${array}, ${place})`;

/**
 * Four lanes if the mode supports them, all `counts` are multiples of four, and `size`, of the largest matrix, allows
 * it; else one.
 */
export function chooseLanes(vec4: Vec4Support, counts: readonly number[], size: number): Lanes {
  if (vec4 === 'none' || counts.some((count) => count % 4 !== 0)) return SCALAR_LANES;
  if (vec4 === 'results') return size < MIN_VEC4_RESULT_SIZE ? SCALAR_LANES : VEC4_LANES;
  return size > MAX_TEXTURE_VEC4_SIZE ? SCALAR_LANES : TEXTURE_LANES;
}

const LETTERS = 'abcdefghijklmno';

/** Concatenates `count` pieces. Pieces after the last size are empty, and may be any array. */
export function concatenation(sizes: readonly number[], count: number, lanes: Lanes): Program {
  const names = Array.from({ length: count }, (_, i) => `p${LETTERS[i]}`);
  const begins: Record<string, number> = {};
  let begin = 0;
  const lines = names.map((name, i) => {
    const from = i === 0 ? 'x' : `(x - b${i})`;
    begin += (sizes[i] ?? 0) / lanes.count;
    const copy = `${lanes.load(`v${i}`, name, from)} ${lanes.result((lane) => lanes.get(`v${i}`, lane))}`;
    if (i === count - 1) return copy;
    begins[`b${i + 1}`] = begin;
    return `if (x < b${i + 1}) { ${copy} }`;
  });
  return lanes.program([begin], names, lines.join('\n'), { sizes: begins, wgsl: wgslConcatenation(names) });
}

/** Fills a value with one number. */
export const constantProgram = (size: number, lanes: Lanes): Program =>
  lanes.program(
    [Math.ceil(size / lanes.count)],
    [],
    lanes.result(() => 'v'),
    { scalars: ['v'], sizes: {} },
  );
