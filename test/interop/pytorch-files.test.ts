/** Files that the real PyTorch has written (pytorch/make.py), and what it computes from them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { deserializeModel } from '../../src/create.js';
import { loadModel } from '../../src/infer/index.js';
import { toPytorch } from '../../src/interop/exports/pytorch.js';
import { toModelFile } from '../../src/interop/imports/finish.js';
import { importModel } from '../../src/interop/imports/formats.js';
import { fromPytorch } from '../../src/interop/imports/pytorch/index.js';
import { parseModel } from '../../src/interop/model-file.js';
import { problemOf, thrown } from '../support/errors.js';

const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(__dirname, 'pytorch', name)));
const BATCH = 3;

interface Expected {
  readonly inputs: readonly number[];
  readonly shape: readonly number[];
  readonly output: readonly number[];
}
const OUTPUTS = JSON.parse(new TextDecoder().decode(read('outputs.json'))) as Readonly<Record<string, Expected>>;

const largest = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Math.max(...Array.from(one, (value, i) => Math.abs(value - other[i]!)));

/** The largest differences of the engine and of unspool/infer from PyTorch. */
async function differences(bytes: Uint8Array, { inputs, shape, output }: Expected) {
  const { model } = await deserializeModel(bytes, { backend: 'reference' });
  const predicted = await model.predict(inputs, { batchSize: BATCH });
  model.dispose();
  expect(predicted.output.shape).toEqual(shape);
  const small = (await loadModel(bytes)).predict(inputs, { batchSize: BATCH });
  expect(small.output.shape).toEqual(shape);
  return [largest(predicted.output.data, output), largest(small.output.data, output)];
}

describe('a model that PyTorch has saved computes what PyTorch computes:', () => {
  test.each<[file: string, name: string, format: RegExp]>([
    ['language.pt', 'language', /\.pt/],
    ['language.sorted.safetensors', 'language', /safetensors/],
    ['checkpoint.pt', 'checkpoint', /\.pt/],
    ['projected.pt', 'projected', /\.pt/],
    ['tied.pt', 'tied', /\.pt/],
    ['half.pt', 'half', /\.pt/],
    ['bfloat16.pt', 'bfloat16', /\.pt/],
    ['cell.pt', 'cell', /\.pt/],
    ['bare.pt', 'bare', /\.pt/],
  ])('%s', async (file, name, format) => {
    const imported = await importModel(read(file), { file });
    expect(imported.format).toMatch(format);
    expect(imported.layers.every(({ used }) => used)).toBe(true);
    expect(imported.precision).toBe('float32');
    const [engine, infer] = await differences(toModelFile(imported), OUTPUTS[name]!);
    expect(engine).toBeLessThan(1e-6);
    expect(infer).toBeLessThan(1e-6);
  });

  test('double.pt, in float64', async () => {
    const imported = fromPytorch(read('double.pt'));
    expect(imported.precision).toBe('float64');
    const [engine, infer] = await differences(toModelFile(imported), OUTPUTS.double!);
    expect(engine).toBeLessThan(1e-12);
    expect(infer).toBeLessThan(1e-12);
  });

  test('a part of it: one module, or several in order', async () => {
    const lstm = fromPytorch(read('checkpoint.pt'), { node: 'lstm' });
    expect(lstm.spec.layers).toHaveLength(2);
    expect(lstm.layers.map(({ name, used }) => [name, used])).toEqual([
      ['lstm', true],
      ['head', false],
    ]);
    const both = fromPytorch(read('checkpoint.pt'), { node: 'lstm, head' });
    const [engine] = await differences(toModelFile(both), OUTPUTS.checkpoint!);
    expect(engine).toBeLessThan(1e-6);
  });
});

describe('the spec follows from names and shapes', () => {
  const specOf = (file: string, node?: string) => fromPytorch(read(file), node === undefined ? {} : { node }).spec;

  test('and shared weights stay shared', () => {
    expect(specOf('tied.pt')).toEqual({
      layers: [
        { kind: 'embedding', size: 9, width: 6 },
        { kind: 'lstm', hiddenSize: 6, bias: false },
        { kind: 'linear', size: 9, tied: 'embedding' },
      ],
    });
  });

  test('and modules keep their names', () => {
    const layer = { kind: 'lstm', hiddenSize: 8, projectionSize: 3, direction: 'bidirectional', name: 'a' };
    expect(specOf('projected.pt')).toEqual({
      inputSize: 4,
      layers: [layer, layer, { kind: 'linear', size: 2, bias: false, name: 'b' }],
    });
    expect(specOf('bare.pt')).toEqual({ inputSize: 3, layers: [{ kind: 'lstm', hiddenSize: 4 }] });
    expect(specOf('two.pt', 'ema')).toEqual(specOf('checkpoint.pt'));
    expect(specOf('two.pt', 'ema.lstm').layers).toHaveLength(2);
  });
});

describe('what is not imported is an error:', () => {
  const problem = (file: string, node?: string) =>
    thrown(() => fromPytorch(read(file), { file, ...(node !== undefined && { node }) }));

  test('layers that Unspool does not have, each with the reason', () => {
    const { problem: text, help } = problemOf(problem('mixed.pt'), 'INVALID_FILE');
    expect(text).toBe(
      [
        '4 of 6 layers cannot be imported.',
        'conv (Conv1d): Unspool has no convolution layer.',
        'norm (BatchNorm): Unspool has no batch normalization.',
        'gru (GRU): a GRU has three gates, an LSTM four.',
        'ln (LayerNorm): Unspool has no normalization layer.',
      ].join('\n  '),
    );
    expect(help).toBe('To import one LSTM without the rest, select it by name (--node): lstm.');
    const imported = fromPytorch(read('mixed.pt'), { node: 'lstm' });
    expect(imported.layers.filter(({ used }) => used).map(({ name }) => name)).toEqual(['lstm']);
    expect(problem('mixed.pt', 'ln').message).toMatch(/ln cannot be imported/);
  });

  test.each<[file: string, says: RegExp]>([
    ['two.pt', /it contains 2 state dicts: model, ema\. Select one \(--node\)\.$/],
    ['module.pt', /a Python object, "torch\.nn\.modules\.rnn\.LSTM".*torch\.save\(model\.state_dict\(\)/],
    ['script.pt', /a Python object, "__torch__.*torch\.jit\.save\(\).*torch\.save\(model\.state_dict\(\)/],
    ['legacy.pt', /a Python pickle.*torch\.save\(torch\.load\(path\)/],
    ['tokens.safetensors', /already a model of Unspool/],
  ])('%s', (file, says) => {
    expect(problem(file).message).toMatch(says);
  });

  test('a name that the file does not have', () => {
    expect(problem('bare.pt', 'lstm').code).toBe('INVALID_SETTING');
    expect(problem('two.pt', 'emma').message).toMatch(/no layer "emma"/);
    expect(problem('checkpoint.pt', 'lstm,heat').message).toMatch(/no layer "heat"\. Did you mean "head"/);
  });
});

describe('an export computes the same in PyTorch:', () => {
  test.each(['tokens', 'values'])('%s', async (name) => {
    const bytes = read(`${name}.safetensors`);
    const [engine] = await differences(bytes, OUTPUTS[`export ${name}`]!);
    expect(engine).toBeLessThan(1e-6);
    // PyTorch ran exactly these files.
    const { weights, loader } = toPytorch(parseModel(bytes), `${name}.pytorch.safetensors`);
    expect(loader).toBe(new TextDecoder().decode(read(`${name}.pytorch.py`)));
    expect(weights).toEqual(read(`${name}.pytorch.safetensors`));
  });
});
