/**
 * Reads the safetensors format: 8 bytes of header length (little-endian), a JSON header with the type, shape and position of
 * each tensor, then the numbers. https://github.com/huggingface/safetensors#format
 *
 * Every number of the header is checked before it is used, and tensors are views of the given bytes, so no size that a file
 * declares is ever allocated. Every error is an `INVALID_FILE` that names the problem.
 */
import { isKeyOf, isObject, requireOptional } from '../checks.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import { parseBounded } from './bounded-json.js';
import { contentOf } from './content.js';
import { halfValue } from './half.js';

/** Bytes per element. The format's types of less than a byte (F4, F6_*) are not supported. */
const SIZES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  C64: 8,
};

/** The element types of the format. */
export type TensorType = keyof typeof SIZES;

/** One tensor of a safetensors file. */
export interface SafeTensor {
  readonly name: string;
  readonly dtype: TensorType;
  /** Sizes, outermost first; [] is a single number. */
  readonly shape: readonly number[];
  /** Row-major, little-endian, unaligned; a view of the file's bytes. */
  readonly bytes: Uint8Array;
}

/** The content of a safetensors file. */
export interface SafeTensorsFile {
  /** Tensors by name, in the order of their data in the file. */
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  /** The header's metadata. */
  readonly metadata: ReadonlyMap<string, string>;
}

interface Entry {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  /** First byte, from the start of the data. */
  readonly begin: number;
  readonly end: number;
}

type JsonObject = { readonly [key: string]: unknown };
type Fail = (problem: string, help?: string) => never;

export const METADATA = '__metadata__';
export const MAX_HEADER = 100_000_000; // bytes; the format's own limit
export const MAX_RANK = 32;

const TRUNCATED = 'The file is truncated or is not a safetensors file: download or save it again.';
const DAMAGED = 'The file is damaged or was written incorrectly: download or save it again.';

const failIn =
  (file: string): Fail =>
  (problem, help = DAMAGED) => {
    throw new UnspoolError({ code: 'INVALID_FILE', file, problem, help });
  };

/** Quotes text for a message, shortened, because a name may have millions of characters. */
export const quoted = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);

/** A JSON value for a message. Lists and objects are summarized: they may be huge or nested too deeply. */
function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** Whether a value is a tensor size. JSON and `>=` accept -0, but it is not one. */
export const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);

/**
 * The number of elements; null if it is not a safe integer. As in the format's reference implementation, the partial products
 * count, so a later size of 0 does not help.
 */
export function elementCount(shape: readonly number[]): number | null {
  let count = 1;
  for (const size of shape) {
    count *= size;
    if (!Number.isSafeInteger(count)) return null;
  }
  return count;
}

/**
 * Reads the bytes of a safetensors file without copying: the tensors are views of `bytes`. Throws `INVALID_FILE` if anything in
 * the file is invalid or missing, and says what a file of another format is; `file` is its name in messages.
 */
export function readSafetensors(bytes: Uint8Array, file = 'safetensors file'): SafeTensorsFile {
  requireOptional('file', file, 'string');
  const fail: Fail = failIn(file);
  const { header, data } = split(bytes, fail);
  const metadata = new Map<string, string>();
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) readMetadata(metadata, value, fail);
    else entries.push(readEntry(name, value, fail));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  requireCovered(entries, data.length, fail);
  const tensors = new Map<string, SafeTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { name, dtype, shape, bytes: data.subarray(begin, end) });
  }
  return { tensors, metadata };
}

/** Returns the header's JSON and the bytes after it. */
function split(given: Uint8Array, fail: Fail): { readonly header: JsonObject; readonly data: Uint8Array } {
  if (!ArrayBuffer.isView(given) || given instanceof DataView) {
    fail('its content is not a Uint8Array.', 'Wrap an ArrayBuffer: new Uint8Array(buffer).');
  }
  // The same memory, without Buffer's methods. A buffer that was transferred has none.
  const bytes =
    given.byteLength === 0 ? new Uint8Array() : new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const other: Fail = (problem, help) => {
    const content = contentOf(bytes);
    if (content === null) return fail(problem, help);
    return fail(`it is ${content.what}${bytes.length > 0 ? ', not a safetensors file' : ''}.`, content.help);
  };
  if (bytes.length < 8) other(`it has ${bytes.length} bytes; a safetensors file has at least 8.`, TRUNCATED);
  const claimed = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const follow = bytes.length - 8;
  if (claimed > MAX_HEADER || claimed > follow) {
    const limit = claimed > MAX_HEADER ? `the format allows ${MAX_HEADER}` : `${follow} bytes follow`;
    other(`its first 8 bytes declare a header of ${claimed} bytes, but ${limit}.`, TRUNCATED);
  }
  const start = 8 + Number(claimed);
  // The format allows nothing else, and TextDecoder would remove a byte order mark.
  if (bytes[8] !== 0x7b || start === 8) other('its header does not begin with "{".', TRUNCATED);
  const header = parseBounded(bytes.subarray(8, start), (problem) => fail(`its header ${problem}.`, TRUNCATED));
  if (!isObject(header)) fail('its header is not a JSON object.', TRUNCATED);
  return { header, data: bytes.subarray(start) };
}

function readMetadata(metadata: Map<string, string>, value: unknown, fail: Fail): void {
  if (!isObject(value)) fail(`its ${METADATA} must be an object, got ${shown(value)}.`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') fail(`${quoted(key)} in its ${METADATA} must be a string, got ${shown(text)}.`);
    metadata.set(key, text);
  }
}

/** Checks one tensor's description by itself; `requireCovered` compares it with the file's data. */
function readEntry(name: string, value: unknown, fail: Fail): Entry {
  const at = `the tensor ${quoted(name)}`;
  if (!isObject(value)) fail(`${at} must be described by an object, got ${shown(value)}.`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string') fail(`${at}: dtype must be a string, got ${shown(dtype)}.`);
  if (!isKeyOf(SIZES, dtype)) {
    fail(`${at}: the dtype ${quoted(dtype)} is unknown.`, `Convert it to one of ${Object.keys(SIZES).join(', ')}.`);
  }
  if (!Array.isArray(shape)) fail(`${at}: shape must be a list, got ${shown(shape)}.`);
  if (shape.length > MAX_RANK) fail(`${at}: shape has ${shape.length} dimensions; the maximum is ${MAX_RANK}.`);
  const wrong = shape.findIndex((size) => !isSize(size));
  if (wrong >= 0) fail(`${at}: shape[${wrong}] must be an integer of at least 0, got ${shown(shape[wrong])}.`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    const got = Array.isArray(offsets) && offsets.length === 2 ? `[${offsets.map(shown).join(', ')}]` : shown(offsets);
    fail(`${at}: data_offsets must be two integers of at least 0, got ${got}.`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) fail(`${at}: data_offsets [${begin}, ${end}] end before they begin.`);
  const needed = (elementCount(shape) ?? Number.POSITIVE_INFINITY) * SIZES[dtype];
  if (!Number.isSafeInteger(needed))
    fail(`${at}: shape [${shape.join(', ')}] has more elements than a file can contain.`);
  if (needed !== end - begin) {
    fail(`${at}: shape [${shape.join(', ')}] of ${dtype} takes ${needed} bytes, but data_offsets give ${end - begin}.`);
  }
  return { name, dtype, shape, begin, end };
}

/** Throws unless the tensors, in the order of their data, cover every byte exactly once. */
function requireCovered(entries: readonly Entry[], available: number, fail: Fail): void {
  let covered = 0;
  let before = '';
  for (const { name, begin, end } of entries) {
    const at = `the tensor ${quoted(name)}`;
    if (begin < covered) fail(`${at} begins at byte ${begin} of the data, inside ${before}, which ends at ${covered}.`);
    if (end > available) {
      fail(`${at} ends at byte ${end} of the data, but the file has ${available} bytes of data.`, TRUNCATED);
    }
    if (begin > covered) fail(`bytes ${covered} to ${begin} of the data, before ${at}, do not belong to a tensor.`);
    covered = end;
    before = at;
  }
  if (covered !== available) fail(`the last ${available - covered} bytes of the file do not belong to a tensor.`);
}

/**
 * Returns a copy of a tensor's numbers, row-major: F64 as Float64Array; F32, F16 and BF16 as Float32Array, which represents
 * all their values exactly. Throws `INVALID_FILE` for other types. Requires a little-endian machine, as all that run current
 * JavaScript engines are.
 */
export function tensorValues(tensor: SafeTensor, file = 'safetensors file'): Float32Array | Float64Array {
  requireOptional('file', file, 'string');
  const { name, dtype, bytes } = requireTensor(tensor);
  switch (dtype) {
    case 'F64':
      return new Float64Array(copied(bytes).buffer);
    case 'F32':
      return new Float32Array(copied(bytes).buffer);
    case 'BF16': // the upper half of a float32
      return new Float32Array(new Uint32Array(new Uint16Array(copied(bytes).buffer)).map((half) => half << 16).buffer);
    case 'F16':
      return new Float32Array(new Uint16Array(copied(bytes).buffer)).map(halfValue);
    default: {
      const problem = `the tensor ${quoted(name)} has dtype ${dtype}, which is not a supported floating-point type.`;
      return failIn(file)(problem, 'Convert it to F32 or F64.');
    }
  }
}

/** A tensor that `readSafetensors` returned, or one like it. */
function requireTensor(tensor: SafeTensor): SafeTensor {
  const { name, dtype, bytes } = isObject(tensor) ? tensor : ({} as Partial<SafeTensor>);
  if (typeof name === 'string' && bytes instanceof Uint8Array && isKeyOf(SIZES, dtype)) {
    if (bytes.length % SIZES[dtype] === 0) return tensor;
  }
  throw invalidSetting('tensor', 'must be a tensor of a file that readSafetensors() has read.');
}

/**
 * Copies bytes into aligned memory, which typed arrays need. `bytes.slice()` would not copy a Node Buffer, which is a
 * Uint8Array too.
 */
const copied = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);
