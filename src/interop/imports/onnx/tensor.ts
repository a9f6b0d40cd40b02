/** Tensors of an ONNX file: their types, and the ways in which it stores their numbers. */
import type { FloatArray } from '../../../contract/kernels.js';
import { halfValue } from '../../half.js';
import type { Fail, Message } from '../../protobuf-read.js';
import { quoted } from '../../safetensors.js';

/** The element types that a program with LSTMs needs. Integers beyond 2^53 are rounded. */
export type ElementType = 'float32' | 'float64' | 'integer';

/** A tensor with its numbers, row by row. */
export interface Tensor {
  readonly type: ElementType;
  /** Sizes, outermost first; [] is a single number. */
  readonly shape: readonly number[];
  readonly values: FloatArray;
}

/** Dimensions that a tensor may have. */
export const MAX_RANK = 16;

/** How one element type is stored: the bytes of an element and how they are read, and the field for elements that are not raw. */
interface Storage {
  readonly name: string;
  readonly type: ElementType;
  readonly size: number;
  readonly read: (view: DataView, at: number) => number;
  readonly field: number;
  /** The value of an element of an integer field that has its bits. */
  readonly fromBits?: (bits: number) => number;
}

const bfloat = (bits: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(2, bits, true);
  return view.getFloat32(0, true);
};

/** By the number of TensorProto.DataType. Fields: 4 float_data, 5 int32_data, 7 int64_data, 10 double_data, 11 uint64_data. */
const STORAGES: Readonly<Record<number, Storage>> = {
  1: { name: 'float', type: 'float32', size: 4, read: (v, at) => v.getFloat32(at, true), field: 4 },
  2: { name: 'uint8', type: 'integer', size: 1, read: (v, at) => v.getUint8(at), field: 5 },
  3: { name: 'int8', type: 'integer', size: 1, read: (v, at) => v.getInt8(at), field: 5 },
  4: { name: 'uint16', type: 'integer', size: 2, read: (v, at) => v.getUint16(at, true), field: 5 },
  5: { name: 'int16', type: 'integer', size: 2, read: (v, at) => v.getInt16(at, true), field: 5 },
  6: { name: 'int32', type: 'integer', size: 4, read: (v, at) => v.getInt32(at, true), field: 5 },
  7: { name: 'int64', type: 'integer', size: 8, read: (v, at) => Number(v.getBigInt64(at, true)), field: 7 },
  9: { name: 'bool', type: 'integer', size: 1, read: (v, at) => v.getUint8(at), field: 5 },
  10: {
    name: 'float16',
    type: 'float32',
    size: 2,
    read: (v, at) => halfValue(v.getUint16(at, true)),
    field: 5,
    fromBits: (bits) => halfValue(bits & 0xffff),
  },
  11: { name: 'double', type: 'float64', size: 8, read: (v, at) => v.getFloat64(at, true), field: 10 },
  12: { name: 'uint32', type: 'integer', size: 4, read: (v, at) => v.getUint32(at, true), field: 11 },
  13: { name: 'uint64', type: 'integer', size: 8, read: (v, at) => Number(v.getBigUint64(at, true)), field: 11 },
  16: {
    name: 'bfloat16',
    type: 'float32',
    size: 2,
    read: (v, at) => bfloat(v.getUint16(at, true)),
    field: 5,
    fromBits: (bits) => bfloat(bits & 0xffff),
  },
};

/** The element type with a number of TensorProto.DataType; null for one that is not read, such as texts. */
export const elementType = (dataType: number): ElementType | null => STORAGES[dataType]?.type ?? null;

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** An array for the numbers of an element type. Integers are held as float64, which is exact up to 2^53. */
export const newValues = (type: ElementType, length: number): FloatArray =>
  type === 'float32' ? new Float32Array(length) : new Float64Array(length);

/** A list of integers as a tensor. */
export const integers = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => ({
  type: 'integer',
  shape,
  values: Float64Array.from(values),
});

/** Reads a TensorProto. `name` is what messages call it. */
export function readTensor(message: Message, name: string, fail: Fail): Tensor {
  const what = `the tensor ${quoted(name)}`;
  const dataType = message.integer(2);
  const storage = STORAGES[dataType];
  if (message.integer(14) === 1 || message.has(13)) {
    const help = 'Save the model as one file: onnx.save_model(onnx.load(path), out, save_as_external_data=False).';
    fail(`${what} is in another file (external data), which is not read.`, help);
  }
  if (!storage) return fail(`${what} has the element type ${dataType}, which is not read.`);
  const shape = message.integers(1);
  if (shape.length > MAX_RANK) fail(`${what} has ${shape.length} dimensions; at most ${MAX_RANK} are read.`);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0))
    fail(`${what} has the shape [${shape.join(', ')}].`);
  const count = sizeOf(shape);
  const { type, size, read, field, fromBits } = storage;
  const wrong = (found: number): never =>
    fail(`${what} has shape [${shape.join(', ')}] but ${found} numbers of type ${storage.name}.`);
  const raw = message.has(9)
    ? message.bytes(9).at(-1)!
    : field === 4
      ? message.fixed(4, 4)
      : field === 10
        ? message.fixed(10, 8)
        : null;
  if (raw) {
    if (raw.length !== count * size) wrong(raw.length / size);
    const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
    const values = newValues(type, count);
    for (let i = 0; i < count; i++) values[i] = read(view, i * size);
    return { type, shape, values };
  }
  const listed = message.integers(field);
  if (listed.length !== count) wrong(listed.length);
  return { type, shape, values: newValues(type, count).map((_, i) => fromBits?.(listed[i]!) ?? listed[i]!) };
}
