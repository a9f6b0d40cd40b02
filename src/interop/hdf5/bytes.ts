/** Bounded reading of an HDF5 file: no address, size or count of the file is used before it is compared with the file's length. */
import { invalidFile } from '../invalid.js';

/** What the whole reading of a file may do: groups, messages, names and tree nodes that are read. */
const MAX_WORK = 1_000_000;

/** Bytes of text that count as one piece of work. */
const TEXT_PER_STEP = 64;
/** The longest name of a member, in bytes. */
const MAX_NAME = 1024;

/** An address that means "none". */
const UNDEFINED = 0xffff_ffff_ffff_ffffn;

/** The bytes of a file. Every method throws `INVALID_FILE` for what is outside of the file. */
export class Hdf5Bytes {
  readonly file: string;
  readonly length: number;
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private work = 0;
  /** Bytes of weights that have been read. */
  private weights = 0;
  /** Where the objects of each global heap are, by address and index. */
  readonly heaps = new Map<number, ReadonlyMap<number, { readonly at: number; readonly size: number }>>();

  constructor(bytes: Uint8Array, file: string) {
    this.bytes = bytes;
    this.file = file;
    this.length = bytes.length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  fail(problem: string, help?: string): never {
    throw invalidFile(this.file, problem, help);
  }

  damaged(what: string): never {
    return this.fail(`it is damaged: ${what}.`, 'Download or save it again.');
  }

  /** Counts a piece of work. A file that refers to the same bytes again and again is refused. */
  spend(count = 1): void {
    this.work += count;
    if (this.work > MAX_WORK)
      this.fail(`reading it takes more than ${MAX_WORK} steps; a file of Keras takes a few thousand.`);
  }

  /** Throws unless the file has `size` bytes at an address. */
  requireWithin(at: number, size: number): void {
    if (!(at >= 0 && size >= 0 && at + size <= this.length)) {
      this.damaged(`it refers to ${size} bytes at ${at}, but has ${this.length} bytes`);
    }
  }

  u8(at: number): number {
    this.requireWithin(at, 1);
    return this.bytes[at]!;
  }

  u16(at: number): number {
    this.requireWithin(at, 2);
    return this.view.getUint16(at, true);
  }

  u32(at: number): number {
    this.requireWithin(at, 4);
    return this.view.getUint32(at, true);
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes. */
  sized(at: number, size: number): number {
    if (size === 8) return this.u64(at);
    return size === 4 ? this.u32(at) : size === 2 ? this.u16(at) : this.u8(at);
  }

  u64(at: number): number {
    this.requireWithin(at, 8);
    const value = this.view.getBigUint64(at, true);
    if (value > Number.MAX_SAFE_INTEGER) this.damaged(`the number at ${at} is too large: ${value}`);
    return Number(value);
  }

  /** An address; null for the one that means "none". */
  address(at: number): number | null {
    this.requireWithin(at, 8);
    return this.view.getBigUint64(at, true) === UNDEFINED ? null : this.u64(at);
  }

  /** A copy of bytes. */
  copy(at: number, size: number): Uint8Array<ArrayBuffer> {
    this.requireWithin(at, size);
    return new Uint8Array(this.bytes.subarray(at, at + size));
  }

  /** A copy of the bytes of a weight. A file whose weights are the same bytes again and again is refused. */
  weight(at: number, size: number): Uint8Array<ArrayBuffer> {
    this.weights += size;
    if (this.weights > this.length) this.damaged('its weights overlap: together they are larger than the file');
    return this.copy(at, size);
  }

  /** Text of a number of bytes, up to the first 0. */
  text(at: number, size: number): string {
    this.spend(size / TEXT_PER_STEP);
    const bytes = this.copy(at, size);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** Text that ends with a 0 before `end`. */
  terminated(at: number, end: number): string {
    const size = Math.min(end - at, MAX_NAME);
    this.requireWithin(at, size);
    const length = this.bytes.subarray(at, at + size).indexOf(0);
    if (length < 0) this.damaged(`the name at ${at} does not end`);
    return this.text(at, length);
  }

  /** Throws unless the four letters are at an address. */
  signature(at: number, letters: string): void {
    this.requireWithin(at, 4);
    for (let i = 0; i < 4; i++) {
      if (this.bytes[at + i] !== letters.charCodeAt(i)) this.damaged(`byte ${at} does not begin with ${letters}`);
    }
  }
}
