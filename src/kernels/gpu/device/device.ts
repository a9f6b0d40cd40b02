/** What a mode of gpu.js offers: its kernels and its limits. */
import type { Program, Vec4Support } from '../shaders/program.js';
import type { ThreadLayout } from './compile.js';
import type { GpuInstance, GpuJs } from './gpu-js.js';
import type { GpuMode } from './modes.js';
import type { KernelEncoding } from './replay.js';
import type { GpuBuffer, GpuDevice } from './webgpu-api.js';

/** A compiled program. */
export interface GpuKernel {
  /** Returns the result, an array of results if the program has extra outputs, or a promise of either. */
  run(args: readonly unknown[]): unknown;
  /** Sets the output size of later runs. */
  resize(output: Program['output']): void;
  /** What gpu.js encoded in the last run. Only on a device with `replaySupport`. */
  encoding?(): KernelEncoding;
  destroy(): void;
}

/** What is known about the device. */
export interface DeviceInfo {
  readonly mode: GpuMode;
  /** The name that the driver reports. */
  readonly adapter: string;
  /**
   * Bytes of the largest array that a shader can access. Together with `maxElements` it limits what a kernel reads or
   * writes.
   */
  readonly maxBufferBytes: number;
}

/** How a program is compiled. */
export interface CompileOptions {
  /** Whether the result stays on the device. Otherwise it is read. */
  readonly resident: boolean;
  /** Whether the array comes from host memory. */
  readonly fromHost: boolean;
  /**
   * For each array that is read number by number: `f` if it is a texture of vec4 values, `s` if one of single numbers.
   */
  readonly kinds: string;
}

/** What plans need of a mode in which gpu.js can run many kernels as one. */
export interface PlanSupport {
  readonly gpu: GpuInstance;
  readonly Input: GpuJs['Input'];
  readonly threads: ThreadLayout;
  /** Numbers that a plan may upload and download. */
  readonly maxNumbers: number;
}

/** What replays need of a mode whose kernels can be encoded without gpu.js. */
export interface ReplaySupport {
  readonly device: GpuDevice;
  /** A buffer as a result of gpu.js, which its kernels can read. */
  handle(buffer: GpuBuffer): unknown;
}

/** An opened mode of gpu.js. */
export interface Device {
  readonly info: DeviceInfo;
  readonly vec4: Vec4Support;
  /** Arrays of one kernel. */
  readonly maxArrays: number;
  /** Blocks of rows, or rows, that one thread of a product may compute. */
  readonly maxBlocks: number;
  /** Rows and columns of a grid of threads. The threads of larger kernels form one row. */
  readonly maxRows: number;
  /** Threads that keep the device busy. If there are more, each may do more work. */
  readonly saturatingThreads: number;
  /** Whether the cell's kernel computes the product that it reads. */
  readonly fusesSums: boolean;
  /** Whether a kernel with this output can serve other outputs, if its program has `sizes`. */
  resizes(output: Program['output']): boolean;
  compile(program: Program, options: CompileOptions): GpuKernel;
  /** Null if the mode has no plans. */
  readonly planSupport: PlanSupport | null;
  /** Null if the mode has no replays. */
  readonly replaySupport: ReplaySupport | null;
  /** Throws `DEVICE_LOST`. */
  requireAlive(): void;
  /** Runs `act`, and throws the errors that the device reports meanwhile. */
  watched<T>(act: () => Promise<T>): Promise<T>;
  dispose(): void;
}
