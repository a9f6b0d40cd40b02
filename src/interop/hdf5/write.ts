/**
 * Writes HDF5 files of groups and float32 datasets; read.ts names the format and reads them. The structures are those of version 2
 * (a superblock, and object headers with links as messages), which HDF5 1.8 and later read.
 */
import { joined } from '../joined.js';

/** A dataset to write; `path` names the groups that it is in. Its length is the product of `shape`. */
export interface DatasetData {
  readonly path: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** Bob Jenkins' hash lookup3 (public domain, 2006), the checksum of HDF5. */
function checksum(bytes: Uint8Array): number {
  let a = (0xdeadbeef + bytes.length) | 0;
  let [b, c] = [a, a];
  const word = (at: number): number =>
    (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
  let at = 0;
  for (; bytes.length - at > 12; at += 12) {
    a = (a + word(at)) | 0;
    b = (b + word(at + 4)) | 0;
    c = (c + word(at + 8)) | 0;
    for (const by of [4, 6, 8, 16, 19, 4]) {
      // Each round uses the three words in turn: the loop rotates their names.
      a = ((a - c) | 0) ^ rotated(c, by);
      c = (c + b) | 0;
      [a, b, c] = [b, c, a];
    }
  }
  if (bytes.length === 0) return c >>> 0;
  a = (a + word(at)) | 0;
  b = (b + word(at + 4)) | 0;
  c = (c + word(at + 8)) | 0;
  for (const by of [14, 11, 25, 16, 4, 14, 24]) {
    c = ((c ^ b) - rotated(b, by)) | 0;
    [a, b, c] = [b, c, a];
  }
  return b >>> 0; // the last word that a round changed
}

/** Little-endian bytes of numbers, each with its size in bytes. */
function packed(...fields: readonly (readonly [size: 1 | 2 | 4 | 8, value: number | bigint])[]): Uint8Array {
  const out = new Uint8Array(fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 8) view.setBigUint64(at, BigInt(value), true);
    else if (size === 4) view.setUint32(at, Number(value), true);
    else if (size === 2) view.setUint16(at, Number(value), true);
    else view.setUint8(at, Number(value));
    at += size;
  }
  return out;
}

const withChecksum = (bytes: Uint8Array): Uint8Array => joined([bytes, packed([4, checksum(bytes)])]);

const UNDEFINED = 0xffff_ffff_ffff_ffffn;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An object header of version 2 from messages (IV.A.1.b). */
function objectHeader(messages: readonly (readonly [type: number, data: Uint8Array])[]): Uint8Array {
  const body = joined(messages.flatMap(([type, data]) => [packed([1, type], [2, data.length], [1, 0]), data]));
  return withChecksum(joined([ascii('OHDR'), packed([1, 2], [1, 2], [4, body.length]), body]));
}

/** float32, little-endian (IV.A.2.d): sign 31, exponent of 8 bits at 23 with bias 127, fraction of 23 bits at 0. */
const FLOAT32 = packed(
  ...([
    [1, 0x11],
    [1, 0x20],
    [1, 31],
    [1, 0],
    [4, 4],
  ] as const),
  ...([
    [2, 0],
    [2, 32],
    [1, 23],
    [1, 8],
    [1, 0],
    [1, 23],
    [4, 127],
  ] as const),
);

/** The header of a dataset whose numbers are in one piece at an address. */
function datasetHeader({ shape, data }: DatasetData, at: number): Uint8Array {
  const sizes = shape.map((size) => [8, size] as const);
  return objectHeader([
    [0x01, packed([1, 2], [1, shape.length], [1, 0], [1, 1], ...sizes)], // dataspace
    [0x03, FLOAT32],
    [0x05, packed([1, 3], [1, 0x0a])], // fill value: the default, written if it is set
    [0x08, packed([1, 3], [1, 1], [8, at], [8, data.byteLength])], // layout: in one piece
  ]);
}

/** The header of a group from the addresses of its members. */
function groupHeader(members: ReadonlyMap<string, number>): Uint8Array {
  const links = [...members].map(([name, at]) => {
    const text = ascii(name);
    return [0x06, joined([packed([1, 1], [1, 1], [2, text.length]), text, packed([8, at])])] as const;
  });
  return objectHeader([[0x02, packed([1, 0], [1, 0], [8, UNDEFINED], [8, UNDEFINED])], ...links]);
}

type Group = Map<string, Group | DatasetData>;

function treeOf(datasets: readonly DatasetData[]): Group {
  const root: Group = new Map();
  for (const dataset of datasets) {
    const names = dataset.path.split('/');
    let group = root;
    for (const name of names.slice(0, -1)) {
      const inner = group.get(name) ?? new Map();
      group.set(name, inner);
      group = inner as Group;
    }
    group.set(names.at(-1)!, dataset);
  }
  return root;
}

/** Returns the bytes of an HDF5 file with datasets in groups. The same datasets give the same bytes. */
export function writeHdf5(datasets: readonly DatasetData[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let end = 48; // after the superblock
  const append = (bytes: Uint8Array): number => {
    const at = end;
    const padding = (8 - (bytes.length % 8)) % 8;
    parts.push(bytes, new Uint8Array(padding));
    end += bytes.length + padding;
    return at;
  };
  const write = (member: Group | DatasetData): number => {
    if (member instanceof Map)
      return append(groupHeader(new Map([...member].map(([name, part]) => [name, write(part)]))));
    const { buffer, byteOffset, byteLength } = member.data;
    return append(datasetHeader(member, append(new Uint8Array(buffer, byteOffset, byteLength))));
  };
  const root = write(treeOf(datasets));
  // Version 2, addresses and lengths of 8 bytes, no flags; base, no extension, end of the file, root (II.A).
  const fields = packed([1, 2], [1, 8], [1, 8], [1, 0], [8, 0], [8, UNDEFINED], [8, end], [8, root]);
  const superblock = withChecksum(joined([packed([8, 0x0a1a0a0d46444889n]), fields]));
  return joined([superblock, ...parts]);
}
