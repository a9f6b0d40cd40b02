/** Models that Keras and TensorFlow.js made: the imported ones compute the same. fixtures/ has the scripts that make the files. */
import { describe, expect, it } from '@jest/globals';
import { deserializeModel } from '../../../src/create.js';
import { toModelFile } from '../../../src/interop/imports/finish.js';
import { importModel } from '../../../src/interop/imports/formats.js';
import { fixture, fixtureJson, partOf } from './support.js';

interface Expected {
  readonly inputs: number[][] | number[][][];
  readonly shape: number[];
  readonly outputs: number[];
}
const expected = {
  ...fixtureJson<Record<string, Expected>>('keras.json'),
  ...fixtureJson<Record<string, Expected>>('tfjs.json'),
};

const softmax = (row: number[]): number[] => {
  const largest = Math.max(...row);
  const powers = row.map((x) => Math.exp(x - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((x) => x / sum);
};
const sigmoid = (row: number[]): number[] => row.map((x) => 1 / (1 + Math.exp(-x)));
const identity = (row: number[]): number[] => row;

/** The largest difference between the outputs of an imported file and those of the program that made it. */
async function difference(path: string, name: string, end: (row: number[]) => number[]): Promise<number> {
  const { model } = await deserializeModel(toModelFile(await importModel(fixture(path), { part: partOf(path) })), {
    backend: 'reference',
  });
  const { inputs, shape, outputs } = expected[name]!;
  const { output } = await model.predict(Float32Array.from(inputs.flat(2)), {
    batchSize: inputs.length,
    batchFirst: true,
  });
  model.dispose();
  const width = shape.at(-1)!;
  const found = [...output.data];
  expect(found).toHaveLength(outputs.length);
  const rows = found.flatMap((_, i) => (i % width === 0 ? end(found.slice(i, i + width)) : []));
  return Math.max(...rows.map((value, i) => Math.abs(value - outputs[i]!)));
}

describe('an imported model computes what the program that made it computes', () => {
  it.each([
    ['Keras 3', 'tokens.keras', 'tokens', softmax],
    ['Keras 3, HDF5', 'tokens.h5', 'tokens', softmax],
    ['a functional model', 'functional.keras', 'functional', sigmoid],
    ['a functional model, HDF5', 'functional.h5', 'functional', sigmoid],
    ['the layout of Keras 2', 'keras2-layout.h5', 'keras2-layout.h5', sigmoid],
    ['the layout of Keras 2, newer HDF5', 'latest.h5', 'keras2-layout.h5', sigmoid],
    ['TensorFlow.js', 'tfjs-tokens/model.json', 'tfjs-tokens', softmax],
    ['BasicLSTMCell', 'magenta/weights_manifest.json', 'magenta', identity],
    ['BasicLSTMCell, NumPy', 'magenta/stored.npz', 'magenta', identity],
    ['BasicLSTMCell, NumPy, compressed', 'magenta/deflated.npz', 'magenta', identity],
  ] as const)('%s: %s', async (_, path, name, end) => {
    expect(await difference(path, name, end)).toBeLessThan(1e-6);
  });
});
