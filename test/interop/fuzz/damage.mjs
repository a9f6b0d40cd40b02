/** Damages files: bytes, numbers and texts at random places, also inside archives and headers, whose checksums and lengths stay correct. */
import { crc32, inflateRawSync } from 'node:zlib';

const NUMBERS = [
  '0',
  '-1',
  '1.5',
  '1e400',
  '-0',
  '255',
  '65536',
  '2147483648',
  '4294967295',
  '9007199254740993',
  '1e15',
];
const WORDS = ['"__proto__"', '"constructor"', '""', 'null', 'true', '[]', '{}', '[[[[]]]]', '"\\ud800"', '"lstm"'];
const WIDE = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 53n,
  1n << 63n,
  (1n << 64n) - 1n,
];

const { concat } = Buffer;

/** The changes of bytes. Each takes a buffer, random numbers and another file, and returns a buffer. */
const CHANGES = [
  (bytes, random) => bytes.fill(random.below(256), ...placeOf(bytes, random, 1)),
  (bytes, random) => {
    bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  },
  (bytes, random) => bytes.fill(random.pick([0, 1, 0x7f, 0x80, 0xff]), ...placeOf(bytes, random, 16)),
  (bytes, random) => {
    const [from, to] = placeOf(bytes, random, random.pick([4, 64, 4096]));
    return concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = placeOf(bytes, random, random.pick([4, 64, 1024]));
    const at = random.below(bytes.length);
    return concat([bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at)]);
  },
  (bytes, random) => {
    const wide = Buffer.alloc(8);
    // An offset inside the file leads to loops.
    wide.writeBigUInt64LE(random.below(2) === 0 ? random.pick(WIDE) : BigInt(random.below(bytes.length)));
    const width = random.pick([1, 2, 4, 8]);
    const somewhere = random.below(Math.max(1, bytes.length - width));
    const at = random.below(2) === 0 ? somewhere : somewhere - (somewhere % width);
    wide.copy(bytes, at, 0, Math.min(width, bytes.length - at));
    return bytes;
  },
  (bytes, random, other) => {
    const [from, to] = placeOf(other, random, 256);
    const at = random.below(bytes.length);
    return concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(at)]);
  },
  (bytes, random) => bytes.copyWithin(random.below(bytes.length), ...placeOf(bytes, random, 1024)),
  (bytes, random) => (random.below(8) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes),
];

/** The beginning and the end of up to `most` bytes. */
function placeOf(bytes, random, most) {
  const from = random.below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + random.below(most))];
}

/** One of the numbers, names and values of a JSON text becomes another. */
function changedText(text, random) {
  const tokens = [...text.matchAll(/-?\d[\d.e+-]*|"(?:[^"\\]|\\.)*"|true|false|null/g)];
  if (tokens.length === 0) return text;
  const { 0: token, index } = random.pick(tokens);
  const other = random.pick(tokens)[0];
  const put = random.pick([random.pick(NUMBERS), random.pick(WORDS), other, `${token},${token}`, `[${token}]`]);
  return text.slice(0, index) + put + text.slice(index + token.length);
}

const isText = (bytes) => bytes.length > 0 && (bytes[0] === 0x7b || bytes[0] === 0x5b);

/** A copy with one to eight changes. */
function changed(bytes, random, other) {
  let out = Buffer.from(bytes);
  for (let count = 1 + random.below(8); count > 0 && out.length > 0; count--) {
    if (isText(out) && random.below(2) === 0) out = Buffer.from(changedText(out.toString('latin1'), random), 'latin1');
    else out = Buffer.from(random.pick(CHANGES)(out, random, other));
  }
  return out;
}

/** The header of a safetensors file changed, with its correct length before it. */
function changedHeader(bytes, random) {
  const length = Number(Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64LE());
  const header = Buffer.from(
    changedText(Buffer.from(bytes.subarray(8, 8 + length)).toString('latin1'), random),
    'latin1',
  );
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return concat([size, header, bytes.subarray(8 + length)]);
}

/** The entries of an archive that is not damaged. */
function entriesOf(bytes) {
  const buffer = Buffer.from(bytes);
  const end = buffer.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const entries = [];
  let at = buffer.readUInt32LE(end + 16);
  for (let i = buffer.readUInt16LE(end + 10); i > 0; i--) {
    const [name, extra, comment] = [28, 30, 32].map((field) => buffer.readUInt16LE(at + field));
    const local = buffer.readUInt32LE(at + 42);
    const from = local + 30 + buffer.readUInt16LE(local + 26) + buffer.readUInt16LE(local + 28);
    const packed = buffer.subarray(from, from + buffer.readUInt32LE(at + 20));
    const data = buffer.readUInt16LE(at + 10) === 8 ? inflateRawSync(packed) : packed;
    entries.push({ name: buffer.toString('latin1', at + 46, at + 46 + name), data });
    at += 46 + name + extra + comment;
  }
  return entries;
}

/** An archive of stored entries. */
function archiveOf(entries) {
  const [parts, records] = [[], []];
  let offset = 0;
  for (const { name, data } of entries) {
    const fields = Buffer.alloc(26); // from the version on, as both headers have them
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name, 'latin1'), data]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    records.push(concat([Buffer.from('PK\x01\x02\0\0'), fields, place, Buffer.from(name, 'latin1')]));
    parts.push(local);
    offset += local.length;
  }
  const directory = concat(records);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  for (const at of [8, 10]) end.writeUInt16LE(entries.length, at);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return concat([...parts, directory, end]);
}

function changedArchive(bytes, random, other) {
  const entries = entriesOf(bytes);
  // Weights are most of the entries of a .pt file, and any bytes are valid weights.
  const important = entries.findIndex(({ name }) => /data\.pkl$|config\.json$|\.h5$/.test(name));
  const chosen = random.below(3) === 0 || important < 0 ? random.below(entries.length) : important;
  return archiveOf(
    entries.map((entry, i) => (i === chosen ? { ...entry, data: changed(entry.data, random, other) } : entry)),
  );
}

const isArchive = (bytes) => bytes[0] === 0x50 && bytes[1] === 0x4b;
const isSafetensors = (bytes) => bytes[8] === 0x7b;

/** A damaged copy of `file`. `other` is another file, of which pieces are put in. */
export function damaged({ name, bytes, parts }, random, other) {
  const isInside = random.below(3) > 0;
  if (parts.size > 0 && random.below(4) === 0) {
    const part = random.pick([...parts.keys()]);
    return { name, bytes, parts: new Map([...parts, [part, changed(parts.get(part), random, other.bytes)]]) };
  }
  if (isInside && isArchive(bytes)) return { name, parts, bytes: changedArchive(bytes, random, other.bytes) };
  if (isInside && isSafetensors(bytes)) return { name, parts, bytes: changedHeader(bytes, random) };
  return { name, parts, bytes: changed(bytes, random, other.bytes) };
}
