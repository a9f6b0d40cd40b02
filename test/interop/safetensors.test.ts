/** The safetensors format: known bytes, round trips, every way in which a file can be wrong, and damage at random. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UnspoolError } from '../../src/errors.js';
import { readSafetensors, type SafeTensor, type TensorType, tensorValues } from '../../src/interop/safetensors.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { problemOf, thrown } from '../support/errors.js';

const TRUNCATED = 'It is truncated, or not a safetensors file: get it again.';
const DAMAGED = 'It is damaged, or the program that wrote it is at fault: get it again, or save it anew.';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function u64(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value, true);
  return out;
}

/** A file of a header, as text, bytes or JSON, and so many bytes of data. */
function fileOf(header: unknown, dataLength = 0): Uint8Array {
  const bytes = ArrayBuffer.isView(header)
    ? (header as Uint8Array)
    : utf8(typeof header === 'string' ? header : JSON.stringify(header));
  return joined(u64(BigInt(bytes.length)), bytes, new Uint8Array(dataLength));
}

const f32 = (shape: unknown, begin: unknown, end: unknown) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

const bitsOf = (a: ArrayBufferView): number[] => [...new Uint8Array(a.buffer, a.byteOffset, a.byteLength)];

const ofType = (dtype: TensorType, shape: number[], bytes: Uint8Array): SafeTensor => ({
  name: 't',
  dtype,
  shape,
  bytes,
});

/** 16-bit patterns as bytes, after one more byte, so that they are unaligned. */
const unaligned16 = (halves: readonly number[]): Uint8Array =>
  joined([0xff], ...halves.map((half) => [half & 0xff, half >> 8])).subarray(1);

/** Reads, or fails with an `INVALID_FILE` that says something: nothing else may happen, nor take long. */
function expectReadOrRefused(bytes: Uint8Array): void {
  const start = process.cpuUsage();
  try {
    const { tensors } = readSafetensors(bytes, 'f');
    for (const tensor of tensors.values()) expect(tensor.bytes.buffer).toBe(bytes.buffer);
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    expect(error.message).toMatch(/^f: .+\. .+\.$/s);
    expect(error.message.length).toBeLessThan(1000);
    problemOf(error, 'INVALID_FILE');
  }
  expect(process.cpuUsage(start).user).toBeLessThan(2e6); // microseconds
}

describe('known bytes', () => {
  test('a file written by hand, byte for byte', () => {
    const header = '{"__metadata__":{"by":"me"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    expect(header.length).toBe(83);
    const byHand = joined(
      [88, 0, 0, 0, 0, 0, 0, 0], // 83 rounded up to a multiple of 8
      utf8(`${header}     `),
      [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], // 1 and -2
    );
    const written = writeSafetensors([{ name: 'a', shape: [1, 2], data: Float32Array.of(1, -2) }], { by: 'me' });
    expect([...written]).toEqual([...byHand]);
    const { tensors, metadata } = readSafetensors(byHand);
    expect([...metadata]).toEqual([['by', 'me']]);
    expect([...tensors.keys()]).toEqual(['a']);
    expect(tensors.get('a')).toMatchObject({ name: 'a', dtype: 'F32', shape: [1, 2] });
    expect([...tensorValues(tensors.get('a')!)]).toEqual([1, -2]);
  });

  test('an empty file, as the reference implementation writes it', () => {
    const bytes = joined([8, 0, 0, 0, 0, 0, 0, 0], utf8('{}      '));
    expect([...writeSafetensors([])]).toEqual([...bytes]);
    expect(readSafetensors(bytes)).toEqual({ tensors: new Map(), metadata: new Map() });
  });

  test('a header in another order than the data, without padding, with fields that are not known', () => {
    const file = fileOf({ b: { ...f32([1], 4, 8), more: [{}] }, a: f32([], 0, 4) }, 8);
    file.set([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], file.length - 8);
    const { tensors } = readSafetensors(file);
    expect([...tensors.keys()]).toEqual(['a', 'b']); // by place
    expect([...tensorValues(tensors.get('a')!)]).toEqual([1]);
    expect([...tensorValues(tensors.get('b')!)]).toEqual([2]);
  });

  test.each<[TensorType, number]>([
    ['F64', 8],
    ['F32', 4],
    ['F16', 2],
    ['BF16', 2],
    ['F8_E4M3', 1],
    ['F8_E5M2', 1],
    ['I64', 8],
    ['I32', 4],
    ['I16', 2],
    ['I8', 1],
    ['U64', 8],
    ['U32', 4],
    ['U16', 2],
    ['U8', 1],
    ['BOOL', 1],
    ['C64', 8],
  ])('%s takes %i bytes', (dtype, size) => {
    const file = fileOf({ t: { dtype, shape: [3, 5], data_offsets: [0, 15 * size] } }, 15 * size);
    expect(readSafetensors(file).tensors.get('t')).toMatchObject({ dtype, bytes: { length: 15 * size } });
  });
});

describe('round trips', () => {
  test('float32 and float64 of odd sizes, a scalar, empty tensors, any names, metadata', () => {
    const tensors = [
      { name: 'gewicht.größe 🧶', shape: [3, 1, 5], data: Float32Array.from({ length: 15 }, (_, i) => i / 7 - 1) },
      { name: '12', shape: [7], data: Float64Array.from({ length: 7 }, (_, i) => Math.PI ** (i - 3)) },
      { name: '', shape: [], data: Float64Array.of(-0) },
      { name: 'empty', shape: [4, 0, 3], data: new Float32Array(0) },
      { name: '__proto__', shape: [2], data: Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY) },
      { name: 'constructor', shape: [1], data: Float32Array.of(2 ** -149) },
      { name: '"\\\u0000\n', shape: [0], data: new Float64Array(0) },
    ];
    const metadata = { z: 'last first', a: '{"nested": "JSON"}', 'ключ 🔑': '', ['__proto__']: 'own' };
    const file = readSafetensors(writeSafetensors(tensors, metadata));
    expect([...file.metadata]).toEqual(Object.entries(metadata));
    expect([...file.tensors.keys()].sort()).toEqual(tensors.map(({ name }) => name).sort());
    for (const { name, shape, data } of tensors) {
      const tensor = file.tensors.get(name)!;
      expect(tensor).toMatchObject({ name, shape, dtype: data.BYTES_PER_ELEMENT === 8 ? 'F64' : 'F32' });
      const values = tensorValues(tensor);
      expect(values.BYTES_PER_ELEMENT).toBe(data.BYTES_PER_ELEMENT);
      expect(bitsOf(values)).toEqual(bitsOf(data));
    }
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  test('the tensors stand in the order given, the data at a multiple of 8, the same bytes each time', () => {
    const tensors = ['b', '10', 'a', '9'].map((name, i) => ({ name, shape: [i + 1], data: new Float32Array(i + 1) }));
    const bytes = writeSafetensors(tensors, { k: 'v' });
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(['b', '10', 'a', '9']);
    expect((bytes.length - 4 * 10) % 8).toBe(0);
    expect([...writeSafetensors(tensors, { k: 'v' })]).toEqual([...bytes]);
  });

  test('only a part of a larger buffer is written and read', () => {
    const data = Float32Array.of(1, 2, 3, 4, 5).subarray(1, 4);
    const bytes = writeSafetensors([{ name: 'a', shape: [3], data }]);
    const inside = joined([1, 2, 3], bytes, [4]).subarray(3, 3 + bytes.length);
    expect([...tensorValues(readSafetensors(inside).tensors.get('a')!)]).toEqual([2, 3, 4]);
  });

  test("Node's Buffer, whose slice() does not copy, and shared memory", () => {
    const bytes = writeSafetensors([
      { name: 'a', shape: [1], data: Float32Array.of(7) },
      { name: 'b', shape: [2], data: Float64Array.of(8, 9) },
    ]);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    for (const given of [Buffer.from(bytes), shared]) {
      const { tensors } = readSafetensors(given);
      expect([...tensorValues(tensors.get('a')!)]).toEqual([7]);
      expect([...tensorValues(tensors.get('b')!)]).toEqual([8, 9]);
    }
    expect([...tensorValues(ofType('F32', [1], Buffer.from([0, 0, 0, 0x40])))]).toEqual([2]);
  });

  test('the values are a copy, the bytes a view', () => {
    const bytes = writeSafetensors([{ name: 'a', shape: [2], data: Float64Array.of(1, 2) }]);
    const tensor = readSafetensors(bytes).tensors.get('a')!;
    tensorValues(tensor)[0] = 99;
    expect([...tensorValues(tensor)]).toEqual([1, 2]);
    expect(tensor.bytes.buffer).toBe(bytes.buffer);
  });
});

describe('16-bit floating point', () => {
  test('F16: zeros, subnormals, the largest, infinities, NaN', () => {
    const cases: [number, number][] = [
      [0x0000, 0],
      [0x8000, -0],
      [0x0001, 2 ** -24],
      [0x83ff, -1023 * 2 ** -24],
      [0x0400, 2 ** -14],
      [0x3c00, 1],
      [0xbc01, -(1 + 2 ** -10)],
      [0x3555, 0.333251953125],
      [0x7bff, 65504],
      [0x7c00, Number.POSITIVE_INFINITY],
      [0xfc00, Number.NEGATIVE_INFINITY],
      [0x7c01, Number.NaN],
      [0xfe00, Number.NaN],
    ];
    const values = tensorValues(ofType('F16', [cases.length], unaligned16(cases.map(([bits]) => bits))));
    expect(values.BYTES_PER_ELEMENT).toBe(4);
    expect([...values]).toEqual(cases.map(([, value]) => value));
  });

  test('F16: all 65536 patterns, against the definition', () => {
    const values = tensorValues(ofType('F16', [65536], unaligned16(Array.from({ length: 65536 }, (_, i) => i))));
    // From the smallest on, each positive half is one step above the one before; the step doubles every 1024 halves.
    let expected = 0;
    for (let bits = 0; bits < 0x7c00; bits++) {
      if (values[bits] !== expected || !Object.is(values[bits | 0x8000], -expected))
        expect(values[bits]).toBe(expected);
      expected += 2 ** (Math.max(bits >> 10, 1) - 25);
    }
    expect(values.subarray(0x7c01, 0x8000).every(Number.isNaN)).toBe(true);
    expect(values.subarray(0xfc01).every(Number.isNaN)).toBe(true);
  });

  test('BF16: the upper half of a float32, NaN payloads and all', () => {
    const cases = [0x0000, 0x8000, 0x0001, 0x807f, 0x0080, 0x3f80, 0xc049, 0x7f7f, 0x7f80, 0xff80, 0x7f81, 0xffc0];
    const values = tensorValues(ofType('BF16', [cases.length], unaligned16(cases)));
    expect(values.BYTES_PER_ELEMENT).toBe(4);
    expect([...new Uint32Array(values.buffer)]).toEqual(cases.map((bits) => bits * 65536));
    expect([...values.subarray(0, 7)]).toEqual([0, -0, 2 ** -133, -127 * 2 ** -133, 2 ** -126, 1, -3.140625]);
    expect([...values.subarray(7)]).toEqual([
      2 ** 128 - 2 ** 120,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
      Number.NaN,
    ]);
  });

  test.each<TensorType>(['I64', 'I32', 'I16', 'I8', 'U8', 'BOOL', 'F8_E4M3'])('%s is refused', (dtype) => {
    expect(thrown(() => tensorValues(ofType(dtype, [8], new Uint8Array(64)), 'm.st')).message).toBe(
      `m.st: the tensor "t" is of dtype ${dtype}, which is not read as floating-point numbers. Convert it to F32 or F64.`,
    );
  });
});

describe('what is wrong with a file', () => {
  const t = (entry: unknown, length = 8): Uint8Array => fileOf({ t: entry }, length);
  const raw = (entry: string, length = 8): Uint8Array => fileOf(`{"t":${entry}}`, length);
  const good = fileOf({ t: f32([2], 0, 8) }, 8);
  const long = 'x'.repeat(1000);
  const cases: [string, Uint8Array, string, string?][] = [
    ['no bytes', new Uint8Array(0), 'it has 0 bytes, and a safetensors file has at least 8.', TRUNCATED],
    ['7 bytes', new Uint8Array(7), 'it has 7 bytes, and a safetensors file has at least 8.', TRUNCATED],
    [
      'a header beyond the file',
      joined(u64(11n), utf8('{}        ')),
      'its first 8 bytes announce a header of 11 bytes, but 10 bytes follow.',
      TRUNCATED,
    ],
    [
      'a header of over 100 MB',
      joined(u64(100_000_001n), utf8('{}')),
      'its first 8 bytes announce a header of 100000001 bytes, but the format allows 100000000.',
      TRUNCATED,
    ],
    [
      'a header of 2^64 - 1 bytes',
      joined(u64(2n ** 64n - 1n), utf8('{}')),
      'its first 8 bytes announce a header of 18446744073709551615 bytes, but the format allows 100000000.',
      TRUNCATED,
    ],
    ['an empty header', fileOf(''), 'its header does not begin with "{".', TRUNCATED],
    ['an empty header before data', fileOf('', 8).fill(0x7b, 8), 'its header does not begin with "{".', TRUNCATED],
    ['a list', fileOf('[]'), 'its header does not begin with "{".', TRUNCATED],
    ['a space first', fileOf(' {}'), 'its header does not begin with "{".', TRUNCATED],
    ['a byte order mark', fileOf('\ufeff{}'), 'its header does not begin with "{".', TRUNCATED],
    ['not UTF-8', fileOf(joined(utf8('{"'), [0xff], utf8('":1}'))), 'its header is not UTF-8 text.', TRUNCATED],
    ['not JSON', fileOf('{"a":}'), 'its header is not JSON.', TRUNCATED],
    ['two objects', fileOf('{}{}'), 'its header is not JSON.', TRUNCATED],
    ['metadata: a list', fileOf({ __metadata__: [] }), 'its __metadata__ should be an object, but is a list of 0.'],
    ['metadata: null', fileOf({ __metadata__: null }), 'its __metadata__ should be an object, but is null.'],
    ['metadata: text', fileOf({ __metadata__: 'a' }), 'its __metadata__ should be an object, but is "a".'],
    ['a number', fileOf({ __metadata__: { a: 1 } }), '"a" in its __metadata__ should be a string, but is 1.'],
    ['an object', fileOf({ __metadata__: { a: {} } }), '"a" in its __metadata__ should be a string, but is an object.'],
    ['entry: null', t(null), 'the tensor "t" should be described by an object, but is null.'],
    ['entry: a list', t([1, 2]), 'the tensor "t" should be described by an object, but is a list of 2.'],
    ['entry: a number', t(3), 'the tensor "t" should be described by an object, but is 3.'],
    ['empty entry', t({}), 'the tensor "t": dtype should be a string, but is missing.'],
    ['dtype: a number', t({ ...f32([2], 0, 8), dtype: 32 }), 'the tensor "t": dtype should be a string, but is 32.'],
    [
      'unknown dtype',
      t({ ...f32([2], 0, 8), dtype: 'Q4' }),
      'the tensor "t": the dtype "Q4" is unknown.',
      'Convert it to one of F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, C64.',
    ],
    ['no shape', t({ dtype: 'F32', data_offsets: [0, 8] }), 'the tensor "t": shape should be a list, but is missing.'],
    ['shape: a number', t(f32(2, 0, 8)), 'the tensor "t": shape should be a list, but is 2.'],
    ['shape: text', t(f32('22', 0, 8)), 'the tensor "t": shape should be a list, but is "22".'],
    ...(
      [
        ['-1', '-1'],
        ['-0', '0'],
        ['1.5', '1.5'],
        ['9007199254740992', '9007199254740992'],
        ['1e999', 'Infinity'],
        ['"2"', '"2"'],
        ['null', 'null'],
        ['[2]', 'a list of 1'],
      ] as const
    ).map(([size, text]): [string, Uint8Array, string] => [
      `a size of ${size}`,
      raw(`{"dtype":"F32","shape":[2,${size}],"data_offsets":[0,8]}`),
      `the tensor "t": shape[1] should be a whole number of at least 0, but is ${text}.`,
    ]),
    [
      'a product beyond 2^53',
      t(f32([94906267, 94906267], 0, 8)),
      'the tensor "t": shape [94906267, 94906267] has more elements than any file holds.',
    ],
    [
      'a product beyond 2^53 with 0 at its end',
      t(f32([2 ** 52, 2 ** 52, 0], 0, 0), 0),
      'the tensor "t": shape [4503599627370496, 4503599627370496, 0] has more elements than any file holds.',
    ],
    [
      'bytes beyond 2^53',
      t(f32([2 ** 52], 0, 8)),
      'the tensor "t": shape [4503599627370496] has more elements than any file holds.',
    ],
    [
      'a rank of 33',
      t(f32(new Array(33).fill(1), 0, 4), 4),
      'the tensor "t": shape has 33 dimensions; at most 32 can be read.',
    ],
    [
      'a rank of a million',
      t(f32(new Array(1e6).fill(1), 0, 4), 4),
      'the tensor "t": shape has 1000000 dimensions; at most 32 can be read.',
    ],
    ...(
      [
        ['missing', undefined, 'missing'],
        ['a number', 8, '8'],
        ['of one', [0], 'a list of 1'],
        ['of three', [0, 4, 8], 'a list of 3'],
        ['negative', [-4, 4], '[-4, 4]'],
        ['fractional', [0, 7.5], '[0, 7.5]'],
        ['text', ['0', 8], '["0", 8]'],
        ['unsafe', [0, 2 ** 53], '[0, 9007199254740992]'],
      ] as const
    ).map(([what, offsets, text]): [string, Uint8Array, string] => [
      `offsets ${what}`,
      t({ dtype: 'F32', shape: [2], data_offsets: offsets }),
      `the tensor "t": data_offsets should be two whole numbers of at least 0, but is ${text}.`,
    ]),
    ['offsets reversed', t(f32([2], 8, 0)), 'the tensor "t": data_offsets [8, 0] end before they begin.'],
    [
      'too few bytes for the shape',
      t(f32([3], 0, 8)),
      'the tensor "t": shape [3] of F32 takes 12 bytes, but data_offsets give 8.',
    ],
    [
      'too many bytes for the shape',
      t({ dtype: 'BF16', shape: [], data_offsets: [0, 8] }),
      'the tensor "t": shape [] of BF16 takes 2 bytes, but data_offsets give 8.',
    ],
    [
      'the last byte cut off',
      good.subarray(0, good.length - 1),
      'the tensor "t" should end at byte 8 of the data, but the file has 7 bytes of data.',
      TRUNCATED,
    ],
    [
      'a claim of terabytes',
      t(f32([2 ** 40], 0, 2 ** 42)),
      'the tensor "t" should end at byte 4398046511104 of the data, but the file has 8 bytes of data.',
      TRUNCATED,
    ],
    [
      'an empty tensor beyond the end',
      t(f32([0], 12, 12)),
      'the tensor "t" should end at byte 12 of the data, but the file has 8 bytes of data.',
      TRUNCATED,
    ],
    ['one byte more', joined(good, [0]), 'the last 1 bytes of the file belong to no tensor.'],
    ['data without a tensor', fileOf({}, 5), 'the last 5 bytes of the file belong to no tensor.'],
    ['a hole at the start', t(f32([1], 4, 8)), 'bytes 0 to 4 of the data, before the tensor "t", belong to no tensor.'],
    [
      'a hole between two tensors',
      fileOf({ b: f32([2], 8, 16), a: f32([1], 0, 4) }, 16),
      'bytes 4 to 8 of the data, before the tensor "b", belong to no tensor.',
    ],
    [
      'overlapping tensors',
      fileOf({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12),
      'the tensor "b" begins at byte 4 of the data, inside the tensor "a", which ends at 8.',
    ],
    [
      'the same bytes twice',
      fileOf({ a: f32([2], 0, 8), b: f32([2], 0, 8) }, 8),
      'the tensor "b" begins at byte 0 of the data, inside the tensor "a", which ends at 8.',
    ],
    [
      'a bad entry by the name of __proto__',
      fileOf('{"__proto__":{"dtype":"F32"}}'),
      'the tensor "__proto__": shape should be a list, but is missing.',
    ],
    [
      'a dtype that objects inherit',
      raw('{"dtype":"constructor","shape":[2],"data_offsets":[0,8]}'),
      'the tensor "t": the dtype "constructor" is unknown.',
      'Convert it to one of F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, C64.',
    ],
    [
      'fields that only a prototype has',
      raw('{"__proto__":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
      'the tensor "t": dtype should be a string, but is missing.',
    ],
    [
      'a name of a thousand letters',
      fileOf({ [long]: 1 }),
      `the tensor "${'x'.repeat(80)}..." should be described by an object, but is 1.`,
    ],
  ];

  test.each(cases)('%s', (_, bytes, problem, help = DAMAGED) => {
    const error = thrown(() => readSafetensors(bytes, 'm.st'));
    expect(problemOf(error, 'INVALID_FILE')).toEqual({ code: 'INVALID_FILE', file: 'm.st', problem, help });
    expect(error.message).toBe(`m.st: ${problem} ${help}`);
  });

  test('no name given, no Uint8Array given', () => {
    expect(thrown(() => readSafetensors(new Uint8Array(1))).message).toMatch(/^safetensors file: it has 1 bytes/);
    const buffer = new ArrayBuffer(16) as unknown as Uint8Array;
    expect(thrown(() => readSafetensors(buffer)).message).toBe(
      'safetensors file: its content is not a Uint8Array. Wrap an ArrayBuffer: new Uint8Array(it).',
    );
  });

  test.each(['dtype', 'shape', 'data_offsets'])('a %s nested a million deep', (field) => {
    const deep = '['.repeat(1e6) + ']'.repeat(1e6);
    const entry = JSON.stringify({ ...f32([2], 0, 8), [field]: 'DEEP' }).replace('"DEEP"', deep);
    const error = thrown(() => readSafetensors(raw(entry), 'm.st'));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(field);
  });

  test('prototypes stay as they are', () => {
    const entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4],"__proto__":{"x":1}}';
    const file = fileOf(`{"__metadata__":{"__proto__":"m"},"__proto__":${entry}}`, 4);
    const { tensors, metadata } = readSafetensors(file);
    expect([...tensors.keys(), ...metadata.keys()]).toEqual(['__proto__', '__proto__']);
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });
});

describe('what cannot be written', () => {
  const one = Float32Array.of(1);
  const refused = (name: string, shape: readonly number[], data: unknown = one): string =>
    thrown(() => writeSafetensors([{ name, shape, data: data as Float32Array }])).message;

  test('names', () => {
    const twice = ['a', 'b', 'a'].map((name) => ({ name, shape: [1], data: one }));
    const taken = 'the name is taken. Give every tensor a name of its own.';
    const error = thrown(() => writeSafetensors(twice));
    expect(error.code).toBe('INVALID_DATA');
    expect(error.message).toBe(`tensor "a": ${taken}`);
    expect(refused('__metadata__', [1])).toBe(`tensor "__metadata__": ${taken}`);
    expect(refused('half \ud800', [1])).toMatch(/it contains half a surrogate pair\. Use well-formed Unicode text\.$/);
  });

  test('data that do not fill the shape', () => {
    const error = thrown(() => writeSafetensors([{ name: 'a', shape: [2, 3], data: one }]));
    expect(problemOf(error, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'a', expected: [2, 3], actual: [1] });
    expect(refused('a', [], new Float32Array(0))).toContain('must have shape [], got [0]'); // a scalar is one number
  });

  test.each([[[-1, -1]], [[0.5, 2]], [[Number.NaN]], [new Array(33).fill(1)], [[-0]]])('shape %j', (shape) => {
    const text = 'tensor "a": its shape is not a list of sizes. Give up to 32 whole numbers of at least 0.';
    expect(refused('a', shape)).toBe(text);
  });

  test.each([[Int32Array.of(1), 'Int32Array'] as const, [[1], 'Array'] as const])(
    'data of another type',
    (data, type) => {
      expect(refused('a', [1], data)).toBe(
        `tensor "a": its data is of type ${type}. Give a Float32Array or a Float64Array.`,
      );
    },
  );

  test('metadata', () => {
    const bad = { n: 1 } as unknown as Record<string, string>;
    expect(thrown(() => writeSafetensors([], bad)).message).toBe(
      'metadata "n": it is not a string. Use JSON.stringify.',
    );
    expect(thrown(() => writeSafetensors([], { a: '\udc00' })).code).toBe('INVALID_DATA');
    expect(thrown(() => writeSafetensors([], { a: 'x'.repeat(100_000_000) })).message).toBe(
      'safetensors: the header would have 100000032 bytes; the format allows 100000000. Shorten the metadata.',
    );
  });
});

// ---- properties

const sizes = fc.array(fc.nat({ max: 4 }), { maxLength: 4 });
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '7', 'toJSON'),
);
const tensorData = fc.record({ name: text, shape: sizes, wide: fc.boolean(), seed: fc.nat() }).chain((t) => {
  const length = t.shape.reduce((a, b) => a * b, 1);
  const limits = { minLength: length, maxLength: length };
  const data = t.wide ? fc.float64Array(limits) : fc.float32Array(limits);
  return data.map((values) => ({ name: t.name, shape: t.shape, data: values }));
});
const tensorList = fc.uniqueArray(tensorData, { selector: ({ name }) => name, maxLength: 5 });
const metadataRecord = fc.dictionary(text, text, { maxKeys: 4 });
const validFile = fc.tuple(tensorList, metadataRecord).map(([tensors, meta]) => writeSafetensors(tensors, meta));

/** One act of damage; `at` counts round the bytes. */
const damage = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), value: fc.integer({ min: 1, max: 255 }) }),
  fc.record({
    kind: fc.constant('set' as const),
    at: fc.nat(),
    value: fc.constantFrom(...utf8('0123456789-.e[]{},:" ')),
  }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(),
    value: fc.uint8Array({ minLength: 1, maxLength: 9 }),
  }),
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat(), value: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('truncate' as const), at: fc.nat(), value: fc.constant(0) }),
  fc.record({ kind: fc.constant('length' as const), at: fc.nat(), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ kind: fc.constant('length' as const), at: fc.nat(), value: fc.bigInt({ min: 0n, max: 400n }) }),
);
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

function damaged(bytes: Uint8Array, act: Damage): Uint8Array {
  const at = bytes.length === 0 ? 0 : act.at % bytes.length;
  const before = bytes.subarray(0, at);
  switch (act.kind) {
    case 'flip':
      return joined(before, [(bytes[at] ?? 0) ^ act.value], bytes.subarray(at + 1));
    case 'set':
      return joined(before, [act.value], bytes.subarray(at + 1));
    case 'insert':
      return joined(before, act.value, bytes.subarray(at));
    case 'delete':
      return joined(before, bytes.subarray(at + act.value));
    case 'truncate':
      return joined(before);
    case 'length':
      return joined(u64(act.value), bytes.subarray(8));
    default:
      return act satisfies never;
  }
}

const number = fc.oneof(
  fc.nat({ max: 40 }),
  fc.maxSafeNat(),
  fc.double(),
  fc.constantFrom(-1, -0, 0.5, 2 ** 53, 1e300),
);
const nearEntry = fc.record(
  {
    dtype: fc.oneof(fc.constantFrom('F32', 'F64', 'I8', 'BOOL', 'F16', 'toString'), fc.jsonValue()),
    shape: fc.oneof(
      fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
      fc.array(number, { maxLength: 40 }),
      fc.jsonValue(),
    ),
    data_offsets: fc.oneof(
      fc.tuple(fc.constantFrom(0, 4, 8), fc.constantFrom(0, 4, 8, 16)),
      fc.array(number, { maxLength: 3 }),
      fc.jsonValue(),
    ),
  },
  { requiredKeys: [] },
);
const nearHeader = fc.dictionary(
  fc.oneof(text, fc.constant('__metadata__')),
  fc.oneof({ arbitrary: nearEntry, weight: 5 }, { arbitrary: fc.jsonValue(), weight: 1 }),
  { maxKeys: 3 },
);

describe('properties', () => {
  test('any tensors and metadata come back as they were', () => {
    fc.assert(
      fc.property(tensorList, metadataRecord, (tensors, meta) => {
        const file = readSafetensors(writeSafetensors(tensors, meta));
        expect(new Map(file.metadata)).toEqual(new Map(Object.entries(meta)));
        expect(file.tensors.size).toBe(tensors.length);
        for (const { name, shape, data } of tensors) {
          const tensor = file.tensors.get(name)!;
          const values = tensorValues(tensor);
          expect([tensor.name, tensor.shape, values.BYTES_PER_ELEMENT]).toEqual([name, shape, data.BYTES_PER_ELEMENT]);
          expect(bitsOf(values)).toEqual(bitsOf(data));
        }
      }),
    );
  });

  test('a damaged file is read or refused', () => {
    const acts = fc.array(damage, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(validFile, acts, (bytes, list) => expectReadOrRefused(list.reduce(damaged, bytes))),
      { numRuns: 3000 },
    );
  });

  test('every truncation of a file is refused', () => {
    const bytes = writeSafetensors([{ name: 'a', shape: [3], data: Float64Array.of(1, 2, 3) }], { k: 'v' });
    for (let length = 0; length < bytes.length; length++) {
      expect(thrown(() => readSafetensors(bytes.subarray(0, length))).message).toContain('truncated');
    }
  });

  test('random bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectReadOrRefused(bytes)),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => expectReadOrRefused(fileOf(bytes))),
      { numRuns: 1000 },
    );
  });

  test('any JSON for a header is read or refused', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat({ max: 20 }), (json, length) => expectReadOrRefused(fileOf(json, length))),
      { numRuns: 1000 },
    );
  });

  test('a header that is nearly right is read or refused', () => {
    fc.assert(
      fc.property(nearHeader, fc.constantFrom(0, 4, 8, 16), (header, length) =>
        expectReadOrRefused(fileOf(header, length)),
      ),
      { numRuns: 3000 },
    );
  });
});
