/** Writes zip archives; imports/zip.ts reads them. */
import { crc32 } from './imports/zip.js';

/** 1 January 1980, the first date of the format. The same members give the same bytes. */
const DATE = (1 << 5) | 1;

/** A little-endian record of fields of 2 and 4 bytes. */
function record(...fields: readonly (readonly [bytes: 2 | 4, value: number])[]): Uint8Array {
  const out = new Uint8Array(fields.reduce((sum, [bytes]) => sum + bytes, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return out;
}

/** Returns an archive with members that are stored, not packed. Together they have less than 4 GiB. */
export function writeZip(members: readonly { readonly name: string; readonly content: Uint8Array }[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, content } of members) {
    const text = new TextEncoder().encode(name);
    const [crc, size] = [crc32(content), content.length];
    // Version, flags (names are UTF-8), method, time, date, checksum, both sizes, length of the name and of no extra field.
    const common = [
      [2, 20],
      [2, 0x800],
      [2, 0],
      [2, 0],
      [2, DATE],
      [4, crc],
      [4, size],
      [4, size],
      [2, text.length],
      [2, 0],
    ] as const;
    parts.push(record([4, 0x04034b50], ...common), text, content);
    // No comment, first disk, no attributes, then where the local header is.
    directory.push(record([4, 0x02014b50], [2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]), text);
    at += 30 + text.length + size;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const count = members.length;
  const end = record([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, at], [2, 0]);
  const out = new Uint8Array(at + length + end.length);
  let next = 0;
  for (const part of [...parts, ...directory, end]) {
    out.set(part, next);
    next += part.length;
  }
  return out;
}
