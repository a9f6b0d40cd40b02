/** Files that would cost much before they are rejected, and files of other formats. */
import { describe, expect, test } from '@jest/globals';
import { deserializeModel } from '../../src/create.js';
import { parseModel, serializeModel } from '../../src/interop/model-file.js';
import { readSafetensors, tensorValues } from '../../src/interop/safetensors.js';
import { bounded } from '../support/cost.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { f32, fileOf, joined, u64, utf8 } from './safetensors-support.js';

/** A model file with this spec, whose other tensors and data are those of a linear layer. */
const modelOf = (spec: string, tensors: object = {}, dataLength = 0): Uint8Array =>
  fileOf({ __metadata__: { format: 'unspool', version: '2', spec }, ...tensors }, dataLength);

const specOf = (layer: string, count: number): string =>
  `{"inputSize":1,"layers":[${Array(count).fill(layer).join()}]}`;
const ACTIVITY = '{"kind":"activity"}';
const LSTM = '{"kind":"lstm","hiddenSize":1}';

/** Bytes that follow a header of their length. */
const headerOf = (text: string): Uint8Array => {
  const bytes = utf8(text);
  return joined(u64(BigInt(bytes.length)), bytes);
};

const flat = (part: string, bytes: number): string => part.repeat(Math.floor(bytes / part.length));

const HOSTILE: readonly (readonly [why: string, file: () => Uint8Array, problem: string])[] = [
  ['nested lists', () => headerOf(`{"a":${'['.repeat(1e7)}${']'.repeat(1e7)}}`), 'its header is nested too deeply'],
  ['many empty lists', () => headerOf(`{"a":[${flat('[],', 2e7)}[]]}`), 'its header has more than 2000000 values'],
  ['many numbers', () => headerOf(`{"a":[${flat('1,', 2e7)}1]}`), 'its header has more than 2000000 values'],
  ['many names', () => headerOf(`{${flat('"a":1,', 2e7)}"b":1}`), 'its header has more than 2000000 values'],
  ['a text of quotes and backslashes', () => headerOf(`{"${'\\'.repeat(2e7)}":1}`), 'must be described by an object'],
  ['a text that does not end', () => headerOf(`{"${'\\"'.repeat(1e7)}`), 'its header is not valid JSON'],
  ['nested lists in the spec', () => modelOf('['.repeat(1e7)), 'the spec in its header is nested too deeply'],
  ['a million LSTM layers', () => modelOf(specOf(LSTM, 1e6)), 'the spec in its header has more than 2000000 values'],
  ['10,000 activity layers', () => modelOf(specOf(ACTIVITY, 10_000)), 'must be at most 1000 layers, got 10000'],
  ['100,000 activity layers', () => modelOf(specOf(ACTIVITY, 100_000)), 'must be at most 1000 layers, got 100000'],
  [
    '1000 LSTM layers without a tensor',
    () => modelOf(specOf(LSTM, 1000)),
    'the parameter lstm.weight_ih_l0 is missing',
  ],
  [
    'a layer of 2^24 units',
    () => modelOf('{"inputSize":16777216,"layers":[{"kind":"lstm","hiddenSize":16777216}]}'),
    'the parameter lstm.weight_ih_l0 is missing',
  ],
  [
    'the same tensor twice',
    () => fileOf(`{"t":${JSON.stringify(f32([1], 0, 4))},"t":1}`, 4),
    'has the same name twice',
  ],
  ['the same key twice in a tensor', () => fileOf('{"t":{"dtype":"F32","dtype":"F32"}}'), 'has the same name twice'],
  [
    'the same setting twice in the spec',
    () => modelOf('{"layers":[],"layers":[]}'),
    'the spec in its header has the same name twice in an object',
  ],
];

describe('a hostile file is rejected in bounded time:', () => {
  test.each(HOSTILE)('%s', async (_, make, problem) => {
    const bytes = make();
    const error = await bounded(() => rejected(() => deserializeModel(bytes, { backend: 'reference' }, 'm.st')));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(problem);
  });

  test('but 1000 layers are read in time', async () => {
    const head = { 'head.weight': f32([1, 1], 0, 4) };
    const layers = `{"kind":"linear","size":1,"bias":false},${Array(999).fill(ACTIVITY).join()}`;
    const { model } = await deserializeModel(modelOf(`{"inputSize":1,"layers":[${layers}]}`, head, 4));
    expect(model.spec.layers).toHaveLength(1000);
    model.dispose();
  });
});

const text = (latin1: string): Uint8Array => Uint8Array.from(latin1, (c) => c.charCodeAt(0));
const padded = (start: string): Uint8Array => joined(text(start), new Uint8Array(600).fill(200));

const OTHERS: readonly (readonly [bytes: Uint8Array, what: RegExp, help: RegExp])[] = [
  [new Uint8Array(0), /^it is empty\.$/, /Download or save it again/],
  [padded('PK\x03\x04....archive/data.pkl'), /PyTorch file \(\.pt, \.pth\), a zip archive/, /unspool import/],
  [padded('PK\x03\x04....model.weights.h5'), /Keras model \(\.keras\)/, /unspool import/],
  [padded('PK\x03\x04....arr_0.npy'), /NumPy arrays/, /save_file/],
  [padded('PK\x03\x04....a.txt'), /a zip archive/, /Unpack it first/],
  [padded('\x80\x02\x8a\x0al\xfc\x9cF'), /Python pickle/, /torch\.load/],
  [padded('\x08\x07\x12\x07pytorch'), /ONNX model/, /unspool import/],
  [padded('\x89HDF\r\n\x1a\n'), /HDF5 file.*Keras/, /unspool import/],
  [padded('\x1c\0\0\0TFL3'), /TensorFlow Lite/, /Keras model/],
  [padded('\x1f\x8b\x08'), /gzip archive/, /gunzip/],
  [padded('\x89PNG\r\n\x1a\n'), /PNG image/, /\.safetensors file/],
  [padded('%PDF-1.7'), /PDF/, /\.safetensors file/],
  [text('version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'), /Git LFS pointer/, /git lfs pull/],
  [text('<!-- a -->\n<!DOCTYPE html><html><title>404</title>'), /web page \(HTML\)/, /download the file itself/],
  [text('<html lang="en"><body>Please sign in</body></html>'), /web page \(HTML\)/, /download the file itself/],
  [text('<?xml version="1.0"?><a></a>'), /XML/, /\.safetensors file/],
  [text('{"inputSize": 1, "layers": []}'), /JSON text/, /createModel\(\)/],
  [text('Call me Ishmael.'), /plain text/, /\.safetensors file/],
  [text('\xff\xfea\0b\0c\0d\0'), /UTF-16/, /\.safetensors file/],
];

describe('a file of another format', () => {
  test.each(OTHERS)('%# is named, with a way to convert it', (bytes, what, help) => {
    const error = thrown(() => parseModel(bytes, 'm.st'));
    const problem = problemOf(error, 'INVALID_FILE');
    expect(problem.problem).toMatch(what);
    expect(problem.help).toMatch(help);
  });

  test('is not confused with a truncated model file, whose first bytes are a length', () => {
    for (const length of [0x0280, 0x8b1f, 0x0308, 0x4b50]) {
      const bytes = joined(u64(BigInt(length)), utf8('{"__metadata__":{"format":"unspool"'));
      expect(thrown(() => readSafetensors(bytes)).message).toContain('The file is truncated');
    }
  });
});

describe('what cannot be read again is not written:', () => {
  const model = {
    spec: { inputSize: 1, layers: [] },
    parameters: { layout: { entries: [] }, download: async () => new Map() },
  };
  const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
  test.each<[string, object]>([
    ['metadata.a', { metadata: { a: Number.NaN } }],
    ['metadata.a[1]', { metadata: { a: [1, undefined] } }],
    ['metadata.a.b', { metadata: { a: { b: new Map() } } }],
    ['metadata.when', { metadata: { when: new Date(0) } }],
    ['metadata.deep', { metadata: { deep: deep(200) } }],
    ['vocabulary', { vocabulary: 'abc' }],
    ['training', { training: { update: 1 } }],
    ['parts.vocabluary', { vocabluary: null }],
  ])('%s', async (path, parts) => {
    const error = await rejected(() => serializeModel(model as never, parts));
    expect(error.message).toMatch(new RegExp(`^${path.replace(/[[\].]/g, '\\$&')}`));
  });

  test('and a tensor that was not read is not converted', () => {
    expect(thrown(() => tensorValues({ name: 'a', dtype: 'F32', shape: [1], bytes: new Uint8Array(3) })).code).toBe(
      'INVALID_SETTING',
    );
  });
});
