/**
 * Reads the wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding). A message is read one level deep:
 * messages in it are bytes until they are read. Nothing that a file declares is allocated before its bytes are there.
 */
import { joined } from './joined.js';

/** Throws an error about the file. */
export type Fail = (problem: string, help?: string) => never;

/** Fields that a file may have. A field of two bytes becomes an object, so a file could else take 50 times its size. */
const MAX_FIELDS = 4_000_000;

/** What the messages of a file share: how they fail, and how many more fields they may have. */
export interface ReadContext {
  readonly fail: Fail;
  fields: number;
}

/** A varint, or the bytes of any other value. */
type Content = number | Uint8Array;

const [VARINT, EIGHT, BYTES, FOUR] = [0, 1, 2, 5];
const NAMES: Readonly<Record<number, string>> = { 0: 'a varint', 1: 'eight bytes', 2: 'bytes', 5: 'four bytes' };
const TRUNCATED = 'it is truncated: a value of a message ends after the end of the file.';

/** Reads varints from bytes, in order. */
class VarintReader {
  at = 0;
  private readonly bytes: Uint8Array;
  private readonly fail: Fail;

  constructor(bytes: Uint8Array, fail: Fail) {
    this.bytes = bytes;
    this.fail = fail;
  }

  /** A signed integer of 64 bits; one beyond 2^53 is rounded. */
  next(): number {
    const { bytes, at } = this;
    let value = 0;
    for (let i = 0, scale = 1; i < 7; i++, scale *= 128) {
      const byte = bytes[at + i] ?? this.fail(TRUNCATED);
      value += (byte & 127) * scale;
      if (byte < 128) {
        this.at = at + i + 1;
        return value;
      }
    }
    let large = 0n;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[at + i] ?? this.fail(TRUNCATED);
      large |= BigInt(byte & 127) << BigInt(7 * i);
      if (byte < 128) {
        this.at = at + i + 1;
        return Number(BigInt.asIntN(64, large));
      }
    }
    return this.fail('it has a varint of more than ten bytes.');
  }
}

/** A message: its fields by number. What a field is decides the method that reads it. */
export class Message {
  private readonly fields = new Map<number, Content[]>();
  private readonly context: ReadContext;

  constructor(bytes: Uint8Array, context: ReadContext) {
    this.context = context;
    const { fail } = context;
    const reader = new VarintReader(bytes, fail);
    while (reader.at < bytes.length) {
      if (context.fields-- <= 0) fail(`it has more than ${MAX_FIELDS.toLocaleString('en')} fields.`);
      const head = reader.next();
      const [number, type] = [Math.floor(head / 8), head & 7];
      if (number < 1 || number >= 2 ** 29) fail(`a message has the field number ${number}.`);
      if (NAMES[type] === undefined) fail(`a message has the wire type ${type}.`);
      let value: Content;
      if (type === VARINT) value = reader.next();
      else {
        const length = type === BYTES ? reader.next() : type === EIGHT ? 8 : 4;
        if (length < 0 || length > bytes.length - reader.at) fail(TRUNCATED);
        value = bytes.subarray(reader.at, reader.at + length);
        reader.at += length;
      }
      const list = this.fields.get(number);
      if (list) list.push(value);
      else this.fields.set(number, [value]);
    }
  }

  private all(number: number): readonly Content[] {
    return this.fields.get(number) ?? [];
  }

  private expected(number: number, type: number): never {
    return this.context.fail(`field ${number} of a message is not ${NAMES[type]}.`);
  }

  has(number: number): boolean {
    return this.fields.has(number);
  }

  /** The last integer of the field. */
  integer(number: number, missing = 0): number {
    const value = this.all(number).at(-1) ?? missing;
    return typeof value === 'number' ? value : this.expected(number, VARINT);
  }

  /** All integers of the field, packed or not. */
  integers(number: number): number[] {
    const out: number[] = [];
    for (const value of this.all(number)) {
      if (typeof value === 'number') out.push(value);
      else {
        const reader = new VarintReader(value, this.context.fail);
        while (reader.at < value.length) out.push(reader.next());
      }
    }
    return out;
  }

  /** The bytes of all values of `size` bytes each, packed or not, one after the other. */
  fixed(number: number, size: 4 | 8): Uint8Array {
    const parts = this.all(number).map((value) =>
      typeof value !== 'number' && value.length % size === 0 ? value : this.expected(number, size === 4 ? FOUR : EIGHT),
    );
    return joined(parts);
  }

  float(number: number): number {
    const bytes = this.fixed(number, 4);
    return bytes.length === 0 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getFloat32(bytes.length - 4, true);
  }

  floats(number: number): number[] {
    const bytes = this.fixed(number, 4);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(i * 4, true));
  }

  bytes(number: number): readonly Uint8Array[] {
    return this.all(number).map((value) => (typeof value === 'number' ? this.expected(number, BYTES) : value));
  }

  texts(number: number): string[] {
    return this.bytes(number).map((bytes) => new TextDecoder().decode(new Uint8Array(bytes)));
  }

  /** The last text of the field; empty if it is missing. */
  text(number: number): string {
    const bytes = this.bytes(number).at(-1);
    return bytes ? new TextDecoder().decode(new Uint8Array(bytes)) : '';
  }

  /** The messages of a repeated field. */
  messages(number: number): Message[] {
    return this.bytes(number).map((bytes) => new Message(bytes, this.context));
  }

  /** The message of a field; null if it is missing. Messages of a field that is written twice are merged. */
  message(number: number): Message | null {
    const parts = this.bytes(number);
    return parts.length === 0 ? null : new Message(joined(parts), this.context);
  }
}

/** Reads the message that a file consists of. */
export const readMessage = (bytes: Uint8Array, fail: Fail): Message => new Message(bytes, { fail, fields: MAX_FIELDS });
