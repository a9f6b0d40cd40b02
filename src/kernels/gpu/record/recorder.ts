/**
 * Calls are recorded, and run when something is read. Between two reads nothing waits for the device, and what is overwritten
 * before anybody reads it is never computed.
 */
import type { Matrix } from '../../../contract/kernels.js';
import { concatenation, constantOf, type Lanes, lanesOf, ONE } from '../shaders/lanes.js';
import type { Program } from '../shaders/program.js';
import type { Executor } from './executor.js';
import { type RunSource, Runs } from './runs.js';
import { Texts } from './shader-cache.js';
import {
  Base,
  type Call,
  isInFours,
  type Piece,
  rowsOf,
  type Sized,
  sizeOf,
  Value,
  type Window,
  windowOf,
} from './values.js';

/** Numbers all the same that go over with the batch, rather than being made by a kernel. */
const FEW_THE_SAME = 65536;

/** Numbers that are moved once more, rather than summed up in more kernels. */
const FEW_TO_MOVE = 2 ** 17;

/** Recorded calls that are waited for at the most: then they begin to run, read or not. */
const MOST_RECORDED = 4096;

type Rows = readonly [from: number, to: number];

export class Recorder implements RunSource {
  readonly executor: Executor;
  readonly texts = new Texts();
  readonly runs = new Runs(this);
  private recorded: Call[] = [];
  /** What was put together with others since the last call: it may be among what the next one reads. */
  private merged: Value[] = [];

  constructor(executor: Executor) {
    this.executor = executor;
  }

  /** `count` rows, in blocks [from, to) of which each, `width` wide, fits into one value; by fours, where more fit. */
  blocks(count: number, width: number): Rows[] {
    const fit = Math.max(1, Math.floor(this.executor.mostElements / width));
    const most = fit > 4 ? fit - (fit % 4) : fit;
    const all: Rows[] = [];
    for (let from = 0; from < count; from += most) all.push([from, Math.min(count, from + most)]);
    return all;
  }

  /**
   * The rows of matrices that are as high as one another, in blocks that besides stand in no more pieces each than one kernel
   * puts together: what is summed over may be summed block by block, rather than be moved twice.
   */
  stretches(matrices: readonly Matrix[], width: number): Rows[] {
    const blocks = this.blocks(matrices[0]!.rows, width);
    if (matrices.every(({ rows, cols }) => rows * cols < FEW_TO_MOVE)) return blocks;
    return blocks.flatMap(([begin, end]) => {
      const cuts = matrices.flatMap((m) => this.cutsOf(rowsOf(m, begin, end)).map((row) => begin + row));
      const all: Rows[] = [];
      for (let from = begin; from < end; ) {
        const to = Math.min(end, ...cuts.filter((row) => row > from));
        all.push([from, to]);
        from = to;
      }
      return all;
    });
  }

  /** The rows of a window before which its pieces are too many for one kernel. */
  private cutsOf(m: Window): number[] {
    const { base, offset, rows, cols } = m;
    const cuts: number[] = [];
    let [at, since] = [0, 0];
    for (const { size } of base.pieces(offset, offset + rows * cols)) {
      if (since === this.executor.mostArrays && at % cols === 0) {
        cuts.push(at / cols);
        since = 0;
      }
      at += size;
      since++;
    }
    return cuts;
  }

  /** How many numbers a thread may work out of a result of `size` numbers whose rows, and those it reads, have `widths`. */
  lanes(inputs: readonly Piece[], size: number, ...widths: readonly number[]): Lanes {
    const counts = [...widths, ...inputs.map(({ shift }) => shift)];
    return lanesOf(this.executor.fours, counts, Math.max(size, ...inputs.map(({ value }) => value.size)));
  }

  /** A new allocation of zeros. */
  alloc(rows: number, cols: number): Window {
    const base = new Base(rows * cols);
    const zeros = new Value(base.size);
    zeros.constant = 0;
    base.write(0, base.size, zeros, 0, this.release);
    return { rows, cols, base, offset: 0, whole: true };
  }

  free(m: Window): void {
    if (m.whole && !m.base.freed) m.base.free(this.release);
  }

  /** All of a matrix as one piece; where it stands in several, they are put together, and stay so. */
  read(m: Matrix): Piece {
    const { base, offset, rows, cols } = windowOf(m);
    const [start, end] = [offset, offset + rows * cols];
    if (start === end) return { value: new Value(0), shift: 0 };
    const pieces = base.pieces(start, end);
    const [only] = pieces;
    if (pieces.length === 1 && only!.value.constant === null) return only!;
    this.executor.requireFits(end - start);
    for (const { value } of pieces) {
      value.holders++;
      this.merged.push(value);
    }
    const value = this.together(pieces, end - start);
    base.write(start, end, value, 0, this.release);
    return { value, shift: 0 };
  }

  readAll(matrices: readonly Matrix[]): Piece[] {
    return matrices.map((m) => this.read(m));
  }

  /** The number that stands everywhere in a matrix, where that is known without a look. */
  constantIn(m: Matrix): number | null {
    const { base, offset, rows, cols } = windowOf(m);
    const pieces = base.pieces(offset, offset + rows * cols);
    const first = pieces[0]?.value.constant ?? null;
    return pieces.every(({ value }) => value.constant === first) ? first : null;
  }

  /** From now on a matrix holds a piece of `value`. */
  write(m: Matrix, value: Value, shift = 0): void {
    const { base, offset, rows, cols } = windowOf(m);
    base.write(offset, offset + rows * cols, value, shift, this.release);
    if (value.holders === 0) this.drop(value);
  }

  /** From now on the matrices hold the blocks of `value`, in order. */
  writeAll(matrices: readonly Matrix[], value: Value): void {
    let shift = 0;
    for (const m of matrices) {
      this.write(m, value, shift);
      shift += m.rows * m.cols;
    }
  }

  /** Numbers of this side; `numbers` must not change afterwards. */
  host(numbers: Float32Array): Piece {
    const value = new Value(numbers.length);
    value.host = numbers;
    return { value, shift: 0 };
  }

  constant(size: number, number: number): Value {
    const value = new Value(size);
    value.constant = number;
    return value;
  }

  /** Records a kernel; the values that it will make, of `size` numbers each: as many as its threads give, if not told. */
  calls(program: Program, inputs: readonly Piece[], scalars: readonly number[] = [], size?: number): readonly Value[] {
    const [x, y = 1] = program.output;
    const each = size ?? x * y * (program.wide ? 4 : 1);
    const outs = Array.from({ length: 1 + (program.also ?? 0) }, () => new Value(each));
    return this.record({ program, inputs, scalars, outs });
  }

  /** The same of a kernel that makes one. */
  call(program: Program, inputs: readonly Piece[], scalars: readonly number[] = [], size?: number): Value {
    return this.calls(program, inputs, scalars, size)[0]!;
  }

  private record(what: Omit<Call, 'over'>): readonly Value[] {
    const call: Call = { ...what, over: false };
    for (const { size } of what.outs) this.executor.requireFits(size);
    for (const { value } of what.inputs) this.executor.requireFits(value.size);
    for (const out of what.outs) out.call = call;
    for (const { value } of what.inputs) value.holders++;
    this.recorded.push(call);
    this.letGo();
    if (this.recorded.length >= MOST_RECORDED) this.runs.begin();
    return what.outs;
  }

  private letGo(): void {
    const { merged } = this;
    if (merged.length === 0) return;
    this.merged = [];
    for (const value of merged) this.release(value);
  }

  /** What is to be run next. */
  taken(): Call[] {
    this.letGo();
    const calls = this.recorded;
    this.recorded = [];
    return calls;
  }

  /** Pieces as one new value; `least`: arrays of the kernel at the least, so that one serves many counts of them. */
  together(pieces: readonly Sized[], size: number, least = this.executor.mostArrays): Value {
    if (pieces.every(({ value }) => value.host || value.constant !== null)) return this.togetherHere(pieces, size);
    const { mostArrays } = this.executor;
    if (pieces.length > mostArrays) {
      const groups: Sized[] = [];
      for (let at = 0; at < pieces.length; at += mostArrays) {
        const group = pieces.slice(at, at + mostArrays);
        const sum = sizeOf(group);
        groups.push(group.length === 1 ? group[0]! : { value: this.together(group, sum), shift: 0, size: sum });
      }
      return this.together(groups, size);
    }
    const inputs = pieces.map((piece) => {
      const { constant } = piece.value;
      return constant === null ? piece : { value: this.filled(piece.size, constant), shift: 0 };
    });
    const sizes = pieces.map((piece) => piece.size);
    const isApart = this.executor.fours === 'textures' && !inputs.every(({ value }) => isInFours(value));
    const lanes = isApart ? ONE : this.lanes(inputs, size, ...sizes);
    const count = Math.max(least, inputs.length);
    const padded = [...inputs, ...new Array<Piece>(count - inputs.length).fill(inputs[0]!)];
    const key = `together ${sizes} ${count} ${lanes.count}`;
    return this.call(
      this.texts.once(key, () => concatenation(sizes, count, lanes)),
      padded,
    );
  }

  /** The same, of numbers that this side knows. */
  private togetherHere(pieces: readonly Sized[], size: number): Value {
    const constant = pieces[0]!.value.constant;
    if (constant !== null && pieces.length === 1) return this.filled(size, constant);
    const numbers = new Float32Array(size);
    let at = 0;
    for (const { value, shift, size: count } of pieces) {
      if (value.host) numbers.set(value.host.subarray(shift, shift + count), at);
      else numbers.fill(value.constant!, at, at + count);
      at += count;
    }
    return this.host(numbers).value;
  }

  /** A constant where kernels can read it. A shader's arguments may not be infinite, nor no numbers. */
  private filled(size: number, constant: number): Value {
    const isMade = size > FEW_THE_SAME && Number.isFinite(constant);
    if (isMade) return this.call(constantOf(size, this.lanes([], size)), [], [constant], size);
    return this.host(new Float32Array(size).fill(constant)).value;
  }

  readonly release = (value: Value): void => {
    value.holders--;
    if (value.holders === 0) this.drop(value);
  };

  /** Nobody holds it any more. */
  private drop(value: Value): void {
    const { call } = value;
    if (call && !call.over && call.outs.every(({ holders }) => holders === 0)) {
      call.over = true;
      for (const input of call.inputs) this.release(input.value);
    }
    value.host = null;
    this.executor.giveBack(value);
  }
}
