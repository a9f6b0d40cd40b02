/**
 * Reads a model file: a safetensors file whose header describes the model. The engine's reader (interop/safetensors.ts) explains
 * every kind of damage; this one refuses the same files in fewer words.
 */
import type { ModelSpec } from '../core/spec.js';
import { failure, setting, shown } from './errors.js';

export type Floats = Float32Array | Float64Array;

/** The content of a model file. */
export interface Content {
  readonly spec: ModelSpec;
  /** The character of each token, in order; null without a vocabulary. */
  readonly characters: readonly string[] | null;
  /** What the file says about the training. */
  readonly metadata: unknown;
  /** Of the weights. */
  readonly precision: 'float32' | 'float64';
  /** Copies the values of a parameter. Throws `INVALID_FILE` unless it has this shape. */
  read(name: string, shape: readonly number[]): Floats;
}

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Bounds the time and memory that a hostile header takes. A model of 1,000 layers has 1 MB. */
const MAX_HEADER = 1 << 22;

export const invalidFile = (problem: string): Error =>
  failure('INVALID_FILE', `The model file ${problem}.`, 'Save the model again with Unspool.');

function json(what: string, text: unknown): unknown {
  try {
    return JSON.parse(text instanceof Uint8Array ? decodeText(text) : (text as string)) as unknown;
  } catch {
    throw invalidFile(`has a damaged ${what}`);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function headerOf(bytes: Uint8Array): { readonly header: Record<string, unknown>; readonly data: Uint8Array } {
  const size = bytes.length < 8 ? -1 : Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (size < 2 || size > Math.min(MAX_HEADER, bytes.length - 8) || bytes[8] !== 0x7b) {
    throw invalidFile('is truncated or is not a safetensors file');
  }
  const header = json('header', bytes.subarray(8, 8 + size));
  if (!isObject(header)) throw invalidFile('has a damaged header');
  return { header, data: bytes.subarray(8 + size) };
}

/** UTF-8 as text, without TextDecoder, which an AudioWorklet does not have. Throws for what is not UTF-8. */
const decodeText = (bytes: Uint8Array): string =>
  decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));

/** IEEE 754 half precision: 1 bit of sign, 5 of exponent, 10 of fraction. NaN for infinities, too, which no weight may be. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return Number.NaN;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/** The types that can hold weights: bytes of a number, and the numbers of a copy, because a typed array must be aligned. */
const TYPES: Readonly<Record<string, readonly [bytes: number, read: (copy: ArrayBuffer) => Floats | Int8Array]>> = {
  F64: [8, (copy) => new Float64Array(copy)],
  F32: [4, (copy) => new Float32Array(copy)],
  F16: [2, (copy) => Float32Array.from(new Uint16Array(copy), half)],
  I8: [1, (copy) => new Int8Array(copy)],
};

/** int8 weights as numbers: one scale for each row, in the tensor NAME.scale. */
export function scaled(values: Int8Array, scales: Floats): Float32Array {
  const width = values.length / scales.length;
  return Float32Array.from(values, (value, i) => value * scales[Math.floor(i / width)]!);
}

/** The memory of a view or a buffer. */
function bytesOf(given: Uint8Array | ArrayBuffer): Uint8Array {
  try {
    const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(given) ? given : new DataView(given);
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch {
    throw setting(`bytes must be a Uint8Array with memory, got ${shown(given)}.`);
  }
}

/** Reads the header of a model file. `ofInt8` makes the numbers of int8 weights. Throws `INVALID_FILE`. */
export function readModel(given: Uint8Array | ArrayBuffer, ofInt8 = scaled): Content {
  const bytes = bytesOf(given);
  const { header, data } = headerOf(bytes);
  const about = header.__metadata__;
  if (!isObject(about) || about.format !== 'unspool') throw invalidFile('was not saved by Unspool');
  if (about.version !== '2') throw invalidFile(`has version ${shown(about.version)} of the format, not "2"`);
  const spec = json('spec', about.spec);
  const read = (name: string, shape: readonly number[]): Floats => {
    const tensor = Object.hasOwn(header, name) && isObject(header[name]) ? (header[name] as unknown as Tensor) : null;
    const type = tensor && Object.hasOwn(TYPES, tensor.dtype) ? TYPES[tensor.dtype]! : null;
    const [from, to] = Array.isArray(tensor?.data_offsets) ? tensor.data_offsets : [];
    const end = Number(from) + shape.reduce((a, b) => a * b, type?.[0] ?? Number.NaN);
    if (!(String(tensor?.shape) === String(shape) && from! >= 0 && to === end && end <= data.length)) {
      throw invalidFile(`does not have the parameter ${name} of shape [${shape.join(', ')}]`);
    }
    const values = type![1](data.slice(from, to).buffer as ArrayBuffer);
    const numbers = values instanceof Int8Array ? ofInt8(values, read(`${name}.scale`, [shape[0]!])) : values;
    if (!numbers.every(Number.isFinite)) throw invalidFile(`has a weight that is not finite in ${name}`);
    return numbers;
  };
  if (!isObject(spec) || !Array.isArray(spec.layers)) throw invalidFile('does not describe its layers');
  const isDouble = Object.entries(header).some(
    ([name, tensor]) => !name.startsWith('training.') && isObject(tensor) && tensor.dtype === 'F64',
  );
  const characters = about.vocabulary === undefined ? null : json('vocabulary', about.vocabulary);
  return {
    spec: spec as unknown as ModelSpec,
    characters: characters as readonly string[] | null,
    metadata: about.metadata === undefined ? {} : json('metadata', about.metadata),
    precision: isDouble ? 'float64' : 'float32',
    read,
  };
}
