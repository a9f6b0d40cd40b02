/** An allocation as a list of segments, and the windows of allocations that the backend returns as matrices. */
import type { Matrix } from '../../../contract/kernels.js';
import { UnspoolError } from '../../../errors.js';
import type { SizedPiece, Value } from './values.js';

/** Elements [start, end) of an allocation: element e is element e - start + shift of the value. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly value: Value;
  readonly shift: number;
}

/** The memory of one `alloc`. */
export class Allocation {
  readonly size: number;
  freed = false;
  /** Changes with every write and when it is freed. */
  version = 0;
  /** Called when it is freed. */
  readonly onFree = new Set<() => void>();
  private segments: Segment[] = [];

  constructor(size: number) {
    this.size = size;
  }

  /** The index of the segment that contains an element. */
  private indexOf(element: number): number {
    let [low, high] = [0, this.segments.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.segments[middle]!.end <= element) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private requireNotFreed(): void {
    if (this.freed) throw new UnspoolError({ code: 'DISPOSED', what: 'A matrix', after: 'free() or dispose()' });
  }

  /** The pieces in [start, end), in order. Throws `DISPOSED`. */
  pieces(start: number, end: number): SizedPiece[] {
    this.requireNotFreed();
    const found: SizedPiece[] = [];
    for (let i = this.indexOf(start); i < this.segments.length && this.segments[i]!.start < end; i++) {
      const s = this.segments[i]!;
      const from = Math.max(start, s.start);
      found.push({ value: s.value, shift: s.shift + from - s.start, size: Math.min(end, s.end) - from });
    }
    return found;
  }

  /** Its segments now. */
  snapshot(): readonly Segment[] {
    return this.segments.slice();
  }

  /** Makes [start, end) a piece of `value`, and calls `release` with the value of each segment that is replaced. */
  write(start: number, end: number, value: Value, shift: number, release: (value: Value) => void): void {
    this.requireNotFreed();
    if (start === end) return;
    this.version++;
    const { segments } = this;
    const first = this.indexOf(start);
    let last = first;
    const fresh: Segment[] = [{ start, end, value, shift }];
    value.refCount++;
    const replaced: Value[] = [];
    for (; last < segments.length && segments[last]!.start < end; last++) {
      const s = segments[last]!;
      replaced.push(s.value);
      if (s.start < start) {
        fresh.unshift({ ...s, end: start });
        s.value.refCount++;
      }
      if (s.end > end) {
        fresh.push({ ...s, start: end, shift: s.shift + end - s.start });
        s.value.refCount++;
      }
    }
    segments.splice(first, last - first, ...fresh);
    for (const one of replaced) release(one);
  }

  /** Frees the allocation, and calls `release` with the value of each segment. */
  free(release: (value: Value) => void): void {
    const { segments } = this;
    this.segments = [];
    this.freed = true;
    this.version++;
    for (const { value } of segments) release(value);
    for (const act of [...this.onFree]) act();
  }
}

/** A window of an allocation: what this backend returns as a `Matrix`. */
export interface Window extends Matrix {
  readonly base: Allocation;
  readonly offset: number;
  /** It is the allocation, not a view of it. */
  readonly whole: boolean;
}

export const windowOf = (m: Matrix): Window => m as Window;

/** The number of elements of a matrix. */
export const sizeOf = (m: Matrix): number => m.rows * m.cols;

/** Rows [from, to) of a matrix. */
export function rowsOf(m: Matrix, from: number, to: number): Window {
  const { base, offset, cols } = windowOf(m);
  return { rows: to - from, cols, base, offset: offset + from * cols, whole: false };
}

/** All elements of a matrix as one column. */
export const asColumn = (m: Matrix): Window => ({ ...windowOf(m), rows: sizeOf(m), cols: 1, whole: false });

/** Whether two windows start at the same element. */
export function sameStart(a: Matrix, b: Matrix): boolean {
  const [u, v] = [windowOf(a), windowOf(b)];
  return u.base === v.base && u.offset === v.offset;
}
