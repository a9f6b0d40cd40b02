/** What a mode of gpu.js offers: its kernels and its limits. */
import type { Plans } from '../record/plans.js';
import type { Program, Vec4Support } from '../shaders/program.js';
import type { GpuMode } from './modes.js';

/** A compiled program. Where its text serves every size, so does it. */
export interface GpuKernel {
  /** Its result, the list of them where the program has further ones, or a promise of either. */
  run(args: readonly unknown[]): unknown;
  /** From the next run on. */
  resize(output: Program['output']): void;
  destroy(): void;
}

/** What there is to know of the device. */
export interface DeviceInfo {
  readonly mode: GpuMode;
  /** What the driver calls itself. */
  readonly adapter: string;
  /** The most bytes of one array that a shader may name: with `mostElements`, what a kernel reads or writes at the most. */
  readonly largestPiece: number;
}

export interface Compiling {
  /** Whether the result stays on the device; else it is read. */
  readonly stays: boolean;
  /** Whether the array comes from this side. */
  readonly fromHere: boolean;
  /** Of each array that is read number by number: f for a texture of fours, s for one of single numbers. */
  readonly kinds: string;
}

export interface Device {
  readonly info: DeviceInfo;
  readonly fours: Vec4Support;
  /** The most arrays of one kernel. */
  readonly mostArrays: number;
  /** The most blocks, or rows, that one thread of a product may work at. */
  readonly mostBlocks: number;
  /** Rows, and columns, of a grid of threads; beyond them a kernel's threads stand in one row. */
  readonly mostRows: number;
  /** Threads that keep it busy: beyond them, a thread may as well do more. */
  readonly atOnce: number;
  /** Whether products that the cell reads are worked out by its kernel. */
  readonly fuses: boolean;
  /** Whether a kernel with this output serves others as well, where its text does. */
  resizes(output: Program['output']): boolean;
  compile(program: Program, how: Compiling): GpuKernel;
  /** Where gpu.js can run many kernels as one. */
  readonly plans: Plans | null;
  /** Throws `DEVICE_LOST`. */
  requireAlive(): void;
  /** Acts, and throws what the device complained of meanwhile. */
  watched<T>(act: () => Promise<T>): Promise<T>;
  dispose(): void;
}
