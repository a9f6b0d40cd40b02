/** Writes the safetensors format; safetensors.ts describes and reads it. */
import { classOf, isKeyOf, isObject, isPlainObject, shown } from '../checks.js';
import { invalidData, UnspoolError } from '../errors.js';
import { elementCount, isSize, MAX_HEADER, MAX_RANK, METADATA, quoted } from './safetensors.js';

/** A tensor to write. `data` is row-major, and its length is the product of `shape`. */
export interface TensorData {
  readonly name: string;
  readonly shape: readonly number[];
  /** Written as F32, F64 or I8; a Uint16Array as `type`. */
  readonly data: Float32Array | Float64Array | Int8Array | Uint16Array;
  /** What the bits of a Uint16Array are: half-precision numbers. */
  readonly type?: 'F16';
}

/** The types that are written. */
const TYPES = { Float32Array: 'F32', Float64Array: 'F64', Int8Array: 'I8', Uint16Array: 'F16' } as const;

/**
 * Returns the bytes of a safetensors file with tensors and metadata in the given order; the same arguments give the same
 * bytes. Throws `SHAPE_MISMATCH` if a tensor's data do not match its
 * shape, and `INVALID_DATA` for a name that is used twice or is `__metadata__`, text that is not well-formed Unicode, an
 * invalid shape or type, and a header of over 100 MB.
 */
export function writeSafetensors(
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  if (!Array.isArray(tensors)) throw invalidData('tensors', `must be a list, got ${shown(tensors)}.`);
  requireTable('metadata', metadata);
  const text = new TextEncoder().encode(headerOf(tensors, metadata));
  const length = Math.ceil(text.length / 8) * 8; // the data starts at a multiple of 8
  if (length > MAX_HEADER) {
    const problem = `the header would have ${length} bytes; the format allows ${MAX_HEADER}.`;
    throw invalidData('safetensors', problem, 'Shorten the metadata.');
  }
  const size = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
  const file = new Uint8Array(8 + length + size).fill(0x20, 8, 8 + length);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  let at = 8 + length;
  for (const { data } of tensors) {
    if (data.byteLength > 0) file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at); // little-endian: see `tensorValues`
    at += data.byteLength;
  }
  return file;
}

/** Throws `INVALID_DATA` for anything but a plain object: another one, such as a Map, would look empty. */
function requireTable(what: string, value: unknown): void {
  if (!isPlainObject(value)) throw invalidData(what, `must be a plain object, got ${shown(value)}.`);
}

function headerOf(tensors: readonly TensorData[], metadata: Readonly<Record<string, string>>): string {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw invalidData(`metadata ${quoted(key)}`, 'must be a string.', 'Use JSON.stringify.');
    }
    requireUnicode(`metadata ${quoted(key)}`, key + value);
  }
  const pairs: [string, object][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  const names = new Set([METADATA]);
  let begin = 0;
  for (const [i, tensor] of tensors.entries()) {
    if (!isObject(tensor)) throw invalidData(`tensor ${i}`, `must be an object, got ${shown(tensor)}.`);
    const { name, shape, data } = tensor;
    if (typeof name !== 'string') throw invalidData(`tensor ${i}`, `its name must be a string, got ${shown(name)}.`);
    if (names.has(name)) {
      const help = 'Give every tensor a different name.';
      throw invalidData(`tensor ${quoted(name)}`, 'the name is reserved or used twice.', help);
    }
    names.add(name);
    const dtype = writableType(tensor);
    const end = begin + data.byteLength;
    pairs.push([name, { dtype, shape: [...shape], data_offsets: [begin, end] }]);
    begin = end;
  }
  // Pair by pair, because an object would sort a name like "12" first and lose "__proto__".
  return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

/** The dtype to write a tensor as. Throws if it cannot be written. */
function writableType({ name, shape, data, type }: TensorData): (typeof TYPES)[keyof typeof TYPES] {
  const what = `tensor ${quoted(name)}`;
  requireUnicode(what, name);
  const array = classOf(data);
  if (!ArrayBuffer.isView(data) || !isKeyOf(TYPES, array) || (array === 'Uint16Array') !== (type === 'F16')) {
    throw invalidData(what, `its data must be a Float32Array, a Float64Array or an Int8Array, got ${array}.`);
  }
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !Array.from<unknown>(shape).every(isSize)) {
    throw invalidData(what, `its shape must be a list of up to ${MAX_RANK} integers of at least 0.`);
  }
  if (elementCount(shape) !== data.length) {
    const mismatch = { op: 'writeSafetensors', tensor: name, expected: shape, actual: [data.length] };
    throw new UnspoolError({ code: 'SHAPE_MISMATCH', ...mismatch, help: 'Pass its numbers row by row.' });
  }
  return TYPES[array];
}

/** JavaScript's JSON accepts half a surrogate pair, but strict readers reject the whole file. */
function requireUnicode(what: string, text: string): void {
  if (!/\p{Surrogate}/u.test(text)) return;
  throw invalidData(what, 'it contains half a surrogate pair.', 'Use well-formed Unicode text.');
}
