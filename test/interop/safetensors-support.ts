/** Shared by the tests of the safetensors format: files built byte by byte. */
import type { SafeTensor, TensorType } from '../../src/interop/safetensors.js';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

export function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function u64(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value, true);
  return out;
}

/** A file with this header, as text, bytes or JSON, and `dataLength` zero bytes of data. */
export function fileOf(header: unknown, dataLength = 0): Uint8Array {
  const bytes = ArrayBuffer.isView(header)
    ? (header as Uint8Array)
    : utf8(typeof header === 'string' ? header : JSON.stringify(header));
  return joined(u64(BigInt(bytes.length)), bytes, new Uint8Array(dataLength));
}

export const f32 = (shape: unknown, begin: unknown, end: unknown) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

export const bitsOf = (a: ArrayBufferView): number[] => [...new Uint8Array(a.buffer, a.byteOffset, a.byteLength)];

export const ofType = (dtype: TensorType, shape: number[], bytes: Uint8Array): SafeTensor => ({
  name: 't',
  dtype,
  shape,
  bytes,
});

/** 16-bit patterns as unaligned bytes. */
export const unaligned16 = (halves: readonly number[]): Uint8Array =>
  joined([0xff], ...halves.map((half) => [half & 0xff, half >> 8])).subarray(1);
