/** Zip archives, byte by byte: where the archive ends, what its directory says, and how far an entry may grow. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { unpackedBytes } from '../../src/interop/imports/unpack.js';
import { crc32, readZip, storedBytes } from '../../src/interop/imports/zip.js';
import { rejected, thrown } from '../support/errors.js';
import { type Entry, zipOf } from './archives.js';

const bytes = (...numbers: number[]): Uint8Array => Uint8Array.from(numbers);
const ENTRIES: readonly Entry[] = [
  { name: 'a', data: bytes(1, 2, 3) },
  { name: 'ä/b', data: bytes() },
  { name: 'c', data: bytes(4) },
];
/** The archive with a comment of so many bytes. */
function commented(archive: Uint8Array, length: number, says = length): Uint8Array {
  const out = new Uint8Array(archive.length + length);
  out.set(archive);
  new DataView(out.buffer).setUint16(archive.length - 2, says, true);
  return out;
}
const contents = (archive: Uint8Array) =>
  [...readZip(archive, 'f')].map(([name, entry]) => [name, [...storedBytes(entry, 'f')]]);
const EXPECTED = [
  ['a', [1, 2, 3]],
  ['ä/b', []],
  ['c', [4]],
];
const problemOf = (archive: Uint8Array): string => thrown(() => readZip(archive, 'f')).message;

describe('an archive', () => {
  test.each([
    ['as it is', zipOf(ENTRIES)],
    ['with 64-bit numbers', zipOf(ENTRIES.map((entry) => ({ ...entry, zip64: true })))],
    ['with a comment', commented(zipOf(ENTRIES), 7)],
    ['with the longest comment', commented(zipOf(ENTRIES), 65_535)],
    [
      'within other bytes',
      (() => {
        const archive = zipOf(ENTRIES);
        const all = new Uint8Array(archive.length + 5);
        all.set(archive, 5);
        return all.subarray(5);
      })(),
    ],
  ])('is read %s', (_, archive) => {
    expect(contents(archive)).toEqual(EXPECTED);
  });

  test('without entries has none', () => {
    expect([...readZip(zipOf([]), 'f')]).toEqual([]);
  });

  test('whose end is not found, or not at the end, is refused', () => {
    const archive = zipOf(ENTRIES);
    const truncated = 'f: the archive has no end: it is truncated.';
    expect(problemOf(archive.subarray(0, 21))).toContain(truncated);
    expect(problemOf(archive.subarray(0, -1))).toContain(truncated);
    expect(problemOf(commented(archive, 7, 6))).toContain(truncated);
    expect(problemOf(commented(archive, 65_536, 0))).toContain(truncated);
  });

  test('with a directory that does not fit is refused', () => {
    const archive = zipOf(ENTRIES);
    const at = (from: number, values: readonly number[]): Uint8Array => {
      const copy = archive.slice();
      copy.set(values, from < 0 ? archive.length + from : from);
      return copy;
    };
    const directory = new DataView(archive.buffer).getUint32(archive.length - 6, true);
    expect(problemOf(at(directory, [0]))).toContain('its directory is damaged.');
    expect(problemOf(at(directory + 28, [0xff, 0xff]))).toContain('its directory is damaged.');
    expect(problemOf(at(directory + 8, [1]))).toContain('"a" is encrypted.');
    expect(problemOf(at(directory + 46, [0xff]))).toContain('the name of an entry is not UTF-8 text.');
    expect(problemOf(at(0, [0]))).toContain('an entry does not begin where it should.');
    expect(problemOf(at(26, [0xff, 0xff]))).toContain('an entry does not begin where it should.');
    expect(problemOf(at(30, [0x62]))).toContain('an entry has two names.');
    expect(problemOf(at(directory + 20, [255]))).toContain('"a" ends after the entries.');
    expect(problemOf(at(-12, [4, 0]))).toMatch(/its directory declares 4 entries in \d+ bytes\./);
    expect(problemOf(at(-10, [0xff, 0xff, 0xff, 0x7f]))).toContain(
      'its directory has 2147483647 bytes; at most 268435456 are read.',
    );
    expect(problemOf(at(-6, [0xff, 0xff, 0xff, 0x7f]))).toContain('its directory does not lie within the file.');
    expect(problemOf(at(-6, [0xff, 0xff, 0xff, 0xff]))).toContain('its ZIP64 directory is missing.');
    expect(problemOf(zipOf([ENTRIES[0]!, ENTRIES[0]!]))).toContain('two of its entries have the same name.');
    expect(problemOf(zipOf([ENTRIES[0]!, { ...ENTRIES[2]!, local: 0, localName: 'c', name: 'a' }]))).toContain(
      '"a" lies within another entry.',
    );
  });
});

describe('an entry', () => {
  const entryOf = (data: Uint8Array, more: Partial<{ method: number; size: number; crc: number }> = {}) => ({
    ...{ name: 'e', method: 0, bytes: data, size: data.length, crc: crc32(data) },
    ...more,
  });
  const deflated = (data: Uint8Array, more: object = {}) => ({
    ...entryOf(data),
    ...{ method: 8, bytes: new Uint8Array(deflateRawSync(data)), ...more },
  });
  const refused = async (entry: ReturnType<typeof entryOf>) =>
    (await rejected(() => unpackedBytes(entry, 'f'))).message;

  test('has the standard checksum', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(bytes())).toBe(0);
  });

  test('is a view of the file if it is stored, and unpacked if it is deflated', async () => {
    const data = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
    expect(await unpackedBytes(entryOf(data), 'f')).toBe(data);
    expect(await unpackedBytes(deflated(data), 'f')).toEqual(data);
    expect(await unpackedBytes(deflated(bytes()), 'f')).toEqual(bytes());
  });

  test('with another length, checksum or method is refused', async () => {
    const data = bytes(1, 2, 3);
    const damaged = 'f: "e" is damaged: its length or its checksum is wrong.';
    expect(await refused(entryOf(data, { size: 2 }))).toContain(damaged);
    expect(await refused(entryOf(data, { crc: 1 }))).toContain(damaged);
    expect(await refused(deflated(data, { crc: 1 }))).toContain(damaged);
    expect(await refused(deflated(data, { size: 2 }))).toContain('"e" does not unpack to 2 bytes.');
    expect(await refused(deflated(data, { size: 4 }))).toContain('"e" does not unpack to 4 bytes.');
    expect(await refused(deflated(data, { bytes: bytes(255, 255) }))).toContain('"e" does not unpack to 3 bytes.');
    expect(await refused(entryOf(data, { method: 12 }))).toContain(
      'is packed by method 12; stored and deflated entries are read.',
    );
    expect(thrown(() => storedBytes(deflated(data), 'f')).message).toContain('"e" is compressed.');
  });

  test('may grow to a megabyte, or by a hundred times', async () => {
    const zeros = (size: number) => deflated(new Uint8Array(size));
    expect(await unpackedBytes(zeros(2 ** 20), 'f')).toHaveLength(2 ** 20);
    const entry = zeros(2 ** 20 + 1);
    expect(await refused(entry)).toContain(
      `"e" grows from ${entry.bytes.length} to 1048577 bytes, by more than 100 times.`,
    );
    const length = Math.ceil((2 ** 20 + 1) / 100);
    const limit = { ...entry, bytes: new Uint8Array(length) };
    expect(await refused({ ...limit, size: 100 * length })).not.toContain('grows');
    expect(await refused({ ...limit, size: 100 * length + 1 })).toContain('grows');
  });
});
