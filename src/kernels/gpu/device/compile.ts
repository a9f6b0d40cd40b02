/** A program as source and settings of a gpu.js kernel. */

import { FUNCTIONS } from '../shaders/functions.js';
import { type ArrayReader, expandReads, readArray } from '../shaders/indexing.js';
import type { Program } from '../shaders/program.js';
import type { GpuInstance } from './gpu-js.js';

/** Adds the functions that programs call, except those that the mode has in its own language. */
export function addFunctions(gpu: GpuInstance, native: readonly string[] = []): void {
  for (const { name, source } of FUNCTIONS) {
    if (!native.includes(name)) gpu.addFunction(source, { argumentTypes: ['Float'], returnType: 'Float' });
  }
}

/** How the threads of a kernel are arranged: in columns and rows, or in one row. */
export type ThreadLayout = 'columns and rows' | 'row';

/** The column and row of a thread if there is only a row. Float division is not exact on every device. */
const placeInRow = (width: number): string => `
const flat = this.thread.x;
let y = Math.floor(flat / ${width});
let x = flat - y * ${width};
if (x < 0) { y = y - 1; x = x + ${width}; }
if (x >= ${width}) { y = y + 1; x = x - ${width}; }`;

/** The source of a program's kernel. */
export function kernelSource(
  { output, arrays, sizes = {}, scalars, body }: Program,
  threads: ThreadLayout,
  reader: ArrayReader = readArray,
): string {
  const begins = arrays.map((a) => `from_${a}`);
  const names = [...arrays.map((a) => `in_${a}`), ...begins, ...Object.keys(sizes), ...scalars].join(', ');
  const [width, height] = output;
  const both = threads === 'row' ? placeInRow(width) : 'const x = this.thread.x; const y = this.thread.y;';
  const place = height === undefined ? 'const x = this.thread.x;' : both;
  return `function (${names}) {\n${place}\n${expandReads(body, reader)}\n}`;
}

export interface KernelSettings {
  readonly output: readonly number[];
}

/** The settings of a program's kernel. `types`: of the arrays. `resident`: whether the result stays on the device. */
export function kernelSettings(
  program: Program,
  threads: ThreadLayout,
  types: readonly string[],
  resident: boolean,
): KernelSettings {
  const { output, arrays, sizes, scalars, extraOutputs = 0 } = program;
  const [x, y = 1] = output;
  const isRow = threads === 'row';
  const indexType = isRow ? 'Float' : 'Integer';
  const settings = {
    output: isRow ? [x * y] : [...output],
    dynamicOutput: !isRow && sizes !== undefined,
    pipeline: resident,
    immutable: resident,
    precision: 'single',
    tactic: 'precision', // 32 bits: by default gpu.js computes indices in fewer, if the driver can
    argumentTypes: [
      ...types,
      ...arrays.map(() => indexType),
      ...Object.keys(sizes ?? {}).map(() => indexType),
      ...scalars.map(() => 'Float'),
    ],
    ...(extraOutputs > 0 ? { subKernels: subKernels(extraOutputs) } : {}),
    dynamicArguments: true,
    loopMaxIterations: 2 ** 24,
  };
  return settings;
}

/** Extra outputs are functions that the kernel calls, whose return values gpu.js keeps. */
const subKernels = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => {
    const name = `also${i + 1}`;
    return { name, property: name, source: `function ${name}(s, t, u, v) { return [s, t, u, v]; }` };
  });
