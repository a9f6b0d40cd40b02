/** Tensors and storages of a .pt file, and the only names that its pickle may contain. */
import type { FloatArray } from '../../../contract/kernels.js';
import { invalidFile } from '../../invalid.js';
import { elementCount, isSize, MAX_RANK, quoted, type TensorType, tensorValues } from '../../safetensors.js';
import type { ForeignTensor } from '../tensors.js';
import { PickleObject, type PickleValue, type Resolver } from './pickle.js';

/** The storages by their names in PyTorch, with their element types and the bytes of an element. */
const STORAGES: Readonly<Record<string, readonly [type: TensorType, bytes: number]>> = {
  FloatStorage: ['F32', 4],
  DoubleStorage: ['F64', 8],
  HalfStorage: ['F16', 2],
  BFloat16Storage: ['BF16', 2],
  LongStorage: ['I64', 8],
  IntStorage: ['I32', 4],
  ShortStorage: ['I16', 2],
  CharStorage: ['I8', 1],
  ByteStorage: ['U8', 1],
  BoolStorage: ['BOOL', 1],
};

/** One of the names that may occur. */
class Known extends PickleObject {
  constructor(readonly name: string) {
    super();
  }
}

/** A block of numbers, which several tensors may share. */
class Storage extends PickleObject {
  constructor(
    readonly type: TensorType,
    readonly width: number,
    /** The name of its entry in the archive. */
    readonly key: string,
    readonly count: number,
  ) {
    super();
  }
}

/** A view of a storage. */
export class PickledTensor extends PickleObject {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly count: number,
  ) {
    super();
  }
}

const DICT = 'collections.OrderedDict';
const TENSOR = 'torch._utils._rebuild_tensor_v2';
const PARAMETER = 'torch._utils._rebuild_parameter';
const SIZE = 'torch.Size';
const NAMES: readonly string[] = [
  DICT,
  TENSOR,
  PARAMETER,
  SIZE,
  ...Object.keys(STORAGES).map((name) => `torch.${name}`),
];

const isSizes = (value: PickleValue | undefined): value is number[] =>
  Array.isArray(value) && value.length <= MAX_RANK && value.every(isSize);

/** The meaning of names and calls. Nothing is run: a name is a text that is compared with a list. */
export function resolverFor(file: string): Resolver {
  const fail = (problem: string, help?: string): never => {
    throw invalidFile(file, problem, help);
  };

  function tensor([storage, offset, shape, strides]: readonly PickleValue[]): PickledTensor {
    if (!(storage instanceof Storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
      return fail('one of its tensors has no storage, or an invalid size or stride.');
    }
    if (shape.length !== strides.length) {
      return fail(`one of its tensors has ${shape.length} sizes and ${strides.length} strides.`);
    }
    const count = elementCount(shape);
    const text = `[${shape.join(', ')}]`;
    if (count === null || count > storage.count) {
      const help = 'Save a copy: tensor.contiguous().';
      return fail(`a tensor of shape ${text} has more elements than its storage, which has ${storage.count}.`, help);
    }
    const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, offset);
    if (count > 0 && !(last < storage.count)) {
      return fail(`a tensor of shape ${text} ends after its storage, which has ${storage.count} elements.`);
    }
    return new PickledTensor(storage, offset, shape, strides, count);
  }

  return {
    global(module, name) {
      const full = `${module}.${name}`;
      if (NAMES.includes(full)) return new Known(full);
      const script = module.startsWith('__torch__') ? 'It was saved by torch.jit.save(). ' : '';
      return fail(
        `it contains a Python object, ${quoted(full)}, not only tensors. Python objects can run any code, so they are not read.`,
        `${script}Save the weights alone: torch.save(model.state_dict(), "weights.pt").`,
      );
    },
    call(callable, args) {
      const name = callable instanceof Known ? callable.name : '';
      if (name === DICT && args.length === 0) return new Map();
      if (name === TENSOR) return tensor(args);
      if (name === PARAMETER && args[0] instanceof PickledTensor) return args[0];
      if (name === SIZE && isSizes(args[0])) return [...args[0]];
      return fail('its pickle calls a function with unexpected arguments.');
    },
    persistent(id) {
      const [tag, type, key, , count] = Array.isArray(id) ? id : [];
      const known = type instanceof Known ? STORAGES[type.name.slice('torch.'.length)] : undefined;
      if (tag !== 'storage' || !known || typeof key !== 'string' || !isSize(count)) {
        return fail('one of its storages is not described as torch.save() does it.');
      }
      return new Storage(known[0], known[1], key, count);
    },
  };
}

/** The numbers of a tensor, row by row. `bytesOf` reads the entry of a storage. */
export function foreignTensor(
  name: string,
  { storage, offset, shape, strides, count }: PickledTensor,
  bytesOf: (key: string) => Uint8Array,
  file: string,
): ForeignTensor {
  const { type, width } = storage;
  const read = (begin: number, end: number): FloatArray => {
    const bytes = bytesOf(storage.key);
    if (bytes.length !== storage.count * width) {
      throw invalidFile(
        file,
        `the storage of ${quoted(name)} has ${bytes.length} bytes instead of ${storage.count * width}.`,
      );
    }
    return tensorValues(
      { name, dtype: type, shape: [end - begin], bytes: bytes.subarray(begin * width, end * width) },
      file,
    );
  };
  const data = (): FloatArray => {
    if (count === 0) return new Float32Array(0);
    const last = shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, offset);
    const values = read(offset, last + 1);
    return isContiguous(shape, strides) ? values : gathered(values, shape, strides, count);
  };
  return { name, shape, data };
}

/** Whether the elements follow each other row by row. The stride of a size of 1 has no meaning. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

/** The elements of a view, row by row. */
function gathered(values: FloatArray, shape: readonly number[], strides: readonly number[], count: number): FloatArray {
  const out = values.slice(0, count);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    out[to] = values[from]!;
    for (let i = shape.length - 1; i >= 0; i--) {
      from += strides[i]!;
      index[i]!++;
      if (index[i]! < shape[i]!) break;
      from -= index[i]! * strides[i]!;
      index[i] = 0;
    }
  }
  return out;
}
