/**
 * A shader program: the body of a kernel in the language of gpu.js, and the arrays, sizes and scalars that it reads.
 */

/** Statements in WGSL that replace a program's body on WebGPU. Their arrays hold vec4 values. */
export interface WgslBody {
  /** Rows of the program's output that one thread computes. */
  readonly rows: number;
  readonly body: string;
}

/** A program. `x`, and `y` if the output has rows, are the column and row of a thread. */
export interface Program {
  /** The number of threads: one dimension, or columns and rows. */
  readonly output: readonly [number] | readonly [number, number];
  readonly arrays: readonly string[];
  /** Integers that the body names. If set, one compiled kernel serves all their values and all output sizes. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Names of numbers that are passed with each call. */
  readonly scalars: readonly string[];
  readonly body: string;
  /** Arrays that are read as vec4 values. Their pieces begin at multiples of four. */
  readonly vec4Arrays?: readonly string[];
  /** Each thread returns four numbers. */
  readonly vec4Output?: boolean;
  /** What WebGPU runs instead of the body. */
  readonly wgsl?: WgslBody;
  /** The program is c + A B in WGSL, which a kernel that reads the result may compute itself. */
  readonly isSum?: true;
  /** Results in addition to the first, one vec4 a thread each: `also1(a, b, c, d);` returns the first of them. */
  readonly extraOutputs?: number;
}

/** How a mode moves four numbers at a time: textures hold vec4 values, a thread may write a vec4, or neither. */
export type Vec4Support = 'textures' | 'results' | 'none';

/** What `program` takes in addition to output, arrays and body. */
export interface ProgramOptions {
  readonly scalars?: readonly string[];
  readonly sizes?: Program['sizes'];
  /** Arrays that are read number by number when the others are read as vec4 values. */
  readonly scalarArrays?: readonly string[];
  /** What WebGPU runs instead if each thread returns four numbers. */
  readonly wgsl?: WgslBody;
}

/** A program whose threads return one number each. */
export function program(
  output: Program['output'],
  arrays: readonly string[],
  body: string,
  { scalars = [], sizes }: ProgramOptions = {},
): Program {
  return { output, arrays, body, scalars, ...(sizes ? { sizes } : {}) };
}
