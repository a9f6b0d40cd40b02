/** The safetensors format: exact bytes, round trips and 16-bit numbers. */
import { describe, expect, test } from '@jest/globals';
import { readSafetensors, type TensorType, tensorValues } from '../../src/interop/safetensors.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { thrown } from '../support/errors.js';
import { bitsOf, f32, fileOf, joined, ofType, unaligned16, utf8 } from './safetensors-support.js';

describe('exact bytes', () => {
  test('a small file is written and read byte for byte', () => {
    const header = '{"__metadata__":{"by":"me"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    expect(header.length).toBe(83);
    const expected = joined(
      [88, 0, 0, 0, 0, 0, 0, 0], // 83 rounded up to a multiple of 8
      utf8(`${header}     `),
      [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], // 1 and -2
    );
    const written = writeSafetensors([{ name: 'a', shape: [1, 2], data: Float32Array.of(1, -2) }], { by: 'me' });
    expect([...written]).toEqual([...expected]);
    const { tensors, metadata } = readSafetensors(expected);
    expect([...metadata]).toEqual([['by', 'me']]);
    expect([...tensors.keys()]).toEqual(['a']);
    expect(tensors.get('a')).toMatchObject({ name: 'a', dtype: 'F32', shape: [1, 2] });
    expect([...tensorValues(tensors.get('a')!)]).toEqual([1, -2]);
  });

  test('an empty file has the bytes that the reference implementation writes', () => {
    const bytes = joined([8, 0, 0, 0, 0, 0, 0, 0], utf8('{}      '));
    expect([...writeSafetensors([])]).toEqual([...bytes]);
    expect(readSafetensors(bytes)).toEqual({ tensors: new Map(), metadata: new Map() });
  });

  test('a header in another order than the data, without padding and with unknown fields is read', () => {
    const file = fileOf({ b: { ...f32([1], 4, 8), more: [{}] }, a: f32([], 0, 4) }, 8);
    file.set([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], file.length - 8);
    const { tensors } = readSafetensors(file);
    expect([...tensors.keys()]).toEqual(['a', 'b']); // by position in the data
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
  test('float32 and float64 tensors of any shape and name, and metadata, come back bit for bit', () => {
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

  test('tensors keep their order, the data starts at a multiple of 8, and the bytes are reproducible', () => {
    const tensors = ['b', '10', 'a', '9'].map((name, i) => ({ name, shape: [i + 1], data: new Float32Array(i + 1) }));
    const bytes = writeSafetensors(tensors, { k: 'v' });
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(['b', '10', 'a', '9']);
    expect((bytes.length - 4 * 10) % 8).toBe(0);
    expect([...writeSafetensors(tensors, { k: 'v' })]).toEqual([...bytes]);
  });

  test('views of larger buffers are written and read', () => {
    const data = Float32Array.of(1, 2, 3, 4, 5).subarray(1, 4);
    const bytes = writeSafetensors([{ name: 'a', shape: [3], data }]);
    const inside = joined([1, 2, 3], bytes, [4]).subarray(3, 3 + bytes.length);
    expect([...tensorValues(readSafetensors(inside).tensors.get('a')!)]).toEqual([2, 3, 4]);
  });

  test('a Node Buffer, whose slice() does not copy, and shared memory are read', () => {
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

  test('tensorValues() returns a copy, and bytes are a view', () => {
    const bytes = writeSafetensors([{ name: 'a', shape: [2], data: Float64Array.of(1, 2) }]);
    const tensor = readSafetensors(bytes).tensors.get('a')!;
    tensorValues(tensor)[0] = 99;
    expect([...tensorValues(tensor)]).toEqual([1, 2]);
    expect(tensor.bytes.buffer).toBe(bytes.buffer);
  });
});

describe('16-bit floating point', () => {
  test('F16: zeros, subnormals, the largest number, infinities and NaN', () => {
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

  test('F16: all 65536 patterns have the value of the definition', () => {
    const values = tensorValues(ofType('F16', [65536], unaligned16(Array.from({ length: 65536 }, (_, i) => i))));
    // Each positive number is one increment above the previous one; the increment doubles every 1024 numbers.
    let expected = 0;
    for (let bits = 0; bits < 0x7c00; bits++) {
      if (values[bits] !== expected || !Object.is(values[bits | 0x8000], -expected))
        expect(values[bits]).toBe(expected);
      expected += 2 ** (Math.max(bits >> 10, 1) - 25);
    }
    expect(values.subarray(0x7c01, 0x8000).every(Number.isNaN)).toBe(true);
    expect(values.subarray(0xfc01).every(Number.isNaN)).toBe(true);
  });

  test('BF16: the upper half of a float32, including NaN payloads', () => {
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

  test.each<TensorType>(['I64', 'I32', 'I16', 'I8', 'U8', 'BOOL', 'F8_E4M3'])('%s is not supported', (dtype) => {
    expect(thrown(() => tensorValues(ofType(dtype, [8], new Uint8Array(64)), 'm.st')).message).toBe(
      `m.st: the tensor "t" has dtype ${dtype}, which is not a supported floating-point type. Convert it to F32 or F64.`,
    );
  });
});
