/** Opens a .pt file: a zip archive with a pickle, `data.pkl`, and an entry with the numbers of each storage, `data/KEY`. */
import { invalidFile } from '../../invalid.js';
import { quoted } from '../../safetensors.js';
import { unknownNode } from '../finish.js';
import type { ImportSource } from '../imported.js';
import type { OpenOptions } from '../options.js';
import { listed } from '../report.js';
import { readZip, storedBytes, type ZipEntry } from '../zip.js';
import { type PickleValue, readPickle } from './pickle.js';
import { openStateDict } from './state-dict.js';
import { foreignTensor, PickledTensor, resolverFor } from './tensors.js';

/** A dict of tensors in the file. `path` are the keys that lead to it; '' is the whole file. */
interface Found {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, PickledTensor>;
}

/** Dicts within dicts that are searched. */
const MAX_DEPTH = 4;
/** Each number may be in two tensors, such as a tied weight, and in a few small ones. */
const MAX_SHARED = 4;

const FORMAT = 'a PyTorch file (.pt)';
const WEIGHTS_ONLY = 'Save the weights alone: torch.save(model.state_dict(), "weights.pt").';

/** Adds the state dicts in a value: dicts with texts as keys and tensors as values. The same dict is added once. */
function collect(value: PickleValue, path: string, found: Found[], seen: Set<PickleValue>): void {
  if (!(value instanceof Map) || seen.has(value) || seen.size > 10_000 || path.split('.').length > MAX_DEPTH) return;
  seen.add(value);
  const entries = [...value];
  if (entries.length > 0 && entries.every(([key, one]) => typeof key === 'string' && one instanceof PickledTensor)) {
    found.push({ path, tensors: value as Map<string, PickledTensor> });
    return;
  }
  for (const [key, one] of entries) {
    if (typeof key === 'string') collect(one, path === '' ? key : `${path}.${key}`, found, seen);
  }
}

/** The entries of the archive, without the folder that contains them all. */
function entriesOf(
  bytes: Uint8Array,
  file: string,
): { pickle: ZipEntry; storage: (key: string) => ZipEntry | undefined; order: ZipEntry | undefined } {
  const entries = readZip(bytes, file);
  const pickles = [...entries.values()].filter(({ name }) => /^[^/]*\/data\.pkl$/.test(name));
  if (pickles.length !== 1)
    throw invalidFile(file, `it has ${pickles.length} entries named data.pkl; a .pt file has one.`);
  const [pickle] = pickles as [ZipEntry];
  const folder = pickle.name.slice(0, -'data.pkl'.length);
  return { pickle, storage: (key) => entries.get(`${folder}data/${key}`), order: entries.get(`${folder}byteorder`) };
}

/** Opens a .pt file. Throws `INVALID_FILE`. */
export function openArchive(bytes: Uint8Array, { file }: OpenOptions): ImportSource {
  const { pickle, storage, order } = entriesOf(bytes, file);
  if (order && new TextDecoder().decode(new Uint8Array(storedBytes(order, file))) !== 'little') {
    throw invalidFile(file, 'its numbers are big-endian.', 'Save it on a computer that is little-endian.');
  }
  const value = readPickle(storedBytes(pickle, file), resolverFor(file), file);
  const found: Found[] = [];
  collect(value, '', found, new Set());
  if (found.length === 0)
    throw invalidFile(file, 'it contains no state dict: no dict of it has only tensors.', WEIGHTS_ONLY);
  const checked = new Map<string, Uint8Array>();
  const bytesOf = (key: string): Uint8Array => {
    const known = checked.get(key);
    if (known) return known;
    const entry = storage(key);
    if (!entry) throw invalidFile(file, `its storage ${quoted(key)} is missing.`);
    const stored = storedBytes(entry, file);
    checked.set(key, stored);
    return stored;
  };
  requireUnshared(found, file);
  return sourceOf(found, bytesOf, file);
}

/** Throws if tensors share their storages so often that they have far more numbers than the file. */
function requireUnshared(found: readonly Found[], file: string): void {
  const tensors = found.flatMap(({ tensors: all }) => [...all.values()]);
  const storages = new Map(tensors.map(({ storage }) => [storage.key, storage.count]));
  const stored = [...storages.values()].reduce((sum, count) => sum + count, 0);
  const used = tensors.reduce((sum, { count }) => sum + count, 0);
  if (used > MAX_SHARED * stored + 1000) {
    throw invalidFile(file, `its tensors have ${used} numbers, but its storages only ${stored}.`);
  }
}

function sourceOf(found: readonly Found[], bytesOf: (key: string) => Uint8Array, file: string): ImportSource {
  const sources = found.map(({ path, tensors }) => {
    const named = [...tensors].map(([name, tensor]) => [name, foreignTensor(name, tensor, bytesOf, file)] as const);
    const notes = path === '' ? [] : [`The state dict is ${quoted(path)} in the file.`];
    return { path, source: openStateDict({ file, format: FORMAT, tensors: new Map(named), notes }) };
  });
  if (sources.length === 1) return sources[0]!.source;
  const within = (path: string, name: string): string => `${path}.${name}`;
  const layers = sources.flatMap(({ path, source }) =>
    source.layers.map((layer) => ({ ...layer, name: within(path, layer.name) })),
  );
  return {
    format: FORMAT,
    layers,
    read(node) {
      const paths = sources.map(({ path }) => path);
      if (node === undefined) {
        throw invalidFile(file, `it contains ${paths.length} state dicts: ${listed(paths)}.`, 'Select one (--node).');
      }
      const one = sources.find(({ path }) => node === path || node.startsWith(`${path}.`));
      if (!one) throw unknownNode(node, layers);
      const draft = one.source.read(node === one.path ? undefined : node.slice(one.path.length + 1));
      return { ...draft, used: draft.used.map((name) => within(one.path, name)) };
    },
  };
}
