/** The parts that readers of other formats share, one by one: contents, half precision, bounded JSON, and what an import checks. */
import { describe, expect, test } from '@jest/globals';
import { parseBounded } from '../../src/interop/bounded-json.js';
import { beginsAsModel, contentOf } from '../../src/interop/content.js';
import { halfBits, halfValue } from '../../src/interop/half.js';
import { importFrom, toModelFile, unknownNode } from '../../src/interop/imports/finish.js';
import { importModel } from '../../src/interop/imports/formats.js';
import type { Draft, ForeignLayer } from '../../src/interop/imports/imported.js';
import { listed, selection } from '../../src/interop/imports/report.js';
import { joined } from '../../src/interop/joined.js';
import { parseModel } from '../../src/interop/model-file.js';
import { rejected, thrown } from '../support/errors.js';

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

describe('the content of a file', () => {
  const zip = (names: string) => `PK\x03\x04${names}`;
  test.each<[string, string, string | undefined]>([
    ['', 'empty', undefined],
    ['\x89HDF\r\n\x1a\n', 'an HDF5 file, such as a Keras model (.h5)', 'hdf5'],
    ['\x1f\x8bx', 'a gzip archive', undefined],
    [zip('m/data.pkl'), 'a PyTorch file (.pt, .pth), a zip archive', 'pytorch'],
    [zip('model.weights.h5'), 'a Keras model (.keras), a zip archive', 'keras'],
    [zip('a.npy'), 'NumPy arrays (.npz)', 'npz'],
    [`PK\x05\x06${' '.repeat(2000)}a.npy`, 'NumPy arrays (.npz)', 'npz'], // a name in the last bytes only
    [zip(`${' '.repeat(1100)}a.npy${' '.repeat(65_536)}`), 'a zip archive', undefined],
    [zip('other'), 'a zip archive', undefined],
    ['\x80\x02}', 'a Python pickle, as PyTorch before 1.6 wrote it (.pt, .pth, .bin)', 'pickle'],
    ['\x80\x05}', 'a Python pickle, as PyTorch before 1.6 wrote it (.pt, .pth, .bin)', 'pickle'],
    ['\x1c\0\0\0TFL3', 'a TensorFlow Lite model (.tflite)', undefined],
    [`${'a'.repeat(257)}ustar`, 'a tar archive', undefined],
    ['\xff\xfea\0', 'text in UTF-16', undefined],
    ['\xfe\xff\0a', 'text in UTF-16', undefined],
    ['\x08\x08\x12\x07pytorch', 'an ONNX model', 'onnx'],
    ['\x08\x03\x42\x01', 'an ONNX model', 'onnx'], // field 8
    ['\x08\x03\x28\x01', 'an ONNX model', 'onnx'], // field 5 is a number
    ['\x08\x1f\x12\x07', 'an ONNX model', 'onnx'],
    ['\x08\x01\x12\x07', 'a TensorFlow SavedModel (.pb)', undefined],
    ['<!DOCTYPE html><html>', 'a web page (HTML), probably an error page instead of a download', undefined],
    [' \n<head>', 'a web page (HTML), probably an error page instead of a download', undefined],
    ['<svg>', 'XML text', undefined],
    ['[{"paths": []}]', 'a TensorFlow.js model (model.json)', 'tfjs'],
    ['[ { "weights":[]}]', 'a TensorFlow.js model (model.json)', 'tfjs'],
    ['{"a":1,"weightsManifest":[]}', 'a TensorFlow.js model (model.json)', 'tfjs'],
    ['{"format":"unspool-json","version":1}', 'a model that Unspool exported as JSON', 'json'],
    ['{"a":1}', 'JSON text', undefined],
    ['[1]', 'JSON text', undefined],
    ['the whale', 'plain text', undefined],
    [`${'a'.repeat(4095)}\xc3\xa4`, 'plain text', undefined], // a character that the first 4096 bytes cut
    ['version https://git-lfs.github.com/spec/v1', 'a Git LFS pointer, not the file itself', undefined],
  ])('%j is %s', (begin, what, format) => {
    const content = contentOf(latin1(begin))!;
    expect([content.what, content.format]).toEqual([what, format]);
  });

  test.each([
    '\x80\x01',
    '\x80\x06',
    '\x08\x02\x12\0',
    '\x08\x20\x12\0',
    '\x08\x08\x0a\0',
    '\x08\x08\x4a\0',
    '\x08\x08\x18\0',
    '\x09\x08\x12\0',
    '\x08\x01\x0a\0',
    '\xc3',
    'a\0b',
  ])('%j is not recognized', (begin) => {
    expect(contentOf(latin1(begin))).toBeNull();
  });

  test('begins as a model file with the length of a header below 4 GB', () => {
    const begin = (text: string) => beginsAsModel(latin1(text));
    expect(begin('\x10\xff\0\x01\0\0\0\0{')).toBe(true);
    for (const other of ['\x10\0\0\0\0\0\0\0[', '\x10\0\0\0\x01\0\0\0{', '\x10\0\0\0\0\0\0\x01{', '{'])
      expect(begin(other)).toBe(false);
    expect(contentOf(latin1('\x10\0\0\0\0\0\0\0{'))).toBeNull();
  });

  test('that is not a model is refused with its name, and what to do', async () => {
    const problem = async (text: string) => (await rejected(() => importModel(latin1(text), { file: 'f' }))).message;
    expect(await problem('\x89PNG\r\n\x1a\n')).toMatch(/^f: it is a PNG image, not a model\. Give a model file/);
    expect(await problem('\x80\x02}')).toMatch(
      /^f: it is a Python pickle.*: a pickle is a program, which is not run\. Save it/,
    );
  });
});

describe('half precision', () => {
  test('of all bits, there and back', () => {
    const view = new DataView(new ArrayBuffer(4));
    for (let bits = 0; bits < 1 << 16; bits++) {
      const value = halfValue(bits);
      const exponent = (bits >> 10) & 31;
      if (exponent === 31) {
        expect(value).toBe(
          (bits & 1023) > 0 ? Number.NaN : bits < 0x8000 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY,
        );
        continue;
      }
      if (exponent > 0) {
        // A normal number has the same fraction in single precision, whose exponent has another bias.
        view.setUint32(0, ((bits & 0x8000) << 16) | ((exponent + 112) << 23) | ((bits & 1023) << 13));
        if (value !== view.getFloat32(0)) throw new Error(`${bits}: ${value}`);
      } else if (Math.abs(value) !== (bits & 1023) * 2 ** -24) throw new Error(`${bits}: ${value}`);
      if (halfBits(value) !== bits) throw new Error(`${bits}: ${value} -> ${halfBits(value)}`);
    }
  });

  test('is rounded to the nearest, ties to even, and infinite from 65520 on', () => {
    expect([65519.99, 65520, -65520, 1e300].map(halfBits)).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7c00]);
    const unit = 2 ** -10;
    expect([1 + unit / 2, 1 + 1.5 * unit, 1 + 0.51 * unit, 2 - unit / 4].map(halfBits)).toEqual([
      0x3c00, 0x3c02, 0x3c01, 0x4000,
    ]);
    expect([2 ** -25, 1.5 * 2 ** -25, 3 * 2 ** -25, 2 ** -14 - 2 ** -26].map(halfBits)).toEqual([0, 1, 2, 0x400]);
  });
});

describe('bounded JSON', () => {
  const read = (text: string | Uint8Array): unknown => {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    try {
      return parseBounded(bytes, (problem) => {
        throw new Error(problem);
      });
    } catch (error) {
      return (error as Error).message;
    }
  };

  test('has at most 100 levels and 2,000,000 values', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expect(read(nested(100))).toHaveLength(1);
    expect(read(nested(101))).toBe('is nested too deeply: more than 100 levels');
    expect(read(`[${nested(99)},${nested(99)}]`)).toHaveLength(2); // one after the other
    const values = (count: number) => `[${'1,'.repeat(count - 1)}1]`;
    expect(read(values(2_000_000))).toHaveLength(2_000_000);
    expect(read(values(2_000_001))).toBe('has more than 2000000 values');
    const names = `{${Array.from({ length: 10 }, (_, i) => `"${i}":[1,2]`).join()}}`;
    expect(Object.keys(read(names) as object)).toHaveLength(10);
  });

  test('reads strings with quotes, brackets and escapes, and refuses names that occur twice', () => {
    for (const value of [{ 'a"]': ':[{,' }, ['\\', '\\"', '\\\\'], { a: { a: [{ a: null }] } }, 3, null, 'x'])
      expect(read(JSON.stringify(value))).toEqual(value);
    for (const twice of ['{"a":1,"a":2}', '[{"b":{"a":1,"\\u0061":2}}]'])
      expect(read(twice)).toBe('has the same name twice in an object');
    for (const bad of ['', '[1', '"a', '"a\\"', '{"a" 1}', '\ufeff{}']) expect(read(bad)).toBe('is not valid JSON');
    expect(read(Uint8Array.of(0x22, 0xff, 0x22))).toBe('is not UTF-8 text');
  });
});

describe('an import', () => {
  const layer = (name: string, rest: Partial<ForeignLayer> = {}): ForeignLayer => ({
    ...{ name, kind: 'LSTM', size: '1', problem: null },
    ...rest,
  });
  const spec = { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1, bias: false }] } as const;
  const parameters = (values: Float32Array | Float64Array) =>
    new Map([
      ['lstm.weight_ih_l0', values],
      ['lstm.weight_hh_l0', new Float32Array([5, 6, 7, 8])],
    ]);
  const draft = (values: Float32Array | Float64Array = new Float32Array([1, 2, 3, 4])): Draft => ({
    ...{ spec, parameters: parameters(values), used: ['a'], notes: ['n.'] },
  });
  const from = (layers: readonly ForeignLayer[], made = draft(), options: object = {}) =>
    importFrom({ format: 'a format', layers, read: () => made }, options);

  test('has the layers of the file, and is float64 if one parameter is', () => {
    const single = from([layer('a')]);
    expect(single).toMatchObject({ format: 'a format', precision: 'float32', vocabulary: null, notes: ['n.'] });
    expect(single.layers).toEqual([{ ...layer('a'), used: true }]);
    expect(single.parameters.get('lstm.weight_ih_l0')).toEqual(Float32Array.of(1, 2, 3, 4));
    const double = from([layer('a')], draft(new Float64Array([1, 2, 3, 0.1])));
    expect(double.precision).toBe('float64');
    expect(double.parameters.get('lstm.weight_ih_l0')).toEqual(Float64Array.of(1, 2, 3, 0.1));
    expect(double.parameters.get('lstm.weight_hh_l0')).toEqual(Float64Array.of(5, 6, 7, 8));
    expect(parseModel(toModelFile(single)).metadata).toEqual({ importedFrom: 'a format' });
    expect(parseModel(toModelFile({ spec, parameters: single.parameters })).metadata).toEqual({});
  });

  test('leaves no layer out silently, unless one is selected', () => {
    const message = (layers: readonly ForeignLayer[], options: object = {}) =>
      thrown(() => from(layers, draft(), options)).message;
    expect(message([layer('a'), layer('b', { kind: 'Conv', problem: 'it is new.' })])).toBe(
      'a format: 1 of 2 layers cannot be imported.\n  b (Conv): it is new.\nTo import one LSTM without the rest, select it by name (--node): a.',
    );
    expect(message([layer('a'), layer('c', { kind: 'Linear' })], { file: 'f' })).toBe(
      'f: 1 of 2 layers cannot be imported.\n  c (Linear): it is not part of the model.\nTo import one LSTM without the rest, select it by name (--node): a.',
    );
    const selected = from([layer('a'), layer('b', { problem: 'it is new.' })], draft(), { node: 'a' });
    expect(selected.layers.map(({ used }) => used)).toEqual([true, false]);
  });

  test('needs each parameter in its size, and finite', () => {
    const message = (values: Float32Array) => thrown(() => from([layer('a')], draft(values))).message;
    expect(message(new Float32Array(3))).toBe('a format: lstm.weight_ih_l0 has 3 numbers, but its model needs 4.');
    expect(message(new Float32Array([1, 2, 3, Number.NaN]))).toContain('NaN at index 3');
    const bad = { ...draft(), spec: { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 0 }] } as never };
    expect(thrown(() => from([layer('a')], bad)).message).toMatch(
      /^a format: its layers do not form a model: layers\[0\]\.hiddenSize/,
    );
  });

  test('names at most ten layers', () => {
    const names = Array.from({ length: 12 }, (_, i) => `l${i}`);
    expect(listed(names.slice(0, 10))).toBe(names.slice(0, 10).join(', '));
    expect(listed(names, '; ')).toBe(`${names.slice(0, 10).join('; ')}; and 2 more`);
    expect(selection([layer('a', { kind: 'Linear' }), layer('b', { problem: 'x.' })])).toBe('');
    expect(selection([layer('a', { kind: 'LSTM, 2 layers' })])).toContain('(--node): a.');
    expect(unknownNode('lsmt', [layer('lstm')]).message).toBe(
      'node: the file has no layer "lsmt". Did you mean "lstm"? The file has lstm.',
    );
    expect(unknownNode('x', []).message).toBe('node: the file has no layer "x". The file has no layers.');
  });

  test('joins parts, a single one without a copy', () => {
    const part = Uint8Array.of(1, 2);
    expect(joined([part])).toBe(part);
    expect([...joined([part, Uint8Array.of(), Uint8Array.of(3)])]).toEqual([1, 2, 3]);
    expect([...joined([])]).toEqual([]);
  });
});
