/** Whether a run can be repeated with the values that it leaves, and what takes the place of what. */
import type { KernelEncoding } from '../device/replay.js';
import type { Allocation } from './allocation.js';
import type { Transition } from './entry.js';
import type { Call, SizedPiece, Value } from './values.js';

/** What a run did. */
export interface RecordedRun {
  /** Each call that ran, in order, with what gpu.js encoded. */
  readonly encodings: ReadonlyMap<Call, KernelEncoding>;
  /** The upload of the run, and where each value is in it; null if there was none. */
  readonly upload: { readonly size: number; readonly starts: ReadonlyMap<Value, number> } | null;
  /** Where values from before the run started in their arrays. */
  readonly startsBefore: ReadonlyMap<Value, number>;
  readonly transitions: ReadonlyMap<Allocation, Transition>;
  readonly reads: readonly SizedPiece[];
  /** Uploaded values whose numbers do not depend on arguments, with these numbers. */
  readonly constants: ReadonlyMap<Value, Float32Array>;
}

/** Values after the run, with the values in whose place they are. */
export type Successors = ReadonlyMap<Value, Value>;

/**
 * Pairs the values after a run with those before it, segment by segment. Null if the allocations do not have the form
 * again that they had before, in which case the run cannot be repeated.
 */
export function successorsOf({ transitions }: RecordedRun): Successors | null {
  const before = new Map<Value, Value>();
  const after = new Map<Value, Value>();
  for (const { before: old, after: now } of transitions.values()) {
    if (old.length !== now.length) return null;
    for (const [i, { start, end, shift, value }] of old.entries()) {
      const next = now[i]!;
      if (start !== next.start || end !== next.end || value.constant !== next.value.constant) return null;
      if (value.constant !== null) continue;
      if (shift !== next.shift) return null;
      if ((before.get(next.value) ?? value) !== value || (after.get(value) ?? next.value) !== next.value) return null;
      before.set(next.value, value);
      after.set(value, next.value);
    }
  }
  return before;
}

/** What uses the values of a run. */
export class Uses {
  /** The last step that reads each value. */
  readonly last = new Map<Value, number>();
  readonly producedAt = new Map<Value, number>();

  constructor({ encodings, reads }: RecordedRun) {
    for (const [step, { inputs, outs }] of [...encodings.keys()].entries()) {
      for (const { value } of inputs) this.last.set(value, step);
      this.producedAt.set(outs[0]!, step);
    }
    for (const { value } of reads) this.last.set(value, Number.POSITIVE_INFINITY);
  }
}

/** Whether all that the run reads is where a repetition finds it, and all that it leaves is made by it. */
export function isRepeatable({ upload, startsBefore }: RecordedRun, successors: Successors, uses: Uses): boolean {
  const known = new Set(successors.values());
  const isUploaded = (value: Value): boolean => upload?.starts.has(value) ?? false;
  for (const value of uses.last.keys()) {
    if (value.host || value.constant !== null) return false;
    if (!uses.producedAt.has(value) && !isUploaded(value) && !known.has(value)) return false;
  }
  for (const [now, old] of successors) {
    const isRead = uses.last.has(old);
    if (now === old) {
      if (isRead && !now.scalar) return false;
      continue;
    }
    const isMoved = !uses.producedAt.has(now) && !isUploaded(now);
    if (!now.scalar || (isMoved && (!known.has(now) || now.start !== 0))) return false;
    if (isRead && startsBefore.get(old) !== 0) return false;
    if (isRead && !uses.producedAt.has(now) && !successors.has(old)) return false; // it is overwritten before it is read
  }
  return true;
}

/**
 * The values that a run moves from one segment to another, such as a state that it carries on, with the values whose
 * place they leave: in an order in which none is overwritten before it has been moved. Null if there is none.
 */
export function movesOf(
  successors: Successors,
  uses: Uses,
  isUploaded: (value: Value) => boolean,
): [Value, Value][] | null {
  const nextIn = new Map([...successors].map(([now, old]) => [old, now]));
  const moves = new Map<Value, Value>();
  for (const [now, old] of successors) {
    if (now === old || uses.producedAt.has(now) || isUploaded(now)) continue;
    const next = nextIn.get(now)!;
    if (isUploaded(next) || next.size !== now.size) return null;
    moves.set(now, next);
  }
  const ordered: [Value, Value][] = [];
  for (let left = [...moves]; left.length > 0; ) {
    const sources = new Set(left.map(([, next]) => next));
    const free = left.filter(([now]) => !sources.has(now));
    if (free.length === 0) return null;
    ordered.push(...free);
    left = left.filter(([now]) => sources.has(now));
  }
  return ordered;
}
