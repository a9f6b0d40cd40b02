/** The files of unspool/infer, their numbers of other types, and its memory. */
import { describe, expect, jest, test } from '@jest/globals';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel, Vocabulary } from '../../src/index.js';
import { decodeBase64 } from '../../src/infer/base64.js';
import { requireCount, shown } from '../../src/infer/errors.js';
import { readModel, scaled } from '../../src/infer/file.js';
import { loadModel as loadPlain } from '../../src/infer/index.js';
import { loadModel as loadSimd } from '../../src/infer/simd.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { testRandom } from '../support/random.js';
import { fileOf, problemOf, type Tensor } from './support.js';

// First, because the compiled module is kept.
test('WebAssembly that a page forbids is an error that says what to do', async () => {
  const bytes = fileOf({});
  const real = WebAssembly.Module;
  try {
    WebAssembly.Module = class {
      constructor() {
        throw new Error('blocked');
      }
    } as never;
    expect(problemOf(() => loadSimd(bytes))).toBe(
      "INVALID_SETTING: WebAssembly with SIMD does not run here: Error: blocked. Allow script-src 'wasm-unsafe-eval', or use loadModel of unspool/infer.",
    );
  } finally {
    WebAssembly.Module = real;
  }
});

test('base64, with and without padding', () => {
  const random = testRandom(3);
  for (let length = 0; length < 20; length++) {
    const bytes = Buffer.from(random.integers(length, 256));
    const text = bytes.toString('base64');
    expect(Buffer.from(decodeBase64(text))).toEqual(bytes);
    expect(Buffer.from(decodeBase64(text.replaceAll('=', '')))).toEqual(bytes);
  }
});

describe('numbers of a file', () => {
  test('of half precision', () => {
    const halves = {
      15360: 1,
      49152: -2,
      1: 2 ** -24,
      1023: 1023 * 2 ** -24,
      1024: 2 ** -14,
      31743: 65504,
      13653: 0.333251953125,
    };
    const bits = Object.keys(halves).map(Number);
    const { read, precision } = readModel(fileOf({ w: ['F16', [bits.length], Uint16Array.from(bits)] }));
    expect([...read('w', [bits.length])]).toEqual(Object.values(halves)); // both by increasing bits
    expect(precision).toBe('float32');
    expect(Object.is(readModel(fileOf({ w: ['F16', [1], Uint16Array.of(0x8000)] })).read('w', [1])[0], -0)).toBe(true);
    for (const bad of [0x7c00, 0xfc00, 0x7e00]) {
      const { read } = readModel(fileOf({ w: ['F16', [1], Uint16Array.of(bad)] }));
      expect(problemOf(() => read('w', [1]))).toContain('has a weight that is not finite in w.');
    }
  });

  test('of 8-bit integers have a scale for each row', () => {
    expect([...scaled(Int8Array.of(1, -2, 3, 4, 5, -127), Float32Array.of(0.5, 2))]).toEqual([
      0.5, -1, 1.5, 8, 10, -254,
    ]);
    const values: Tensor = ['I8', [2, 3], Int8Array.of(1, -2, 3, 4, 5, -127)];
    const scales: Tensor = ['F32', [2], Float32Array.of(0.5, 2)];
    expect([...readModel(fileOf({ w: values, 'w.scale': scales })).read('w', [2, 3])]).toEqual([
      0.5, -1, 1.5, 8, 10, -254,
    ]);
    expect(problemOf(() => readModel(fileOf({ w: values })).read('w', [2, 3]))).toContain(
      'the parameter w.scale of shape [2].',
    );
  });

  test('are float64 if a weight is, but not if only a state of the training is', () => {
    const [single, double]: [Tensor, Tensor] = [
      ['F32', [1], Float32Array.of(1)],
      ['F64', [2], Float64Array.of(1, 2)],
    ];
    expect(readModel(fileOf({ a: single, 'training.m': double })).precision).toBe('float32');
    const { precision, read } = readModel(fileOf({ a: single, b: double }));
    expect([precision, read('b', [2])]).toEqual(['float64', Float64Array.of(1, 2)]);
    const unknown = readModel(
      fileOf({ a: ['BF16', [1], Uint16Array.of(1)], toString: ['F32', [2], Float32Array.of(1, 2)] as Tensor }),
    );
    expect(problemOf(() => unknown.read('a', [1]))).toContain('does not have the parameter a of shape [1].');
    expect([...unknown.read('toString', [2])]).toEqual([1, 2]);
    expect(problemOf(() => unknown.read('valueOf', []))).toContain('does not have the parameter valueOf');
  });
});

describe('what a file says about itself', () => {
  test('its characters and metadata, or none', async () => {
    const layers = [
      { kind: 'embedding', size: 3, width: 1 },
      { kind: 'lstm', hiddenSize: 1 },
    ] as const;
    const model = await createModel({ layers }, { backend: 'reference' });
    const vocabulary = new Vocabulary(['a', 'ä', '😀']);
    expect(loadPlain(await serializeModel(model, { vocabulary }))).toMatchObject({
      ...{ characters: ['a', 'ä', '😀'], tokens: 3, inputSize: 0, outputSize: 1 },
    });
    expect(readModel(fileOf({}))).toMatchObject({ characters: null, metadata: {} });
    expect(readModel(fileOf({}, { metadata: '{"a":1}' })).metadata).toEqual({ a: 1 });
    model.dispose();
  });

  test.each([
    [{ format: 'other' }, 'was not saved by Unspool'],
    [{ version: 2 }, 'has version 2 of the format, not "2"'],
    [{ version: { a: 1 } }, 'has version an object of the format, not "2"'],
    [{ version: 'x'.repeat(50) }, `has version ${'x'.repeat(40)} of the format, not "2"`],
    [{ vocabulary: '[' }, 'has a damaged vocabulary'],
    [{ metadata: '{' }, 'has a damaged metadata'],
    [{ spec: undefined }, 'has a damaged spec'],
    [{ spec: '[]' }, 'does not describe its layers'],
    [{ spec: '{"layers":{}}' }, 'does not describe its layers'],
    [{ spec: 'null' }, 'does not describe its layers'],
  ])('%j is refused', (about, problem) => {
    expect(problemOf(() => readModel(fileOf({}, about)))).toBe(
      `INVALID_FILE: The model file ${problem}. Save the model again with Unspool.`,
    );
  });

  test('a header of over 4 MiB, and what is not a header, are refused', () => {
    const truncated = 'is truncated or is not a safetensors file.';
    const withSize = (size: number, text: string, length = 8 + text.length): Uint8Array => {
      const out = new Uint8Array(length);
      new DataView(out.buffer).setBigUint64(0, BigInt(size), true);
      out.set(new TextEncoder().encode(text), 8);
      return out;
    };
    const large = 2 ** 22 + 1;
    expect(problemOf(() => readModel(withSize(large, '{}', 8 + large)))).toContain(truncated);
    for (const [size, text] of [
      [1, '{'],
      [3, '{}'],
      [2, '[]'],
      [0, ''],
    ] as const)
      expect(problemOf(() => readModel(withSize(size, text)))).toContain(truncated);
    expect(problemOf(() => readModel(withSize(2, '{}')))).toContain('was not saved by Unspool');
    expect(problemOf(() => readModel(withSize(2, '{x')))).toContain('has a damaged header');
    for (const wrong of [3, null, 'bytes', {}])
      expect(problemOf(() => loadPlain(wrong as never))).toMatch(
        /^INVALID_SETTING: bytes must be a Uint8Array with memory, got /,
      );
  });

  test('counts and values in messages', () => {
    for (const good of [1, 2 ** 24]) expect(() => requireCount('n', good)).not.toThrow();
    for (const bad of [0, -1, 1.5, 2 ** 24 + 1, '3', null])
      expect(problemOf(() => requireCount('n', bad))).toMatch(
        /^INVALID_SETTING: n must be an integer of at least 1, got /,
      );
    expect([shown(null), shown({}), shown('y'.repeat(41)), shown(undefined)]).toEqual([
      'null',
      'an object',
      'y'.repeat(40),
      'undefined',
    ]);
  });
});

describe('the memory of SIMD WebAssembly', () => {
  test('grows with the batch, and its blocks keep their numbers', async () => {
    const layers: ModelSpec['layers'] = [
      { kind: 'lstm', hiddenSize: 24 },
      { kind: 'lstm', hiddenSize: 8 },
      { kind: 'linear', size: 5 },
    ];
    const engine = await createModel({ seed: 2, inputSize: 3, layers }, { backend: 'reference' });
    const bytes = await serializeModel(engine);
    const [plain, simd] = [loadPlain(bytes), loadSimd(bytes)];
    const random = testRandom(4);
    for (const [T, N] of [
      [2, 1],
      [60, 40],
      [3, 2],
      [200, 40],
      [2, 1],
    ] as const) {
      const inputs = random.normals(T * N * 3);
      const [expected, found] = [plain, simd].map((model) => model.predict(inputs, { batchSize: N }).output.data);
      const differences = Array.from(found!, (value, i) => Math.abs(value - expected![i]!));
      expect(Math.max(...differences)).toBeLessThan(1e-6);
    }
    let needed = 0;
    const grow = jest.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(function (this: unknown, pages) {
      needed = Math.ceil(((this as WebAssembly.Memory).buffer.byteLength + pages * 65_536) / 2 ** 20);
      throw new RangeError('no memory');
    });
    expect(problemOf(() => simd.predict(new Float32Array(3 * 20_000), { batchSize: 20_000 }))).toBe(
      `OUT_OF_MEMORY: The model needs ${needed} MiB of WebAssembly memory. Predict fewer sequences together.`,
    );
    expect(needed).toBeGreaterThan(1);
    grow.mockRestore();
    engine.dispose();
  });
});
