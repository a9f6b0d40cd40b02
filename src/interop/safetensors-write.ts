/** Writing the safetensors format; what it is, and how it is read, stands in safetensors.ts. */
import { invalidData, UnspoolError } from '../errors.js';
import { elementCount, isSize, MAX_HEADER, MAX_RANK, METADATA, quoted } from './safetensors.js';

/** A tensor to write; `data` is row-major and as long as the product of `shape`. */
export interface TensorData {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/**
 * The bytes of a safetensors file, tensors and metadata in the order given; the same arguments give the same bytes.
 * Float32Array is written as F32, Float64Array as F64. Throws `SHAPE_MISMATCH` where a tensor's data do not fill its
 * shape, and `INVALID_DATA` for what no other program could read: a name that is used twice or is `__metadata__`, text
 * that is not Unicode, a shape with anything but sizes, numbers of another type, a header of over 100 MB.
 */
export function writeSafetensors(
  tensors: readonly TensorData[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const text = new TextEncoder().encode(headerOf(tensors, metadata));
  const length = Math.ceil(text.length / 8) * 8; // so that the numbers begin at a multiple of 8
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
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at); // little-endian: see `tensorValues`
    at += data.byteLength;
  }
  return file;
}

function headerOf(tensors: readonly TensorData[], metadata: Readonly<Record<string, string>>): string {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') refuse(`metadata ${quoted(key)}`, 'it is not a string.', 'Use JSON.stringify.');
    requireUnicode(`metadata ${quoted(key)}`, key + value);
  }
  const pairs: [string, object][] = Object.keys(metadata).length > 0 ? [[METADATA, metadata]] : [];
  const names = new Set([METADATA]);
  let begin = 0;
  for (const tensor of tensors) {
    const { name, shape, data } = tensor;
    if (names.has(name)) refuse(`tensor ${quoted(name)}`, 'the name is taken.', 'Give every tensor a name of its own.');
    names.add(name);
    const dtype = writableType(tensor);
    const end = begin + data.byteLength;
    pairs.push([name, { dtype, shape: [...shape], data_offsets: [begin, end] }]);
    begin = end;
  }
  // Written pair by pair: an object would put a name like "12" before all others, and lose "__proto__".
  return `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

/** The dtype of a tensor that can be written. */
function writableType({ name, shape, data }: TensorData): 'F32' | 'F64' {
  const what = `tensor ${quoted(name)}`;
  requireUnicode(what, name);
  const type: string = Object.prototype.toString.call(data).slice(8, -1); // right for arrays of another realm, too
  if (type !== 'Float32Array' && type !== 'Float64Array') {
    refuse(what, `its data is of type ${type}.`, 'Give a Float32Array or a Float64Array.');
  }
  if (shape.length > MAX_RANK || !shape.every(isSize)) {
    refuse(what, 'its shape is not a list of sizes.', `Give up to ${MAX_RANK} whole numbers of at least 0.`);
  }
  if (elementCount(shape) !== data.length) {
    const mismatch = { op: 'writeSafetensors', tensor: name, expected: shape, actual: [data.length] };
    throw new UnspoolError({ code: 'SHAPE_MISMATCH', ...mismatch, help: 'Give its numbers row by row.' });
  }
  return type === 'Float64Array' ? 'F64' : 'F32';
}

function refuse(what: string, problem: string, help: string): never {
  throw invalidData(what, problem, help);
}

/** Half a surrogate pair passes through JavaScript's JSON, but strict readers refuse the whole file for it. */
function requireUnicode(what: string, text: string): void {
  if (/\p{Surrogate}/u.test(text)) refuse(what, 'it contains half a surrogate pair.', 'Use well-formed Unicode text.');
}
