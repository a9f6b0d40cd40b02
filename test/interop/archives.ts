/** Zip archives and pickles for tests, built byte by byte. */
import { crc32 } from '../../src/interop/imports/zip.js';
import { joined, u64, utf8 } from './safetensors-support.js';

const u16 = (value: number): number[] => [value & 255, value >> 8];
export const u32 = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);

/** An entry to write. The other fields replace what is true. */
export interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  readonly size?: number;
  readonly packed?: number;
  readonly local?: number;
  /** Writes the sizes and the offset as 64-bit numbers. */
  readonly zip64?: boolean;
  /** The name in the local header. */
  readonly localName?: string;
}

function recordOf(entry: Entry, local: number): Uint8Array {
  const { data, method = 0, flags = 0, crc = crc32(data), zip64 = false } = entry;
  const [size, packed, offset] = [entry.size ?? data.length, entry.packed ?? data.length, entry.local ?? local];
  const name = utf8(entry.name);
  const extra = zip64 ? [...u16(1), ...u16(24), ...[size, packed, offset].flatMap((n) => [...u64(BigInt(n))])] : [];
  const shown = (number: number): number[] => u32(zip64 ? 0xffffffff : number);
  const head = [...u32(0x02014b50), ...u16(20), ...u16(20), ...u16(flags), ...u16(method), ...u32(0), ...u32(crc)];
  const sizes = [...shown(packed), ...shown(size), ...u16(name.length), ...u16(extra.length), ...u16(0)];
  return joined(head, sizes, [...u16(0), ...u16(0), ...u32(0)], shown(offset), name, extra);
}

/** An archive. `end` replaces fields of its end. */
export function zipOf(
  entries: readonly Entry[],
  end: { readonly count?: number; readonly offset?: number } = {},
): Uint8Array {
  const parts: Uint8Array[] = [];
  const records: Uint8Array[] = [];
  let at = 0;
  for (const entry of entries) {
    const name = utf8(entry.localName ?? entry.name);
    const head = [...u32(0x04034b50), ...Array(22).fill(0), ...u16(name.length), ...u16(0)];
    parts.push(joined(head, name, entry.data));
    records.push(recordOf(entry, at));
    at += parts.at(-1)!.length;
  }
  const directory = joined(...records);
  const zip64 = entries.some((entry) => entry.zip64);
  const [count, offset] = [end.count ?? entries.length, end.offset ?? at];
  const numbers = [count, count, directory.length, offset].flatMap((n) => [...u64(BigInt(n))]);
  const extended = zip64
    ? joined([...u32(0x06064b50), ...u64(44n), ...u16(45), ...u16(45), ...u32(0), ...u32(0)], numbers, [
        ...u32(0x07064b50),
        ...u32(0),
        ...u64(BigInt(at + directory.length)),
        ...u32(1),
      ])
    : [];
  const last = zip64
    ? [...u16(0xffff), ...u16(0xffff), ...u32(0xffffffff), ...u32(0xffffffff)]
    : [...u16(count), ...u16(count), ...u32(directory.length), ...u32(offset)];
  return joined(...parts, directory, extended, [...u32(0x06054b50), ...u16(0), ...u16(0)], last, u16(0));
}

/** Pieces of a pickle: texts are Latin-1 instructions, numbers are bytes. */
export const pickle = (...pieces: readonly (string | readonly number[] | Uint8Array)[]): Uint8Array =>
  joined(
    [0x80, 2],
    ...pieces.map((piece) => (typeof piece === 'string' ? Uint8Array.from(piece, (c) => c.charCodeAt(0)) : piece)),
  );

/** The instruction that pushes a text. */
export const text = (value: string): string => `X${String.fromCharCode(...u32(value.length))}${value}`;
export const integer = (value: number): string => `J${String.fromCharCode(...u32(value))}`;

/** How a tensor is described. */
export interface Described {
  readonly key?: string;
  readonly count: number;
  readonly offset?: string;
  readonly shape: readonly string[];
  readonly strides: readonly string[];
}

const tuple = (items: readonly string[]): string => `(${items.join('')}t`;

/** The instructions that push a tensor of float32. Numbers are instructions, too. */
export const tensor = ({ key = '0', count, offset = integer(0), shape, strides }: Described): string =>
  `ctorch._utils\n_rebuild_tensor_v2\n(${tuple([
    text('storage'),
    'ctorch\nFloatStorage\n',
    text(key),
    text('cpu'),
    integer(count),
  ])}Q${offset}${tuple(shape)}${tuple(strides)}\x89ccollections\nOrderedDict\n)RtR`;

/** A .pt file with a pickle and storages. */
export const fileWith = (data: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}): Uint8Array =>
  zipOf([
    { name: 'a/data.pkl', data },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `a/data/${key}`, data: bytes })),
  ]);
