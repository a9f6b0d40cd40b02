/**
 * Reads zip archives that may be hostile (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT). Only the central directory
 * counts. Nothing is unpacked until an entry is read, entries may not overlap, and every checksum is compared.
 */
import { invalidFile } from '../invalid.js';
import { quoted } from '../safetensors.js';

/** An entry of an archive. */
export interface ZipEntry {
  readonly name: string;
  /** 0 is stored, 8 is deflated. */
  readonly method: number;
  /** Bytes as they are in the archive; a view of it. */
  readonly bytes: Uint8Array;
  /** Number of bytes when unpacked. */
  readonly size: number;
  readonly crc: number;
}

const [END, END_64, LOCATOR_64, CENTRAL, LOCAL] = [0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50];
const MAX_DIRECTORY = 256 * 2 ** 20; // bytes
const MAX_ENTRIES = 1_000_000;
const DAMAGED = 'The file is damaged: download or save it again.';

/** A sentence about the archive as an error. */
type Fail = (problem: string) => never;

interface Directory {
  readonly offset: number;
  readonly size: number;
  readonly count: number;
}

/** A 64-bit number as a safe integer. */
function safe(view: DataView, at: number, fail: Fail): number {
  const value = view.getBigUint64(at, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : fail(`it declares ${value} bytes.`);
}

/** Where the archive ends: its comment may have up to 65,535 bytes. */
function endOf(view: DataView, fail: Fail): number {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - 65_535); at--) {
    if (view.getUint32(at, true) === END && view.getUint16(at + 20, true) === last - at) return at;
  }
  return fail('the archive has no end: it is truncated.');
}

function directoryOf(view: DataView, fail: Fail): Directory {
  const end = endOf(view, fail);
  let [count, size, offset, before] = [
    view.getUint16(end + 10, true),
    view.getUint32(end + 12, true),
    view.getUint32(end + 16, true),
    end,
  ];
  if (count === 0xffff || size === 0xffffffff || offset === 0xffffffff) {
    const locator = end - 20;
    if (locator < 0 || view.getUint32(locator, true) !== LOCATOR_64) fail('its ZIP64 directory is missing.');
    before = safe(view, locator + 8, fail);
    if (before > locator - 56 || view.getUint32(before, true) !== END_64) fail('its ZIP64 directory is missing.');
    [count, size, offset] = [32, 40, 48].map((at) => safe(view, before + at, fail)) as [number, number, number];
  }
  if (size > MAX_DIRECTORY) fail(`its directory has ${size} bytes; at most ${MAX_DIRECTORY} are read.`);
  if (count > MAX_ENTRIES || count * 46 > size) fail(`its directory declares ${count} entries in ${size} bytes.`);
  if (offset + size > before) fail('its directory does not lie within the file.');
  return { offset, size, count };
}

/** The 64-bit numbers of an entry, of which each is there only if the 32-bit one is 0xffffffff. */
function extended(view: DataView, at: number, end: number, numbers: readonly number[], fail: Fail): number[] {
  if (!numbers.includes(0xffffffff)) return [...numbers];
  for (let field = at; field + 4 <= end; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue;
    const length = view.getUint16(field + 2, true);
    let next = field + 4;
    return numbers.map((number) => {
      if (number !== 0xffffffff) return number;
      if (next + 8 > Math.min(end, field + 4 + length)) fail('a ZIP64 entry has no size.');
      next += 8;
      return safe(view, next - 8, fail);
    });
  }
  return fail('a ZIP64 entry has no size.');
}

const decoder = new TextDecoder('utf-8', { fatal: true });

function nameOf(bytes: Uint8Array, fail: Fail): string {
  try {
    return decoder.decode(new Uint8Array(bytes));
  } catch {
    return fail('the name of an entry is not UTF-8 text.');
  }
}

/** An entry with its place in the file. */
interface Located extends ZipEntry {
  readonly begin: number;
  readonly end: number;
}

/** The first byte after the local header of an entry, which repeats its name. */
function dataStart(view: DataView, local: number, name: Uint8Array, limit: number, fail: Fail): number {
  if (local + 30 > limit || view.getUint32(local, true) !== LOCAL) fail('an entry does not begin where it should.');
  const length = view.getUint16(local + 26, true);
  if (local + 30 + length > limit) fail('an entry does not begin where it should.');
  const isSame = length === name.length && name.every((byte, i) => view.getUint8(local + 30 + i) === byte);
  if (!isSame) fail('an entry has two names.');
  return local + 30 + length + view.getUint16(local + 28, true);
}

/** The entries of an archive by name. Throws `INVALID_FILE`. */
export function readZip(bytes: Uint8Array, file: string): Map<string, ZipEntry> {
  const fail: Fail = (problem) => {
    throw invalidFile(file, problem, DAMAGED);
  };
  if (bytes.length < 22) fail('the archive has no end: it is truncated.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = directoryOf(view, fail);
  const entries: Located[] = [];
  const limit = directory.offset + directory.size;
  let at = directory.offset;
  for (let i = 0; i < directory.count; i++) {
    if (at + 46 > limit || view.getUint32(at, true) !== CENTRAL) fail('its directory is damaged.');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((k) => view.getUint16(at + k, true)) as number[];
    const extra = at + 46 + nameLength!;
    const next = extra + extraLength! + commentLength!;
    if (next > limit) fail('its directory is damaged.');
    const nameBytes = bytes.subarray(at + 46, extra);
    const name = nameOf(nameBytes, fail);
    if (view.getUint16(at + 8, true) & 1) fail(`${quoted(name)} is encrypted.`);
    const numbers = [24, 20, 42].map((k) => view.getUint32(at + k, true));
    const [size, packed, local] = extended(view, extra, extra + extraLength!, numbers, fail) as [
      number,
      number,
      number,
    ];
    const begin = dataStart(view, local, nameBytes, directory.offset, fail);
    const end = begin + packed;
    if (end > directory.offset) fail(`${quoted(name)} ends after the entries.`);
    const [method, crc] = [view.getUint16(at + 10, true), view.getUint32(at + 16, true)];
    entries.push({ name, method, size, crc, bytes: bytes.subarray(begin, end), begin: local, end });
    at = next;
  }
  requireSeparate(entries, fail);
  const byName = new Map(entries.map(({ begin: _, end: __, ...entry }) => [entry.name, entry]));
  if (byName.size < entries.length) fail('two of its entries have the same name.');
  return byName;
}

/** Entries that overlap unpack to more than the file can contain. */
function requireSeparate(entries: readonly Located[], fail: Fail): void {
  const inOrder = [...entries].sort((a, b) => a.begin - b.begin);
  inOrder.forEach(({ name, begin }, i) => {
    if (i > 0 && begin < inOrder[i - 1]!.end) fail(`${quoted(name)} lies within another entry.`);
  });
}

const CRC = new Uint32Array(256).map((_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** The checksum of zip archives. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC[(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}

/** Throws `INVALID_FILE` unless the unpacked bytes of an entry are those that were packed. */
export function requireUnpacked({ name, size, crc }: ZipEntry, bytes: Uint8Array, file: string): void {
  if (bytes.length === size && crc32(bytes) === crc) return;
  throw invalidFile(file, `${quoted(name)} is damaged: its length or its checksum is wrong.`, DAMAGED);
}

/** The bytes of an entry that is stored, not deflated; a view of the file. Throws `INVALID_FILE`. */
export function storedBytes(entry: ZipEntry, file: string): Uint8Array {
  if (entry.method !== 0) {
    throw invalidFile(
      file,
      `${quoted(entry.name)} is compressed.`,
      'Save the file again in the program that wrote it.',
    );
  }
  requireUnpacked(entry, entry.bytes, file);
  return entry.bytes;
}
