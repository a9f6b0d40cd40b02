/**
 * The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding), as far as ONNX and TensorBoard need it: fields of a
 * number and a type, 0 a varint, 1 eight bytes, 2 bytes with their length before them, 5 four bytes.
 */
import { joined } from './joined.js';

/** A value to write: a varint, a float32, a text, or bytes, such as another message. */
export type Value = bigint | number | string | Uint8Array;

/** A field of a message: its number and its value. A number is a varint; `float` and `double` mark the others. */
export type Field = readonly [number: number, value: Value | { readonly float: number } | { readonly double: number }];

function varint(out: number[], value: bigint): void {
  let rest = BigInt.asUintN(64, value);
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

/** The bytes of a message with these fields, in this order. */
export function message(...fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    const head: number[] = [];
    if (typeof value === 'number' || typeof value === 'bigint') {
      varint(head, BigInt(number << 3));
      varint(head, BigInt(value));
      parts.push(Uint8Array.from(head));
    } else if (typeof value === 'object' && 'float' in value) {
      varint(head, BigInt((number << 3) | 5));
      parts.push(Uint8Array.from(head), new Uint8Array(Float32Array.of(value.float).buffer));
    } else if (typeof value === 'object' && 'double' in value) {
      varint(head, BigInt((number << 3) | 1));
      parts.push(Uint8Array.from(head), new Uint8Array(Float64Array.of(value.double).buffer));
    } else {
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      varint(head, BigInt((number << 3) | 2));
      varint(head, BigInt(bytes.length));
      parts.push(Uint8Array.from(head), bytes);
    }
  }
  return joined(parts);
}
