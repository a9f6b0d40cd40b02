/** What cannot be written as a safetensors file. */
import { describe, expect, test } from '@jest/globals';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { problemOf, thrown } from '../support/errors.js';

describe('writeSafetensors throws for', () => {
  const one = Float32Array.of(1);
  const errorOf = (name: string, shape: readonly number[], data: unknown = one): string =>
    thrown(() => writeSafetensors([{ name, shape, data: data as Float32Array }])).message;

  test('a name that is used twice, reserved or not well-formed', () => {
    const twice = ['a', 'b', 'a'].map((name) => ({ name, shape: [1], data: one }));
    const taken = 'the name is reserved or used twice. Give every tensor a different name.';
    const error = thrown(() => writeSafetensors(twice));
    expect(error.code).toBe('INVALID_DATA');
    expect(error.message).toBe(`tensor "a": ${taken}`);
    expect(errorOf('__metadata__', [1])).toBe(`tensor "__metadata__": ${taken}`);
    expect(errorOf('half \ud800', [1])).toMatch(/it contains half a surrogate pair\. Use well-formed Unicode text\.$/);
  });

  test('data that do not match the shape', () => {
    const error = thrown(() => writeSafetensors([{ name: 'a', shape: [2, 3], data: one }]));
    expect(problemOf(error, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'a', expected: [2, 3], actual: [1] });
    expect(errorOf('a', [], new Float32Array(0))).toContain('must have shape [], got [0]'); // a scalar is one number
  });

  test.each([
    { why: 'negative sizes', shape: [-1, -1] },
    { why: 'a fractional size', shape: [0.5, 2] },
    { why: 'NaN', shape: [Number.NaN] },
    { why: 'more than 32 sizes', shape: new Array<number>(33).fill(1) },
    { why: '-0', shape: [-0] },
  ])('a shape with $why', ({ shape }) => {
    const text = 'tensor "a": its shape must be a list of up to 32 integers of at least 0.';
    expect(errorOf('a', shape)).toBe(text);
  });

  test.each([
    [Int32Array.of(1), 'Int32Array'],
    [[1], 'Array'],
    [{ [Symbol.toStringTag]: 'Float32Array', length: 1 }, 'Float32Array'],
  ] as const)('data of another type', (data, type) => {
    expect(errorOf('a', [1], data)).toBe(
      `tensor "a": its data must be a Float32Array, a Float64Array or an Int8Array, got ${type}.`,
    );
  });

  test('metadata that are not strings, not well-formed or too long', () => {
    const bad = { n: 1 } as unknown as Record<string, string>;
    expect(thrown(() => writeSafetensors([], bad)).message).toBe('metadata "n" must be a string. Use JSON.stringify.');
    expect(thrown(() => writeSafetensors([], { a: '\udc00' })).code).toBe('INVALID_DATA');
    expect(thrown(() => writeSafetensors([], { a: 'x'.repeat(100_000_000) })).message).toBe(
      'safetensors: the header would have 100000032 bytes; the format allows 100000000. Shorten the metadata.',
    );
  });
});
