/**
 * Records calls of kernels, which run when something is read. Between two reads nothing waits for the device, and a
 * result that is overwritten before it is read is not computed.
 *
 * A value counts its references. `release` gives one up; the last one `discard`s the value: its memory is freed and, if
 * it has not been computed, its call does not run.
 */
import type { Matrix } from '../../../contract/kernels.js';
import { chooseLanes, concatenation, constantProgram, type Lanes, SCALAR_LANES } from '../shaders/lanes.js';
import type { Program } from '../shaders/program.js';
import { MAX_RECORDED_CALLS, MAX_UPLOADED_CONSTANT } from '../thresholds.js';
import { Allocation, sizeOf, type Window, windowOf } from './allocation.js';
import { type RowRange, rowBlocks, segmentBlocks } from './blocks.js';
import type { EntryLog } from './entry.js';
import type { Executor } from './executor.js';
import type { RunRecording } from './run-recording.js';
import { type RunSource, Runs, type TakenCalls } from './runs.js';
import { ShaderCache } from './shader-cache.js';
import { type Call, isVec4, type Piece, pieceOf, type SizedPiece, totalSize, Value } from './values.js';

function constantOf(size: number, number: number): Value {
  const value = new Value(size);
  value.constant = number;
  return value;
}

/** What the instructions write their calls to. */
export class Recorder implements RunSource {
  readonly executor: Executor;
  readonly shaders = new ShaderCache();
  readonly runs = new Runs(this);
  private recorded: Call[] = [];
  /** What the present instruction does, if a replay may be made of it. */
  log: EntryLog | null = null;
  /** Called when calls are taken for a run. Returns what notes the run. */
  onTake: (() => RunRecording | null) | null = null;
  /** Values that were concatenated since the last call. The next call may read them, so they are released after it. */
  private merged: Value[] = [];

  constructor(executor: Executor) {
    this.executor = executor;
  }

  /** `count` rows of `width` numbers, in blocks that each fit into one value. */
  blocks(count: number, width: number): RowRange[] {
    return rowBlocks(this.executor, count, width);
  }

  /** The rows of matrices of equal height, in blocks of few pieces for sums over rows. */
  segmentBlocks(matrices: readonly Matrix[], width: number): RowRange[] {
    return segmentBlocks(this.executor, matrices, width);
  }

  /**
   * The numbers that a thread computes of a result of `size` numbers. `widths`: row lengths of the result and the
   * inputs.
   */
  lanes(inputs: readonly Piece[], size: number, ...widths: readonly number[]): Lanes {
    const counts = [...widths, ...inputs.map(({ shift }) => shift)];
    return chooseLanes(this.executor.vec4, counts, Math.max(size, ...inputs.map(({ value }) => value.size)));
  }

  /** A new allocation of zeros. */
  alloc(rows: number, cols: number): Window {
    const base = new Allocation(rows * cols);
    base.write(0, base.size, constantOf(base.size, 0), 0, this.release);
    return { rows, cols, base, offset: 0, whole: true };
  }

  /** Frees an allocation. Views, and allocations that are already freed, are ignored. */
  free(m: Window): void {
    if (m.whole && !m.base.freed) m.base.free(this.release);
  }

  /** A matrix as one piece. If it consists of several, they are concatenated, and the allocation keeps the result. */
  read(m: Matrix): Piece {
    const { log } = this;
    this.log = null; // not what it takes to make it one piece
    const piece = this.onePiece(m);
    this.log = log;
    log?.pieces.push(piece);
    return piece;
  }

  private onePiece(m: Matrix): Piece {
    const { base, offset } = windowOf(m);
    const [start, end] = [offset, offset + sizeOf(m)];
    if (start === end) return pieceOf(new Value(0));
    const pieces = base.pieces(start, end);
    const [only] = pieces;
    if (pieces.length === 1 && only!.value.constant === null) return only!;
    this.executor.requireFits(end - start);
    for (const { value } of pieces) {
      value.refCount++;
      this.merged.push(value);
    }
    const value = this.concatenate(pieces, end - start);
    base.write(start, end, value, 0, this.release);
    return pieceOf(value);
  }

  /** Each matrix as one piece. */
  readAll(matrices: readonly Matrix[]): Piece[] {
    return matrices.map((m) => this.read(m));
  }

  /** The value of every element of a matrix, if it is known without a read. */
  constantIn(m: Matrix): number | null {
    const { base, offset } = windowOf(m);
    const pieces = base.pieces(offset, offset + sizeOf(m));
    const first = pieces[0]?.value.constant ?? null;
    const constant = pieces.every(({ value }) => value.constant === first) ? first : null;
    this.log?.constants.push(constant);
    return constant;
  }

  /** Makes a matrix a piece of `value`. */
  write(m: Matrix, value: Value, shift = 0): void {
    const { base, offset } = windowOf(m);
    base.write(offset, offset + sizeOf(m), value, shift, this.release);
    if (value.refCount === 0) this.discard(value);
  }

  /** Makes the matrices successive pieces of `value`. */
  writeAll(matrices: readonly Matrix[], value: Value): void {
    let shift = 0;
    for (const m of matrices) {
      this.write(m, value, shift);
      shift += sizeOf(m);
    }
  }

  /** A value of numbers in host memory, which must not change afterwards. */
  fromHost(numbers: Float32Array): Piece {
    const value = new Value(numbers.length);
    value.host = numbers;
    this.log?.hosts.push(value);
    return pieceOf(value);
  }

  /** A value whose elements are all `number`. */
  constant(size: number, number: number): Value {
    return constantOf(size, number);
  }

  /**
   * Records a call, and returns the value of each of its outputs. `size`: elements of an output; default: all that
   * threads return.
   */
  callAll(
    program: Program,
    inputs: readonly Piece[],
    scalars: readonly number[] = [],
    size?: number,
  ): readonly Value[] {
    const [x, y = 1] = program.output;
    const each = size ?? x * y * (program.vec4Output ? 4 : 1);
    const outs = Array.from({ length: 1 + (program.extraOutputs ?? 0) }, () => new Value(each));
    const call: Call = { program, inputs, scalars, outs, closed: false };
    this.executor.requireFits(each);
    for (const { value } of inputs) this.executor.requireFits(value.size);
    for (const out of outs) out.call = call;
    for (const { value } of inputs) value.refCount++;
    this.log?.calls.push(call);
    this.recorded.push(call);
    this.releaseMerged();
    if (this.recorded.length >= MAX_RECORDED_CALLS) this.runs.start();
    return outs;
  }

  /** Records a call of a program with one output. */
  call(program: Program, inputs: readonly Piece[], scalars: readonly number[] = [], size?: number): Value {
    return this.callAll(program, inputs, scalars, size)[0]!;
  }

  /** The calls recorded since the last run, and what notes their run. */
  takeCalls(): TakenCalls {
    this.releaseMerged();
    const calls = this.recorded;
    this.recorded = [];
    return { calls, recording: this.onTake?.() ?? null };
  }

  /**
   * The pieces as one new value. The kernel has at least `minArrays` arrays, so that one serves several counts of
   * pieces.
   */
  concatenate(pieces: readonly SizedPiece[], size: number, minArrays = this.executor.maxArrays): Value {
    if (pieces.every(({ value }) => value.host || value.constant !== null)) return this.concatenateOnHost(pieces, size);
    const { maxArrays } = this.executor;
    if (pieces.length > maxArrays) {
      const groups: SizedPiece[] = [];
      for (let at = 0; at < pieces.length; at += maxArrays) {
        const group = pieces.slice(at, at + maxArrays);
        const sum = totalSize(group);
        groups.push(group.length === 1 ? group[0]! : { ...pieceOf(this.concatenate(group, sum)), size: sum });
      }
      return this.concatenate(groups, size);
    }
    const inputs = pieces.map((piece) => {
      const { constant } = piece.value;
      return constant === null ? piece : pieceOf(this.materialize(piece.size, constant));
    });
    const sizes = pieces.map((piece) => piece.size);
    const isScalar = this.executor.vec4 === 'textures' && !inputs.every(({ value }) => isVec4(value));
    const lanes = isScalar ? SCALAR_LANES : this.lanes(inputs, size, ...sizes);
    const count = Math.max(minArrays, inputs.length);
    const padded = [...inputs, ...new Array<Piece>(count - inputs.length).fill(inputs[0]!)];
    const key = `concatenation ${sizes} ${count} ${lanes.count}`;
    return this.call(
      this.shaders.get(key, () => concatenation(sizes, count, lanes)),
      padded,
    );
  }

  /** The concatenation of pieces that are constant or in host memory. */
  private concatenateOnHost(pieces: readonly SizedPiece[], size: number): Value {
    const constant = pieces[0]!.value.constant;
    if (constant !== null && pieces.length === 1) return this.materialize(size, constant);
    const numbers = new Float32Array(size);
    let at = 0;
    for (const { value, shift, size: count } of pieces) {
      if (value.host) numbers.set(value.host.subarray(shift, shift + count), at);
      else numbers.fill(value.constant!, at, at + count);
      at += count;
    }
    return this.fromHost(numbers).value;
  }

  /**
   * A constant that kernels can read. Shader arguments may not be infinite or NaN, so those are uploaded at any size.
   */
  private materialize(size: number, constant: number): Value {
    const isComputed = size > MAX_UPLOADED_CONSTANT && Number.isFinite(constant);
    if (isComputed) return this.call(constantProgram(size, this.lanes([], size)), [], [constant], size);
    return this.fromHost(new Float32Array(size).fill(constant)).value;
  }

  /** Gives up one reference to a value. */
  readonly release = (value: Value): void => {
    value.refCount--;
    if (value.refCount === 0) this.discard(value);
  };

  private releaseMerged(): void {
    const { merged } = this;
    if (merged.length === 0) return;
    this.merged = [];
    for (const value of merged) this.release(value);
  }

  /** Frees a value without references. If no output of its call has any, the call does not run. */
  private discard(value: Value): void {
    const discarded = [value]; // a list instead of recursion: a chain of calls may be longer than the stack
    for (let one = discarded.pop(); one; one = discarded.pop()) {
      const { call } = one;
      if (call && !call.closed && call.outs.every(({ refCount }) => refCount === 0)) {
        call.closed = true;
        for (const input of call.inputs) if (--input.value.refCount === 0) discarded.push(input.value);
      }
      one.host = null;
      this.executor.memory.free(one);
    }
  }
}
