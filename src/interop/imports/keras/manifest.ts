/** The weights of a TensorFlow.js model: a list of names and shapes in JSON, and shards of bytes. */

import { isKeyOf, isObject } from '../../../checks.js';
import { halfValue } from '../../half.js';
import { invalidFile } from '../../invalid.js';
import { joined } from '../../joined.js';
import { elementCount, isSize, quoted } from '../../safetensors.js';
import type { OpenOptions } from '../options.js';
import type { ForeignTensor } from '../tensors.js';
import { type Json, own } from './config.js';

/** Bytes of an element, and how they are read. */
const TYPES = {
  float32: { bytes: 4, read: (b: ArrayBuffer) => new Float32Array(b) },
  float16: { bytes: 2, read: (b: ArrayBuffer) => Float32Array.from(new Uint16Array(b), halfValue) },
  uint8: { bytes: 1, read: (b: ArrayBuffer) => new Uint8Array(b) },
  uint16: { bytes: 2, read: (b: ArrayBuffer) => new Uint16Array(b) },
} as const;

/** Files that a manifest may name, and tensors that it may list. */
const MAX_PATHS = 10_000;
const MAX_TENSORS = 10_000;

interface Described {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: keyof typeof TYPES;
  readonly scale: number;
  readonly min: number;
  readonly size: number;
}

/** A tensor of the list. */
function described(value: unknown, file: string): Described {
  const entry = isObject(value) ? value : {};
  const [name, shape, dtype, quantization] = ['name', 'shape', 'dtype', 'quantization'].map((key) => own(entry, key));
  if (typeof name !== 'string' || !Array.isArray(shape) || !shape.every(isSize)) {
    throw invalidFile(file, 'a weight in its manifest has no name or no shape.');
  }
  const q: Json = isObject(quantization) ? quantization : {};
  const type = own(q, 'dtype') ?? dtype;
  if (dtype !== 'float32' || !isKeyOf(TYPES, type)) {
    throw invalidFile(
      file,
      `the weight ${quoted(name)} has dtype ${quoted(String(type ?? dtype))}, which is not supported.`,
    );
  }
  const isQuantized = type === 'uint8' || type === 'uint16';
  const [scale, min] = [own(q, 'scale'), own(q, 'min')];
  if (isQuantized && !(Number.isFinite(scale) && Number.isFinite(min))) {
    throw invalidFile(file, `the weight ${quoted(name)} has no scale or no minimum.`);
  }
  const size = (elementCount(shape as number[]) ?? Number.POSITIVE_INFINITY) * TYPES[type].bytes;
  return { name, shape: shape as number[], type, size, scale: (scale as number) ?? 1, min: (min as number) ?? 0 };
}

/** The tensors of a group of the manifest, which follow each other in the joined shards. */
function tensorsIn(weights: readonly unknown[], bytes: Uint8Array, file: string): ForeignTensor[] {
  let at = 0;
  const tensors = weights.map((value): ForeignTensor => {
    const { name, shape, type, size, scale, min } = described(value, file);
    const start = at;
    at += size;
    if (!(at <= bytes.length)) {
      throw invalidFile(file, `the weight ${quoted(name)} ends after its shards, which have ${bytes.length} bytes.`);
    }
    const data = (): Float32Array => {
      const values = TYPES[type].read(new Uint8Array(bytes.subarray(start, start + size)).buffer);
      return values instanceof Float32Array ? values : Float32Array.from(values, (q) => q * scale + min);
    };
    return { name, shape, data };
  });
  if (at !== bytes.length) throw invalidFile(file, `its shards have ${bytes.length} bytes, but its weights ${at}.`);
  return tensors;
}

/** Reads a shard. Its path must stay in the folder of the file. */
async function readShard(path: unknown, { file, part }: OpenOptions): Promise<Uint8Array> {
  if (typeof path !== 'string' || /^[\\/]|:|(^|[\\/])\.\.([\\/]|$)/.test(path)) {
    throw invalidFile(file, `it names the shard ${quoted(String(path))}, which is not a path below its folder.`);
  }
  if (part === null) {
    throw invalidFile(
      file,
      `its weights are in other files, such as ${quoted(path)}.`,
      'Pass `part`, which reads them.',
    );
  }
  const bytes: unknown = await part(path);
  if (bytes instanceof Uint8Array) return bytes;
  throw invalidFile(file, `part(${quoted(path)}) did not give a Uint8Array.`);
}

/** Reads all tensors of a manifest, in its order; two may have the same name. Throws `INVALID_FILE`. */
export async function readManifest(manifest: unknown, options: OpenOptions): Promise<ForeignTensor[]> {
  const { file } = options;
  const tensors: ForeignTensor[] = [];
  const named = new Set<unknown>();
  for (const value of Array.isArray(manifest) ? (manifest as unknown[]) : [null]) {
    const [paths, weights] = isObject(value) ? [own(value, 'paths'), own(value, 'weights')] : [];
    if (!Array.isArray(paths) || !Array.isArray(weights)) {
      throw invalidFile(file, 'its weightsManifest is not a list of groups with paths and weights.');
    }
    if (named.size + paths.length > MAX_PATHS || tensors.length + weights.length > MAX_TENSORS) {
      throw invalidFile(file, `its manifest has more than ${MAX_PATHS} paths or ${MAX_TENSORS} weights.`);
    }
    const shards: Uint8Array[] = [];
    for (const path of paths as unknown[]) {
      if (named.has(path)) throw invalidFile(file, `it names the shard ${quoted(String(path))} twice.`);
      named.add(path);
      shards.push(await readShard(path, options));
    }
    tensors.push(...tensorsIn(weights, joined(shards), file));
  }
  return tensors;
}
