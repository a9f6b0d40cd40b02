/** Random tensors, damaged files and random headers: read correctly, or INVALID_FILE. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UnspoolError } from '../../src/errors.js';
import { readSafetensors, tensorValues } from '../../src/interop/safetensors.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { problemOf, thrown } from '../support/errors.js';
import { bitsOf, fileOf, joined, u64, utf8 } from './safetensors-support.js';

/** Expects the bytes to be read, or to throw `INVALID_FILE` with a message. */
function expectReadOrInvalid(bytes: Uint8Array): void {
  try {
    const { tensors } = readSafetensors(bytes, 'f');
    for (const tensor of tensors.values()) expect(tensor.bytes.buffer).toBe(bytes.buffer);
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    expect(error.message).toMatch(/^f: .+\. .+\.$/s);
    expect(error.message.length).toBeLessThan(1000);
    problemOf(error, 'INVALID_FILE');
  }
}

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

/** One change to a file, at byte `at` modulo its length. */
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

describe('for random input', () => {
  test('any tensors and metadata come back unchanged', () => {
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

  test('a damaged file is read or is invalid', () => {
    const acts = fc.array(damage, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(validFile, acts, (bytes, list) => expectReadOrInvalid(list.reduce(damaged, bytes))),
      { numRuns: 3000 },
    );
  });

  test('every truncated file is invalid', () => {
    const bytes = writeSafetensors([{ name: 'a', shape: [3], data: Float64Array.of(1, 2, 3) }], { k: 'v' });
    for (let length = 0; length < bytes.length; length++) {
      const error = thrown(() => readSafetensors(bytes.subarray(0, length)));
      expect(error).toMatchObject({ code: 'INVALID_FILE' });
      if (length >= 8) expect(error.message).toContain('truncated'); // fewer bytes look like nothing or like a text
    }
  });

  test('random bytes are read or are invalid', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => expectReadOrInvalid(bytes)),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => expectReadOrInvalid(fileOf(bytes))),
      { numRuns: 1000 },
    );
  });

  test('any JSON as a header is read or is invalid', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat({ max: 20 }), (json, length) => expectReadOrInvalid(fileOf(json, length))),
      { numRuns: 1000 },
    );
  });

  test('an almost valid header is read or is invalid', () => {
    fc.assert(
      fc.property(nearHeader, fc.constantFrom(0, 4, 8, 16), (header, length) =>
        expectReadOrInvalid(fileOf(header, length)),
      ),
      { numRuns: 3000 },
    );
  });
});
