/** NumPy's archives `.npz`: a zip of arrays `.npy`, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import type { FloatArray } from '../../../contract/kernels.js';
import { halfValue } from '../../half.js';
import { invalidFile } from '../../invalid.js';
import { elementCount, quoted } from '../../safetensors.js';
import type { ImportSource } from '../imported.js';
import type { OpenOptions } from '../options.js';
import type { ForeignTensor } from '../tensors.js';
import { unpackedBytes } from '../unpack.js';
import { readZip } from '../zip.js';
import { openCheckpoint } from './tf-cells.js';

const TYPES: Readonly<Record<string, { readonly bytes: number; read(buffer: ArrayBuffer): FloatArray }>> = {
  '<f2': { bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), halfValue) },
  '<f4': { bytes: 4, read: (buffer) => new Float32Array(buffer) },
  '<f8': { bytes: 8, read: (buffer) => new Float64Array(buffer) },
};

/** What all arrays may unpack to: a number of bytes, or a multiple of the file. Weights hardly get smaller when they are packed. */
const MAX_BYTES = 16 << 20;
const MAX_RATIO = 20;
const MAX_ARRAYS = 10_000;

/** The largest header of an array: the format's own limit for one that is read without evaluating it. */
const MAX_HEADER = 10_000;

/** One array. Its header is a Python dictionary, of which exactly the form that NumPy writes is read. */
function readArray(name: string, bytes: Uint8Array, file: string): ForeignTensor {
  const fail = (problem: string): never => {
    throw invalidFile(file, `the array ${quoted(name)} ${problem}.`);
  };
  if (bytes.length < 12 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY') return fail('is not a .npy file');
  const isLong = bytes[6]! > 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = isLong ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (isLong ? 12 : 10) + length;
  if (length > MAX_HEADER || start > bytes.length) return fail(`has a header of ${length} bytes`);
  const header = new TextDecoder('latin1').decode(new Uint8Array(bytes.subarray(isLong ? 12 : 10, start)));
  const form = /^\{'descr': '([^']{1,20})', 'fortran_order': (True|False), 'shape': \(([\d, ]{0,400})\), \}\s*$/;
  const [, descr = '', fortran, sizes = ''] = form.exec(header) ?? fail('has a header that NumPy does not write');
  if (!Object.hasOwn(TYPES, descr)) return fail(`has type ${quoted(descr)}; float16, float32 and float64 are read`);
  const shape = sizes.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (fortran === 'True' && shape.length > 1)
    return fail('is stored column by column; save it with numpy.ascontiguousarray');
  const type = TYPES[descr]!;
  const size = (elementCount(shape) ?? Number.POSITIVE_INFINITY) * type.bytes;
  if (size !== bytes.length - start) return fail(`has shape [${shape.join(', ')}], but ${bytes.length - start} bytes`);
  return { name, shape, data: () => type.read(new Uint8Array(bytes.subarray(start)).buffer) };
}

/** Opens an archive with the variables of a TensorFlow graph. Throws `INVALID_FILE`. */
export async function openNpz(
  bytes: Uint8Array,
  { file, forgetBias }: OpenOptions & { readonly forgetBias?: number },
): Promise<ImportSource> {
  const tensors: ForeignTensor[] = [];
  const entries = [...readZip(bytes, file).values()];
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  if (entries.length > MAX_ARRAYS || total > Math.max(MAX_BYTES, MAX_RATIO * bytes.length)) {
    throw invalidFile(file, `it has ${entries.length} arrays of ${total} bytes, in a file of ${bytes.length}.`);
  }
  for (const entry of entries) {
    const name = entry.name.replace(/\.npy$/, '').replace(/:\d+$/, '');
    tensors.push(readArray(name, await unpackedBytes(entry, file), file));
  }
  return openCheckpoint(tensors, 'TensorFlow weights (NumPy)', file, forgetBias);
}
