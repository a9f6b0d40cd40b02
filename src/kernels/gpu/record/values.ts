/**
 * What a matrix holds while its numbers are on a device. A kernel of gpu.js cannot write into part of a buffer: each one makes
 * a value of its own. So an allocation is a row of segments, each a piece of a value, and writing to a window exchanges the
 * segments there. A value that no segment, no recorded call and no reader holds is gone; one that was never computed never is.
 */
import type { Matrix } from '../../../contract/kernels.js';
import { UnspoolError } from '../../../errors.js';
import type { Program } from '../shaders/program.js';

/** What a kernel of gpu.js gave: a texture, a buffer on the device, or an array. */
export interface Resident {
  readonly handle: unknown;
  /** Values that lie in it. */
  shares: number;
}

/** Numbers that are made once and never change: uploaded, all the same, or computed by one recorded call. */
export class Value {
  readonly size: number;
  /** Segments, recorded calls and readers that hold it. */
  holders = 0;
  /** On this side, until a kernel needs them. */
  host: Float32Array | null = null;
  /** All elements are this, and no kernel has needed them yet. */
  constant: number | null = null;
  /** The call that will compute it. */
  call: Call | null = null;
  /** On the device, in a texture of fours or number by number: as it was made, or as a kernel wanted it besides. */
  fours: Resident | null = null;
  single: Resident | null = null;
  /** Where there it begins: a multiple of four. */
  begin = 0;

  constructor(size: number) {
    this.size = size;
  }
}

/** Whether a value is in fours, or will be when it has been computed, where textures hold fours: uploads are. */
export const isInFours = ({ host, fours, call }: Value): boolean =>
  host !== null || fours !== null || (call?.program.wide ?? false);

/** `size` numbers of a value, from `shift` on. */
export interface Piece {
  readonly value: Value;
  readonly shift: number;
}

/** Part of a value, and how much of it. */
export interface Sized extends Piece {
  readonly size: number;
}

export const sizeOf = (pieces: readonly Sized[]): number => pieces.reduce((sum, { size }) => sum + size, 0);

/** One recorded call of a kernel. */
export interface Call {
  readonly program: Program;
  readonly inputs: readonly Piece[];
  readonly scalars: readonly number[];
  /** One, and one more for each of the program's further results. */
  readonly outs: readonly Value[];
  /** Nobody holds its values, or its turn has come. */
  over: boolean;
}

/** c (N,C) + A (N,K) B (K,C). */
export interface Sum {
  readonly K: number;
  readonly factors: readonly Piece[];
  readonly old: Piece;
}

/** The sum that a piece of `size` numbers waits for, if it is all of it and nobody else waits. */
export function sumAwaited({ value }: Piece, size: number): Sum | null {
  const { call, holders } = value;
  if (!call?.program.sum || call.over || holders > 1 || value.size !== size) return null;
  const [left, right, old] = call.inputs as [Piece, Piece, Piece];
  return { K: call.program.sizes!.deep!, factors: [left, right], old };
}

/** Elements [start, end) of an allocation: element e is element e - start + shift of the value. */
interface Segment {
  readonly start: number;
  readonly end: number;
  readonly value: Value;
  readonly shift: number;
}

/** One allocation. */
export class Base {
  readonly size: number;
  freed = false;
  private segments: Segment[] = [];

  constructor(size: number) {
    this.size = size;
  }

  /** The index of the segment that holds an element. */
  private indexOf(element: number): number {
    let [low, high] = [0, this.segments.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle]!.end <= element) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private requireThere(): void {
    if (this.freed) throw new UnspoolError({ code: 'DISPOSED', what: 'A matrix', after: 'free() or dispose()' });
  }

  /** The pieces that stand in [start, end), in order. Throws `DISPOSED`. */
  pieces(start: number, end: number): Sized[] {
    this.requireThere();
    const found: Sized[] = [];
    for (let i = this.indexOf(start); i < this.segments.length && this.segments[i]!.start < end; i++) {
      const s = this.segments[i]!;
      const from = Math.max(start, s.start);
      found.push({ value: s.value, shift: s.shift + from - s.start, size: Math.min(end, s.end) - from });
    }
    return found;
  }

  /** From now on [start, end) is a piece of `value`; gives what no longer stands there to `release`, once a segment. */
  write(start: number, end: number, value: Value, shift: number, release: (value: Value) => void): void {
    this.requireThere();
    if (start === end) return;
    const { segments } = this;
    const first = this.indexOf(start);
    let last = first;
    const fresh: Segment[] = [{ start, end, value, shift }];
    value.holders++;
    const gone: Value[] = [];
    for (; last < segments.length && segments[last]!.start < end; last++) {
      const s = segments[last]!;
      gone.push(s.value);
      if (s.start < start) {
        fresh.unshift({ ...s, end: start });
        s.value.holders++;
      }
      if (s.end > end) {
        fresh.push({ ...s, start: end, shift: s.shift + end - s.start });
        s.value.holders++;
      }
    }
    segments.splice(first, last - first, ...fresh);
    for (const one of gone) release(one);
  }

  free(release: (value: Value) => void): void {
    const { segments } = this;
    this.segments = [];
    this.freed = true;
    for (const { value } of segments) release(value);
  }
}

/** A window of an allocation: what this backend hands out as a `Matrix`. */
export interface Window extends Matrix {
  readonly base: Base;
  readonly offset: number;
  /** The allocation itself, not a view of it. */
  readonly whole: boolean;
}

export const windowOf = (m: Matrix): Window => m as Window;

/** Rows [from, to) of a matrix. */
export function rowsOf(m: Matrix, from: number, to: number): Window {
  const { base, offset, cols } = windowOf(m);
  return { rows: to - from, cols, base, offset: offset + from * cols, whole: false };
}

/** All elements of a matrix, one a row. */
export const asColumn = (m: Matrix): Window => ({ ...windowOf(m), rows: m.rows * m.cols, cols: 1, whole: false });
