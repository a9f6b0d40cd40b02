/** Numbers and texts of HDF5: datasets and attributes. Floating-point numbers and strings are read; other types are not. */
import type { FloatArray } from '../../contract/kernels.js';
import { halfValue } from '../half.js';
import { elementCount } from '../safetensors.js';
import type { Hdf5Bytes } from './bytes.js';
import { findMessage, MESSAGE, type Message } from './messages.js';

/** What the elements of a dataset or an attribute are. `bytes` is the size of one element. */
export interface Datatype {
  readonly kind: 'float' | 'string' | 'text' | 'other'; // 'text': of variable length
  readonly bytes: number;
}

/** The exponent's bits of IEEE 754 numbers, by their size. */
const EXPONENT_BITS: Readonly<Record<number, number>> = { 2: 5, 4: 8, 8: 11 };

export function datatypeAt(bytes: Hdf5Bytes, at: number): Datatype {
  const kind = bytes.u8(at) & 15;
  const size = bytes.u32(at + 4);
  if (kind === 3) return { kind: 'string', bytes: size };
  if (kind === 9 && (bytes.u8(at + 1) & 15) === 1 && size === 16) return { kind: 'text', bytes: size };
  const isLittleEndian = (bytes.u8(at + 1) & 0x41) === 0;
  const isFloat = kind === 1 && isLittleEndian && bytes.u8(at + 13) === EXPONENT_BITS[size];
  return { kind: isFloat ? 'float' : 'other', bytes: size };
}

const MAX_RANK = 32;

/** The shape of a dataspace: [] is one element. */
export function shapeAt(bytes: Hdf5Bytes, at: number): number[] {
  const version = bytes.u8(at);
  if (version !== 1 && version !== 2) bytes.damaged(`the dataspace at ${at} has version ${version}`);
  if (version === 2 && bytes.u8(at + 3) === 2) return [0]; // no elements
  const rank = bytes.u8(at + 1);
  if (rank > MAX_RANK) bytes.damaged(`the dataspace at ${at} has ${rank} dimensions`);
  const start = at + (version === 1 ? 8 : 4);
  return Array.from({ length: rank }, (_, i) => bytes.u64(start + 8 * i));
}

/** The number of bytes of elements. Throws if the file cannot have them. */
function sizeOf(bytes: Hdf5Bytes, shape: readonly number[], element: number): number {
  const size = (elementCount(shape) ?? Number.POSITIVE_INFINITY) * element;
  if (size > bytes.length) {
    bytes.damaged(`shape [${shape.join(', ')}] takes ${size} bytes, but the file has ${bytes.length}`);
  }
  return size;
}

/** Where the objects of a global heap are, by their index. */
function heapObjects(
  bytes: Hdf5Bytes,
  heap: number,
): ReadonlyMap<number, { readonly at: number; readonly size: number }> {
  const known = bytes.heaps.get(heap);
  if (known) return known;
  bytes.signature(heap, 'GCOL');
  const objects = new Map<number, { at: number; size: number }>();
  const end = heap + bytes.u64(heap + 8);
  bytes.requireWithin(heap, end - heap);
  for (let next = heap + 16; next + 16 <= end; ) {
    bytes.spend();
    const index = bytes.u16(next);
    const size = bytes.u64(next + 8);
    if (index === 0) break; // free space
    if (next + 16 + size > end) bytes.damaged(`the object at ${next} is larger than its heap`);
    objects.set(index, { at: next + 16, size });
    next += 16 + Math.ceil(size / 8) * 8;
  }
  bytes.heaps.set(heap, objects);
  return objects;
}

/** The text that an element of variable length refers to. */
function heapText(bytes: Hdf5Bytes, at: number): string {
  const length = bytes.u32(at);
  if (length === 0) return '';
  const object = heapObjects(bytes, bytes.u64(at + 4)).get(bytes.u32(at + 12));
  if (!object || object.size < length) return bytes.damaged(`the text at ${at} is not in its heap`);
  return bytes.text(object.at, length);
}

/** The value of an attribute: its texts, or null for another type. */
export type AttributeValue = readonly string[] | null;

/** An attribute: `read` decodes its value, which other attributes do not need. */
export interface Attribute {
  readonly name: string;
  read(): AttributeValue;
}

/** The attribute of a message. */
export function attributeAt(bytes: Hdf5Bytes, { at }: Message): Attribute {
  const version = bytes.u8(at);
  if (version < 1 || version > 3) bytes.damaged(`the attribute at ${at} has version ${version}`);
  const padded = (size: number): number => (version === 1 ? Math.ceil(size / 8) * 8 : size);
  const [nameSize, typeSize, spaceSize] = [bytes.u16(at + 2), bytes.u16(at + 4), bytes.u16(at + 6)];
  const nameAt = at + (version === 3 ? 9 : 8);
  const typeAt = nameAt + padded(nameSize);
  const spaceAt = typeAt + padded(typeSize);
  const isShared = version > 1 && (bytes.u8(at + 1) & 3) !== 0;
  const read = (): AttributeValue => {
    if (isShared) return null;
    const type = datatypeAt(bytes, typeAt);
    const shape = shapeAt(bytes, spaceAt);
    if (type.kind !== 'string' && type.kind !== 'text') return null;
    const size = sizeOf(bytes, shape, type.bytes);
    const start = spaceAt + padded(spaceSize);
    bytes.requireWithin(start, size);
    const count = type.bytes === 0 ? 0 : size / type.bytes;
    bytes.spend(count);
    return Array.from({ length: count }, (_, i) => {
      const element = start + i * type.bytes;
      return type.kind === 'text' ? heapText(bytes, element) : bytes.text(element, type.bytes);
    });
  };
  return { name: bytes.text(nameAt, nameSize), read };
}

/** A dataset of floating-point numbers. */
export interface Dataset {
  readonly shape: readonly number[];
  /** Reads the numbers, row by row: float64 as Float64Array, float32 and float16 as Float32Array. */
  data(): FloatArray;
}

/** The dataset of an object's messages; null for an object that is not a dataset. */
export function datasetOf(bytes: Hdf5Bytes, messages: readonly Message[]): Dataset | null {
  const layout = findMessage(bytes, messages, MESSAGE.layout);
  if (!layout) return null;
  const space = findMessage(bytes, messages, MESSAGE.dataspace);
  const type = findMessage(bytes, messages, MESSAGE.datatype);
  if (!space || !type) return bytes.damaged('a dataset has no shape or no type');
  const shape = shapeAt(bytes, space.at);
  return { shape, data: () => readNumbers(bytes, shape, type, layout) };
}

function readNumbers(bytes: Hdf5Bytes, shape: readonly number[], type: Message, { at: layout }: Message): FloatArray {
  const { kind, bytes: element } = datatypeAt(bytes, type.at);
  if (kind !== 'float') {
    bytes.fail('a weight is not of type float16, float32 or float64, little-endian.', 'Save the model in float32.');
  }
  const size = sizeOf(bytes, shape, element);
  const [version, storage] = [bytes.u8(layout), bytes.u8(layout + 1)];
  if (version !== 3 && version !== 4)
    bytes.fail(`a dataset has a layout of version ${version}, which is not supported.`);
  if (storage > 1) {
    bytes.fail(
      'a weight is stored in chunks, or compressed.',
      'Save the model with Keras, which stores weights in one piece.',
    );
  }
  const start = storage === 0 ? layout + 4 : size === 0 ? 0 : bytes.address(layout + 2);
  const stored = storage === 0 ? bytes.u16(layout + 2) : bytes.u64(layout + 10);
  if (start === null || stored < size)
    return bytes.damaged(`a dataset has ${stored} bytes, but its shape needs ${size}`);
  const { buffer } = bytes.weight(start, size);
  if (element === 8) return new Float64Array(buffer);
  return element === 4 ? new Float32Array(buffer) : new Float32Array(new Uint16Array(buffer)).map(halfValue);
}
