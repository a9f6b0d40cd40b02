/**
 * Lazy values. A kernel of gpu.js cannot write into part of a buffer: each one makes a new array. So a matrix is a list
 * of segments (allocation.ts), each a piece of a value, and a write to a window replaces the segments there.
 */
import type { Program } from '../shaders/program.js';

/** A result of gpu.js: a texture, a buffer on the device, or an array. */
export interface DeviceArray {
  readonly handle: unknown;
  /** Values that are stored in it. */
  refCount: number;
}

/** Numbers that are made once and never change: uploaded, constant, or computed by one recorded call. */
export class Value {
  readonly size: number;
  /** Segments, recorded calls and pending reads that use it. At 0 its memory is freed, and its call is not run. */
  refCount = 0;
  /** The numbers in host memory, until a kernel needs them on the device. */
  host: Float32Array | null = null;
  /** All elements have this value, and no kernel has needed them yet. */
  constant: number | null = null;
  /** The call that will compute it. */
  call: Call | null = null;
  /**
   * On the device, as vec4 values or number by number: as it was computed, and perhaps as a kernel needed it as well.
   */
  vec4: DeviceArray | null = null;
  scalar: DeviceArray | null = null;
  /** Where it starts in that array: a multiple of four. */
  start = 0;

  constructor(size: number) {
    this.size = size;
  }
}

/** Whether textures hold a value as vec4 values, or will when it has been computed. Uploads are vec4. */
export const isVec4 = ({ host, vec4, call }: Value): boolean =>
  host !== null || vec4 !== null || (call?.program.vec4Output ?? false);

/** Part of a value, from element `shift` on. */
export interface Piece {
  readonly value: Value;
  readonly shift: number;
}

/** A piece and its number of elements. */
export interface SizedPiece extends Piece {
  readonly size: number;
}

/** A whole value as a piece. */
export const pieceOf = (value: Value): Piece => ({ value, shift: 0 });

/** The number of elements of all the pieces. */
export const totalSize = (pieces: readonly SizedPiece[]): number => pieces.reduce((sum, { size }) => sum + size, 0);

/** A recorded call of a kernel. */
export interface Call {
  readonly program: Program;
  readonly inputs: readonly Piece[];
  readonly scalars: readonly number[];
  /** One value, and one more for each extra output of the program. */
  readonly outs: readonly Value[];
  /** It has been taken for a run, or was discarded because no value of it is used. */
  closed: boolean;
}
