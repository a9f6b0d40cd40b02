/** The binary formats under the importers, byte by byte: protocol buffers and the bounded reading of HDF5 files. */
import { describe, expect, test } from '@jest/globals';
import { Hdf5Bytes } from '../../src/interop/hdf5/bytes.js';
import { message } from '../../src/interop/protobuf.js';
import { Message, readMessage } from '../../src/interop/protobuf-read.js';

const bytes = (...numbers: number[]): Uint8Array => Uint8Array.from(numbers);
const fail = (problem: string): never => {
  throw new Error(problem);
};
const read = (...numbers: number[]): Message => readMessage(bytes(...numbers), fail);
function problemOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return 'nothing';
}

describe('protocol buffers', () => {
  test('are written as the specification has them', () => {
    expect([...message([1, 150])]).toEqual([0x08, 0x96, 0x01]);
    expect([...message([2, 'testing'])]).toEqual([0x12, 7, ...Buffer.from('testing')]);
    expect([...message([1, -2])]).toEqual([0x08, 0xfe, ...new Array(8).fill(0xff), 0x01]);
    expect([...message([3, { float: 1 }], [4, { double: -2 }])]).toEqual([
      0x1d, 0, 0, 0x80, 0x3f, 0x21, 0, 0, 0, 0, 0, 0, 0, 0xc0,
    ]);
    expect([...message([20, bytes(1)])]).toEqual([0xa2, 0x01, 1, 1]);
    expect([...message([1, 127], [1, 128], [1, 2n ** 64n - 1n])]).toEqual([
      8,
      127,
      8,
      0x80,
      1,
      8,
      ...new Array(9).fill(0xff),
      1,
    ]);
  });

  test('are read as they are written', () => {
    const one = readMessage(
      message(
        [1, 7],
        [1, -3],
        [2, 'a'],
        [2, 'ä'],
        [3, { float: 0.5 }],
        [3, { float: -2 }],
        [5, message([1, 4])],
        [5, message([2, 'b'])],
      ),
      fail,
    );
    expect([one.integer(1), one.integer(9), one.integer(9, 5)]).toEqual([-3, 0, 5]);
    expect([one.integers(1), one.integers(9)]).toEqual([[7, -3], []]);
    expect([one.texts(2), one.text(2), one.text(9)]).toEqual([['a', 'ä'], 'ä', '']);
    expect([one.float(3), one.float(9), one.floats(3)]).toEqual([-2, 0, [0.5, -2]]);
    expect([one.has(1), one.has(9), one.message(9)]).toEqual([true, false, null]);
    const merged = one.message(5)!;
    expect([merged.integer(1), merged.text(2)]).toEqual([4, 'b']);
    expect(one.messages(5).map((each) => each.integer(1))).toEqual([4, 0]);
    const packed = readMessage(
      message([1, bytes(1, 0x80, 1, 3)], [1, 9], [2, new Uint8Array(Float32Array.of(1, 2).buffer)]),
      fail,
    );
    expect([packed.integers(1), packed.floats(2)]).toEqual([
      [1, 128, 3, 9],
      [1, 2],
    ]);
  });

  test('have integers of 64 bits', () => {
    const of = (value: bigint) => readMessage(message([1, value]), fail).integer(1);
    for (const value of [0n, 127n, 128n, 2n ** 49n - 1n, 2n ** 49n, 2n ** 53n, -1n, -(2n ** 53n)])
      expect(of(value)).toBe(Number(value));
    expect(read(0xf8, 0xff, 0xff, 0xff, 0x0f, 7).integer(2 ** 29 - 1)).toBe(7); // the largest field number
    expect(of(2n ** 63n)).toBe(-(2 ** 63));
    expect(of(2n ** 63n - 1n)).toBe(2 ** 63);
  });

  test.each<[string, () => unknown, string]>([
    [
      'a varint of eleven bytes',
      () => read(8, ...new Array(10).fill(0xff), 1),
      'it has a varint of more than ten bytes.',
    ],
    ['a varint without an end', () => read(8, 0x80), 'it is truncated'],
    ['a long varint without an end', () => read(8, ...new Array(8).fill(0xff)), 'it is truncated'],
    ['field 0', () => read(0, 1), 'a message has the field number 0.'],
    ['field 2^29', () => read(0x80, 0x80, 0x80, 0x80, 0x10, 1), 'a message has the field number 536870912.'],
    ['wire type 3', () => read(0x0b), 'a message has the wire type 3.'],
    ['bytes beyond the end', () => read(0x12, 2, 1), 'it is truncated'],
    ['four bytes beyond the end', () => read(0x1d, 1, 2, 3), 'it is truncated'],
    ['eight bytes beyond the end', () => read(0x19, 1, 2, 3, 4, 5, 6, 7), 'it is truncated'],
    ['a negative length', () => read(0x12, ...new Array(9).fill(0xff), 1), 'it is truncated'],
    ['bytes as an integer', () => read(0x0a, 0).integer(1), 'field 1 of a message is not a varint.'],
    ['an integer as bytes', () => read(0x08, 1).bytes(1), 'field 1 of a message is not bytes.'],
    ['an integer as floats', () => read(0x08, 1).floats(1), 'field 1 of a message is not four bytes.'],
    ['three bytes as a float', () => read(0x0a, 3, 1, 2, 3).float(1), 'field 1 of a message is not four bytes.'],
    ['four bytes as doubles', () => read(0x0d, 1, 2, 3, 4).fixed(1, 8), 'field 1 of a message is not eight bytes.'],
  ])('with %s are refused', (_, call, problem) => {
    expect(problemOf(call)).toContain(problem);
  });

  test('have at most as many fields as are left', () => {
    const context = { fail, fields: 3 };
    const three = message([1, 1], [1, 2], [1, 3]);
    expect(new Message(three, context).integers(1)).toEqual([1, 2, 3]);
    expect(problemOf(() => new Message(message([1, 1]), context))).toBe('it has more than 4,000,000 fields.');
  });
});

describe('bytes of an HDF5 file', () => {
  const file = (...numbers: number[]) => new Hdf5Bytes(bytes(...numbers), 'f');
  const whole = bytes(9, 1, 2, 3, 4, 5, 6, 7, 8, 9).subarray(1);

  test('are read where they are, little-endian, also within other bytes', () => {
    const one = new Hdf5Bytes(whole, 'f');
    expect(one.length).toBe(9);
    expect([one.u8(0), one.u8(8), one.u16(7), one.u32(5)]).toEqual([1, 9, 0x0908, 0x09080706]);
    expect([1, 2, 4].map((size) => one.sized(1, size))).toEqual([2, 0x0302, 0x05040302]);
    expect(file(1, 0, 0, 0, 0, 0, 0x1f, 0).sized(0, 8)).toBe(1 + 0x1f * 2 ** 48);
    expect([...one.copy(2, 3)]).toEqual([3, 4, 5]);
    expect([...one.copy(9, 0)]).toEqual([]);
  });

  test.each<[string, () => unknown]>([
    ['a byte', () => file(1).u8(1)],
    ['two bytes', () => file(1, 2).u16(1)],
    ['four bytes', () => file(1, 2, 3, 4).u32(1)],
    ['eight bytes', () => file(1, 2, 3, 4, 5, 6, 7).u64(0)],
    ['an address', () => file(1, 2, 3, 4, 5, 6, 7).address(0)],
    ['a copy', () => file(1, 2).copy(1, 2)],
    ['a copy of a negative size', () => file(1, 2).copy(1, -1)],
    ['a place before the file', () => file(1, 2).u8(-1)],
    ['a signature', () => file(0x54, 0x52).signature(0, 'TREE')],
    ['NaN', () => file(1, 2).requireWithin(Number.NaN, 1)],
  ])('%s outside of the file is refused', (_, call) => {
    expect(problemOf(call)).toMatch(
      /^f: it is damaged: it refers to -?\w+ bytes at -?\w+, but has \d bytes\. Download or save it again\.$/,
    );
  });

  test('addresses, numbers, names and signatures', () => {
    const none = file(...new Array(8).fill(0xff));
    expect(none.address(0)).toBeNull();
    expect(problemOf(() => none.u64(0))).toContain('the number at 0 is too large: 18446744073709551615');
    expect(file(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0).address(0)).toBe(Number.MAX_SAFE_INTEGER);
    expect(problemOf(() => file(0, 0, 0, 0, 0, 0, 0x20, 0).u64(0))).toContain('is too large: 9007199254740992');
    const text = new Hdf5Bytes(new TextEncoder().encode('TREEä\0xy'), 'f');
    text.signature(0, 'TREE');
    expect(problemOf(() => text.signature(1, 'TREE'))).toContain('byte 1 does not begin with TREE');
    expect([text.text(4, 5), text.text(0, 4), text.text(7, 2)]).toEqual(['ä', 'TREE', 'xy']);
    expect(text.terminated(0, 9)).toBe('TREEä');
    expect(problemOf(() => text.terminated(7, 9))).toContain('the name at 7 does not end');
    const long = (length: number) => new Hdf5Bytes(new Uint8Array(2000).fill(97, 0, length), 'f').terminated(0, 2000);
    expect(long(1023)).toHaveLength(1023);
    expect(problemOf(() => long(1024))).toContain('the name at 0 does not end');
  });

  test('weights are together at most the file; the work is limited', () => {
    const one = file(1, 2, 3, 4);
    expect([...one.weight(0, 3), ...one.weight(0, 1)]).toEqual([1, 2, 3, 1]);
    expect(problemOf(() => one.weight(0, 1))).toContain('its weights overlap: together they are larger than the file');
    const busy = file(...new Array(64).fill(97));
    busy.spend(999_998);
    busy.spend();
    expect(busy.text(0, 64)).toHaveLength(64); // one more
    expect(problemOf(() => busy.spend())).toContain(
      'reading it takes more than 1000000 steps; a file of Keras takes a few thousand.',
    );
  });
});
