/**
 * Calls are recorded, and run when something is read. Between two reads nothing waits for the device, and what is overwritten
 * before anybody reads it is never computed.
 */
import type { Matrix } from '../../core/kernels.js';
import type { Executor } from './executor.js';
import { concatenation, type Lanes, lanesOf, ONE } from './text/lanes.js';
import { constantOf } from './text/moves.js';
import { Base, type Call, isInFours, type Piece, type Program, Value, type Window, windowOf } from './values.js';

/** A kernel takes at most this many arrays (webgpu's bindings). */
export const MOST_ARRAYS = 7;

/** Recorded calls that are waited for at the most: then they begin to run, read or not. */
const MOST_RECORDED = 4096;

export class Recorder {
  readonly executor: Executor;
  private recorded: Call[] = [];
  private tail: Promise<void> = Promise.resolve();
  /** Why no number of this backend can be trusted any more. */
  private failure: { readonly error: unknown } | null = null;

  constructor(executor: Executor) {
    this.executor = executor;
  }

  /** `count` rows, in blocks [from, to) of which each, `width` wide, fits into one value. */
  blocks(count: number, width: number): (readonly [from: number, to: number])[] {
    const most = Math.max(1, Math.floor(this.executor.mostElements / width));
    const all: [number, number][] = [];
    for (let from = 0; from < count; from += most) all.push([from, Math.min(count, from + most)]);
    return all;
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
    const value = this.together(pieces, end - start);
    base.write(start, end, value, 0, this.release);
    return { value, shift: 0 };
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

  /** Records a kernel; the value that it will make. */
  call(program: Program, inputs: readonly Piece[], scalars: readonly number[] = []): Value {
    const [x, y = 1] = program.output;
    const size = x * y * (program.wide ? 4 : 1);
    return this.record({ program, onHost: null, inputs, sizes: [], scalars }, size);
  }

  /** Records work for this side of the device. */
  onHost(matrices: readonly Matrix[], size: number, work: (inputs: readonly Float32Array[]) => Float32Array): Value {
    const inputs = matrices.map((m) => this.read(m));
    const sizes = matrices.map((m) => m.rows * m.cols);
    return this.record({ program: null, onHost: work, inputs, sizes, scalars: [] }, size);
  }

  private record(what: Omit<Call, 'out' | 'over'>, size: number): Value {
    const out = new Value(size);
    const call: Call = { ...what, out, over: false };
    out.call = call;
    for (const { value } of what.inputs) value.holders++;
    this.recorded.push(call);
    if (this.recorded.length >= MOST_RECORDED) void this.flush().catch(() => {}); // the next read tells
    return out;
  }

  /** A copy of a matrix's numbers as they are now. */
  async download(m: Matrix): Promise<Float32Array> {
    const size = m.rows * m.cols;
    if (size === 0) return new Float32Array(0);
    const { value, shift } = this.read(m);
    value.holders++;
    try {
      if (value.host) return value.host.slice(shift, shift + size);
      await this.flush();
      return await this.executor.read({ value, shift }, size);
    } finally {
      this.release(value);
    }
  }

  /** Runs what is recorded so far, behind what runs already. */
  private flush(): Promise<void> {
    const calls = this.recorded;
    this.recorded = [];
    const run = this.tail.then(async () => {
      if (this.failure) throw this.failure.error;
      try {
        await this.executor.run(calls, this.release);
      } catch (error) {
        this.failure = { error };
        throw error;
      }
    });
    this.tail = run.catch(() => {});
    return run;
  }

  /** Pieces as one new value. */
  private together(pieces: readonly (Piece & { readonly size: number })[], size: number): Value {
    if (pieces.every(({ value }) => value.host || value.constant !== null)) return this.togetherHere(pieces, size);
    if (pieces.length > MOST_ARRAYS) {
      const groups: (Piece & { readonly size: number })[] = [];
      for (let at = 0; at < pieces.length; at += MOST_ARRAYS) {
        const group = pieces.slice(at, at + MOST_ARRAYS);
        const sum = group.reduce((total, piece) => total + piece.size, 0);
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
    return this.call(concatenation(sizes, lanes), inputs);
  }

  /** The same, of numbers that this side knows. */
  private togetherHere(pieces: readonly (Piece & { readonly size: number })[], size: number): Value {
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
    if (Number.isFinite(constant)) return this.call(constantOf(size), [], [constant]);
    return this.host(new Float32Array(size).fill(constant)).value;
  }

  private readonly release = (value: Value): void => {
    value.holders--;
    if (value.holders === 0) this.drop(value);
  };

  /** Nobody holds it any more. */
  private drop(value: Value): void {
    const { call } = value;
    if (call && !call.over) {
      call.over = true;
      for (const input of call.inputs) this.release(input.value);
    }
    value.call = null;
    value.host = null;
    this.executor.giveBack(value);
  }
}
