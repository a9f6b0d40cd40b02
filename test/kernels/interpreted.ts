/**
 * The GPU backend over a device that runs the shader programs as JavaScript, in the two ways in which a GPU moves four numbers at a time:
 * textures of vec4 values, as on WebGL 2, and threads that write four numbers, as on WebGPU. So these programs are tested without a GPU.
 * It is strict: it refuses an output that is not an integer, and an array that is read otherwise than it is stored.
 */
import type { Kernels } from '../../src/contract/kernels.js';
import { kernelSource } from '../../src/kernels/gpu/device/compile.js';
import type { CompileOptions, Device, GpuKernel } from '../../src/kernels/gpu/device/device.js';
import { computing } from '../../src/kernels/gpu/instructions/computing.js';
import { memory } from '../../src/kernels/gpu/instructions/memory.js';
import { Executor, type GpuTestOptions } from '../../src/kernels/gpu/record/executor.js';
import { Recorder } from '../../src/kernels/gpu/record/recorder.js';
import { FUNCTIONS } from '../../src/kernels/gpu/shaders/functions.js';
import { readArray } from '../../src/kernels/gpu/shaders/indexing.js';
import { readTexture } from '../../src/kernels/gpu/shaders/native.js';
import type { Program, Vec4Support } from '../../src/kernels/gpu/shaders/program.js';

/** What is on the device. */
interface Stored {
  readonly numbers: Float32Array;
  readonly isVec4: boolean;
}

type Vec4 = ArrayLike<number>;

function requireKind({ isVec4 }: Stored, expected: boolean): void {
  if (isVec4 !== expected) throw new Error(`an array of ${isVec4 ? 'vec4 values' : 'numbers'} is read as the other`);
}

/** The native functions of shaders/native.ts. */
const NATIVE = {
  texel(from: Stored, place: number): Vec4 {
    requireKind(from, true);
    if (!Number.isInteger(place)) throw new Error(`vec4 ${place} is read`);
    return from.numbers.subarray(4 * place, 4 * place + 4);
  },
  pick(from: Stored, place: number): number {
    requireKind(from, true);
    return from.numbers[place]!;
  },
  single(from: Stored, place: number): number {
    requireKind(from, false);
    return from.numbers[place]!;
  },
  plus: (sum: Vec4, factors: Vec4, ...rows: Vec4[]): number[] =>
    Array.from(sum, (s, i) => rows.reduce((all, row, r) => all + factors[r]! * row[i]!, s)),
};

type Thread = { readonly thread: { x: number; y: number } };
type Body = (this: Thread, ...args: unknown[]) => number | Vec4;

/** The program as a function of a thread. `also` takes its extra outputs. */
export function compiled(source: string, extraOutputs: number, also: (index: number, numbers: Vec4) => void): Body {
  const extra = Object.fromEntries(
    Array.from({ length: extraOutputs }, (_, i) => [`also${i + 1}`, (...numbers: number[]) => also(i, numbers)]),
  );
  const scope = { ...NATIVE, ...extra };
  const functions = FUNCTIONS.map((one) => one.source).join('\n');
  return new Function(...Object.keys(scope), `${functions}\nreturn ${source};`)(...Object.values(scope)) as Body;
}

function kernelOf(program: Program, isTexture: boolean, { resident, fromHost, kinds }: CompileOptions): GpuKernel {
  const { arrays, vec4Arrays = [], vec4Output = false, extraOutputs = 0 } = program;
  const lanes = vec4Output ? 4 : 1;
  const isVec4 = (array: string): boolean => vec4Arrays.includes(array) || kinds[arrays.indexOf(array)] === 'f';
  const reader = isTexture && !fromHost ? readTexture(isVec4) : readArray;
  let output: Program['output'];
  let results: Float32Array[];
  let at = 0;
  const write = (index: number, numbers: Vec4): void => results[index]!.set(numbers, at * lanes);
  const body = compiled(kernelSource(program, 'columns and rows', reader), extraOutputs, (i, n) => write(i + 1, n));
  const resize = (next: Program['output']): void => {
    if (!next.every((count) => Number.isInteger(count) && count > 0)) throw new Error(`the output is ${next}`);
    output = next;
  };
  resize(program.output);
  return {
    resize,
    destroy() {},
    run(args) {
      const [width, height = 1] = output;
      results = Array.from({ length: 1 + extraOutputs }, () => new Float32Array(width * height * lanes));
      const given = args.map((arg) =>
        isTexture || typeof arg === 'number' || ArrayBuffer.isView(arg) ? arg : (arg as Stored).numbers,
      );
      const self: Thread = { thread: { x: 0, y: 0 } };
      for (at = 0; at < width * height; at++) {
        self.thread.x = at % width;
        self.thread.y = Math.floor(at / width);
        const found = body.apply(self, given);
        write(0, typeof found === 'number' ? [found] : found);
      }
      if (!resident) return results[0];
      const stored = results.map((numbers): Stored => ({ numbers, isVec4: isTexture && vec4Output }));
      return extraOutputs > 0 ? stored : stored[0];
    },
  };
}

const deviceOf = (vec4: Vec4Support): Device => ({
  info: { mode: 'cpu', adapter: 'none', maxBufferBytes: Number.POSITIVE_INFINITY },
  vec4,
  ...{ maxArrays: 7, maxBlocks: 8, maxRows: 65_535, saturatingThreads: 1, fusesSums: false },
  resizes: () => true,
  compile: (program, options) => kernelOf(program, vec4 === 'textures', options),
  ...{ planSupport: null, replaySupport: null },
  requireAlive() {},
  watched: (act) => act(),
  dispose() {},
});

/** The backend, with its executor and recorder. */
export function interpreted(vec4: Vec4Support, options?: GpuTestOptions) {
  const executor = new Executor(deviceOf(vec4), options);
  const recorder = new Recorder(executor);
  const { instructions } = memory(recorder);
  const all = { ...instructions, ...computing(recorder) };
  const kernels: Kernels = { name: 'gpu', variant: vec4, precision: 'float32', dispose() {}, ...all };
  return { kernels, executor, recorder };
}
