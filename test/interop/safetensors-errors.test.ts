/** Every way in which a safetensors file can be invalid, with its message. */
import { describe, expect, test } from '@jest/globals';
import { readSafetensors } from '../../src/interop/safetensors.js';
import { problemOf, thrown } from '../support/errors.js';
import { f32, fileOf, joined, u64, utf8 } from './safetensors-support.js';

const TRUNCATED = 'The file is truncated or is not a safetensors file: download or save it again.';
const DAMAGED = 'The file is damaged or was written incorrectly: download or save it again.';

interface Case {
  readonly why: string;
  readonly bytes: Uint8Array;
  readonly problem: string;
  readonly help?: string;
}

/** A file with one tensor "t", described by an object or by raw JSON. */
const t = (entry: unknown, length = 8): Uint8Array => fileOf({ t: entry }, length);
const raw = (entry: string, length = 8): Uint8Array => fileOf(`{"t":${entry}}`, length);
const good = fileOf({ t: f32([2], 0, 8) }, 8);
const long = 'x'.repeat(1000);
const CASES: readonly Case[] = [
  {
    why: 'an empty file',
    bytes: new Uint8Array(0),
    problem: 'it is empty.',
    help: 'Download or save it again.',
  },
  {
    why: 'a file of 7 bytes',
    bytes: new Uint8Array(7),
    problem: 'it has 7 bytes; a safetensors file has at least 8.',
    help: TRUNCATED,
  },
  {
    why: 'a header that is longer than the file',
    bytes: joined(u64(11n), utf8('{}        ')),
    problem: 'its first 8 bytes declare a header of 11 bytes, but 10 bytes follow.',
    help: TRUNCATED,
  },
  {
    why: 'a header of over 100 MB',
    bytes: joined(u64(100_000_001n), utf8('{}')),
    problem: 'its first 8 bytes declare a header of 100000001 bytes, but the format allows 100000000.',
    help: TRUNCATED,
  },
  {
    why: 'a header of 2^64 - 1 bytes',
    bytes: joined(u64(2n ** 64n - 1n), utf8('{}')),
    problem: 'its first 8 bytes declare a header of 18446744073709551615 bytes, but the format allows 100000000.',
    help: TRUNCATED,
  },
  { why: 'an empty header', bytes: fileOf(''), problem: 'its header does not begin with "{".', help: TRUNCATED },
  {
    why: 'an empty header before data',
    bytes: fileOf('', 8).fill(0x7b, 8),
    problem: 'its header does not begin with "{".',
    help: TRUNCATED,
  },
  {
    why: 'a header that is a list',
    bytes: fileOf('[]'),
    problem: 'its header does not begin with "{".',
    help: TRUNCATED,
  },
  {
    why: 'a header that starts with a space',
    bytes: fileOf(' {}'),
    problem: 'its header does not begin with "{".',
    help: TRUNCATED,
  },
  {
    why: 'a header with a byte order mark',
    bytes: fileOf('\ufeff{}'),
    problem: 'its header does not begin with "{".',
    help: TRUNCATED,
  },
  {
    why: 'a header that is not UTF-8',
    bytes: fileOf(joined(utf8('{"'), [0xff], utf8('":1}'))),
    problem: 'its header is not UTF-8 text.',
    help: TRUNCATED,
  },
  {
    why: 'a header that is not JSON',
    bytes: fileOf('{"a":}'),
    problem: 'its header is not valid JSON.',
    help: TRUNCATED,
  },
  { why: 'a header of two objects', bytes: fileOf('{}{}'), problem: 'its header is not valid JSON.', help: TRUNCATED },
  {
    why: 'metadata that are a list',
    bytes: fileOf({ __metadata__: [] }),
    problem: 'its __metadata__ must be an object, got a list of 0.',
  },
  {
    why: 'metadata that are null',
    bytes: fileOf({ __metadata__: null }),
    problem: 'its __metadata__ must be an object, got null.',
  },
  {
    why: 'metadata that are a string',
    bytes: fileOf({ __metadata__: 'a' }),
    problem: 'its __metadata__ must be an object, got "a".',
  },
  {
    why: 'a metadata value that is a number',
    bytes: fileOf({ __metadata__: { a: 1 } }),
    problem: '"a" in its __metadata__ must be a string, got 1.',
  },
  {
    why: 'a metadata value that is an object',
    bytes: fileOf({ __metadata__: { a: {} } }),
    problem: '"a" in its __metadata__ must be a string, got an object.',
  },
  { why: 'an entry that is null', bytes: t(null), problem: 'the tensor "t" must be described by an object, got null.' },
  {
    why: 'an entry that is a list',
    bytes: t([1, 2]),
    problem: 'the tensor "t" must be described by an object, got a list of 2.',
  },
  { why: 'an entry that is a number', bytes: t(3), problem: 'the tensor "t" must be described by an object, got 3.' },
  { why: 'an entry without dtype', bytes: t({}), problem: 'the tensor "t": dtype must be a string, got missing.' },
  {
    why: 'a dtype that is a number',
    bytes: t({ ...f32([2], 0, 8), dtype: 32 }),
    problem: 'the tensor "t": dtype must be a string, got 32.',
  },
  {
    why: 'an unknown dtype',
    bytes: t({ ...f32([2], 0, 8), dtype: 'Q4' }),
    problem: 'the tensor "t": the dtype "Q4" is unknown.',
    help: 'Convert it to one of F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, C64.',
  },
  {
    why: 'an entry without shape',
    bytes: t({ dtype: 'F32', data_offsets: [0, 8] }),
    problem: 'the tensor "t": shape must be a list, got missing.',
  },
  { why: 'a shape that is a number', bytes: t(f32(2, 0, 8)), problem: 'the tensor "t": shape must be a list, got 2.' },
  {
    why: 'a shape that is a string',
    bytes: t(f32('22', 0, 8)),
    problem: 'the tensor "t": shape must be a list, got "22".',
  },
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
  ).map(
    ([size, text]): Case => ({
      why: `a size of ${size}`,
      bytes: raw(`{"dtype":"F32","shape":[2,${size}],"data_offsets":[0,8]}`),
      problem: `the tensor "t": shape[1] must be an integer of at least 0, got ${text}.`,
    }),
  ),
  {
    why: 'more than 2^53 elements',
    bytes: t(f32([94906267, 94906267], 0, 8)),
    problem: 'the tensor "t": shape [94906267, 94906267] has more elements than a file can contain.',
  },
  {
    why: 'sizes whose product exceeds 2^53 before a 0',
    bytes: t(f32([2 ** 52, 2 ** 52, 0], 0, 0), 0),
    problem: 'the tensor "t": shape [4503599627370496, 4503599627370496, 0] has more elements than a file can contain.',
  },
  {
    why: 'more than 2^53 bytes',
    bytes: t(f32([2 ** 52], 0, 8)),
    problem: 'the tensor "t": shape [4503599627370496] has more elements than a file can contain.',
  },
  {
    why: 'a rank of 33',
    bytes: t(f32(new Array(33).fill(1), 0, 4), 4),
    problem: 'the tensor "t": shape has 33 dimensions; the maximum is 32.',
  },
  {
    why: 'a rank of a million',
    bytes: t(f32(new Array(1e6).fill(1), 0, 4), 4),
    problem: 'the tensor "t": shape has 1000000 dimensions; the maximum is 32.',
  },
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
  ).map(
    ([what, offsets, text]): Case => ({
      why: `offsets: ${what}`,
      bytes: t({ dtype: 'F32', shape: [2], data_offsets: offsets }),
      problem: `the tensor "t": data_offsets must be two integers of at least 0, got ${text}.`,
    }),
  ),
  {
    why: 'offsets in reverse order',
    bytes: t(f32([2], 8, 0)),
    problem: 'the tensor "t": data_offsets [8, 0] end before they begin.',
  },
  {
    why: 'too few bytes for the shape',
    bytes: t(f32([3], 0, 8)),
    problem: 'the tensor "t": shape [3] of F32 takes 12 bytes, but data_offsets give 8.',
  },
  {
    why: 'too many bytes for the shape',
    bytes: t({ dtype: 'BF16', shape: [], data_offsets: [0, 8] }),
    problem: 'the tensor "t": shape [] of BF16 takes 2 bytes, but data_offsets give 8.',
  },
  {
    why: 'the last byte cut off',
    bytes: good.subarray(0, good.length - 1),
    problem: 'the tensor "t" ends at byte 8 of the data, but the file has 7 bytes of data.',
    help: TRUNCATED,
  },
  {
    why: 'a declared size of terabytes',
    bytes: t(f32([2 ** 40], 0, 2 ** 42)),
    problem: 'the tensor "t" ends at byte 4398046511104 of the data, but the file has 8 bytes of data.',
    help: TRUNCATED,
  },
  {
    why: 'an empty tensor beyond the end',
    bytes: t(f32([0], 12, 12)),
    problem: 'the tensor "t" ends at byte 12 of the data, but the file has 8 bytes of data.',
    help: TRUNCATED,
  },
  {
    why: 'one byte after the last tensor',
    bytes: joined(good, [0]),
    problem: 'the last 1 bytes of the file do not belong to a tensor.',
  },
  {
    why: 'data without a tensor',
    bytes: fileOf({}, 5),
    problem: 'the last 5 bytes of the file do not belong to a tensor.',
  },
  {
    why: 'a gap before the first tensor',
    bytes: t(f32([1], 4, 8)),
    problem: 'bytes 0 to 4 of the data, before the tensor "t", do not belong to a tensor.',
  },
  {
    why: 'a gap between two tensors',
    bytes: fileOf({ b: f32([2], 8, 16), a: f32([1], 0, 4) }, 16),
    problem: 'bytes 4 to 8 of the data, before the tensor "b", do not belong to a tensor.',
  },
  {
    why: 'overlapping tensors',
    bytes: fileOf({ a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12),
    problem: 'the tensor "b" begins at byte 4 of the data, inside the tensor "a", which ends at 8.',
  },
  {
    why: 'two tensors with the same bytes',
    bytes: fileOf({ a: f32([2], 0, 8), b: f32([2], 0, 8) }, 8),
    problem: 'the tensor "b" begins at byte 0 of the data, inside the tensor "a", which ends at 8.',
  },
  {
    why: 'an invalid entry named __proto__',
    bytes: fileOf('{"__proto__":{"dtype":"F32"}}'),
    problem: 'the tensor "__proto__": shape must be a list, got missing.',
  },
  {
    why: 'a dtype that is a property of every object',
    bytes: raw('{"dtype":"constructor","shape":[2],"data_offsets":[0,8]}'),
    problem: 'the tensor "t": the dtype "constructor" is unknown.',
    help: 'Convert it to one of F64, F32, F16, BF16, F8_E4M3, F8_E5M2, I64, I32, I16, I8, U64, U32, U16, U8, BOOL, C64.',
  },
  {
    why: 'an entry whose fields are in its __proto__',
    bytes: raw('{"__proto__":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'),
    problem: 'the tensor "t": dtype must be a string, got missing.',
  },
  {
    why: 'an invalid entry with a name of 1000 letters, which is shortened',
    bytes: fileOf({ [long]: 1 }),
    problem: `the tensor "${'x'.repeat(80)}..." must be described by an object, got 1.`,
  },
];

describe('readSafetensors throws INVALID_FILE for', () => {
  test.each(CASES)('$why', ({ bytes, problem, help = DAMAGED }) => {
    const error = thrown(() => readSafetensors(bytes, 'm.st'));
    expect(problemOf(error, 'INVALID_FILE')).toEqual({ code: 'INVALID_FILE', file: 'm.st', problem, help });
    expect(error.message).toBe(`m.st: ${problem} ${help}`);
  });

  test('a file without a name, and an ArrayBuffer', () => {
    expect(thrown(() => readSafetensors(new Uint8Array(1))).message).toMatch(/^safetensors file: it has 1 bytes/);
    const buffer = new ArrayBuffer(16) as unknown as Uint8Array;
    expect(thrown(() => readSafetensors(buffer)).message).toBe(
      'safetensors file: its content is not a Uint8Array. Wrap an ArrayBuffer: new Uint8Array(buffer).',
    );
  });

  test.each(['dtype', 'shape', 'data_offsets'])('a %s that is nested a million times', (field) => {
    const deep = '['.repeat(1e6) + ']'.repeat(1e6);
    const entry = JSON.stringify({ ...f32([2], 0, 8), [field]: 'DEEP' }).replace('"DEEP"', deep);
    const error = thrown(() => readSafetensors(raw(entry), 'm.st'));
    expect(problemOf(error, 'INVALID_FILE').problem).toBe('its header is nested too deeply: more than 100 levels.');
  });

  test('names like __proto__ do not change prototypes', () => {
    const entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4],"__proto__":{"x":1}}';
    const file = fileOf(`{"__metadata__":{"__proto__":"m"},"__proto__":${entry}}`, 4);
    const { tensors, metadata } = readSafetensors(file);
    expect([...tensors.keys(), ...metadata.keys()]).toEqual(['__proto__', '__proto__']);
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
  });
});
