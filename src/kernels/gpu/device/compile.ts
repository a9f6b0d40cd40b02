/** From a program to what gpu.js makes a kernel of: a text and settings. */

import { expanded, plainly, type Reading } from '../shaders/indexing.js';
import type { Program } from '../shaders/program.js';

/** How a mode runs over its threads: in columns and rows by itself, or in one row. */
export type Threads = 'columns and rows' | 'row';

/** Column and row of the thread where there is only a row. Division is not exact everywhere. */
const placeInRow = (width: number): string => `
const flat = this.thread.x;
let y = Math.floor(flat / ${width});
let x = flat - y * ${width};
if (x < 0) { y = y - 1; x = x + ${width}; }
if (x >= ${width}) { y = y + 1; x = x - ${width}; }`;

/** A program's text as gpu.js reads it. */
export function source(
  { output, arrays, sizes = {}, scalars, body }: Program,
  threads: Threads,
  reading: Reading = plainly,
): string {
  const begins = arrays.map((a) => `from_${a}`);
  const names = [...arrays.map((a) => `in_${a}`), ...begins, ...Object.keys(sizes), ...scalars].join(', ');
  const [width, height] = output;
  const both = threads === 'row' ? placeInRow(width) : 'const x = this.thread.x; const y = this.thread.y;';
  const place = height === undefined ? 'const x = this.thread.x;' : both;
  return `function (${names}) {\n${place}\n${expanded(body, reading)}\n}`;
}

export interface Settings {
  readonly output: readonly number[];
}

/** `types`: of the arrays. `stays`: whether the result stays on the device. */
export function settings(program: Program, threads: Threads, types: readonly string[], stays: boolean): Settings {
  const { output, arrays, sizes, scalars, also = 0 } = program;
  const [x, y = 1] = output;
  const isRow = threads === 'row';
  const whole = isRow ? 'Float' : 'Integer';
  const all = {
    output: isRow ? [x * y] : [...output],
    dynamicOutput: !isRow && sizes !== undefined,
    pipeline: stays,
    immutable: stays,
    precision: 'single',
    tactic: 'precision', // 32 bits: by itself gpu.js counts places in fewer, where a driver can
    argumentTypes: [
      ...types,
      ...arrays.map(() => whole),
      ...Object.keys(sizes ?? {}).map(() => whole),
      ...scalars.map(() => 'Float'),
    ],
    ...(also > 0 ? { subKernels: further(also) } : {}),
    dynamicArguments: true,
    loopMaxIterations: 2 ** 24,
  };
  return all;
}

/** A kernel's further results: functions to gpu.js, that it calls and whose values it keeps. */
const further = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => {
    const name = `also${i + 1}`;
    return { name, property: name, source: `function ${name}(s, t, u, v) { return [s, t, u, v]; }` };
  });
