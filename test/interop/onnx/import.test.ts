/** ONNX files of other programs, and of Unspool, give models that compute what the files do. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { toOnnx } from '../../../src/interop/exports/onnx.js';
import { fromOnnx } from '../../../src/interop/imports/onnx/index.js';
import { expressible, inputsFor, withParameters } from './models.js';
import { bitsOf, difference, fixture, predicted, tensorFile, turned, withoutMetadata, withTensors } from './support.js';

describe("the LSTM cases of ONNX's own tests", () => {
  test.each([
    ['defaults', [1, 2], []],
    ['with_initial_bias', [1, 2, 3], []],
    // The sequence lengths are all T, and the initial states are zeros.
    ['with_peepholes', [1, 2, 3, 7], ['sequence lengths', 'initial state']],
    ['batchwise', [1, 2], ['batch first']],
  ] as const)('%s', async (name, weights, notes) => {
    const file = (part: string): Uint8Array => fixture('cases', name, part);
    const bytes = withTensors(
      file('model.onnx'),
      weights.map((i) => file(`input_${i}.pb`)),
    );
    const imported = fromOnnx(bytes);
    expect(imported.layers.map(({ kind, used }) => [kind, used])).toEqual([['LSTM', true]]);
    for (const note of notes) expect(imported.notes.join()).toContain(note);
    const [x, y] = [tensorFile(file('input_0.pb')), tensorFile(file('output_0.pb'))];
    const batchSize = x.shape[name === 'batchwise' ? 0 : 1]!;
    const { data } = await predicted(imported, x.values, batchSize);
    expect(difference(data, y.values)).toBeLessThan(1e-5);
  });
});

interface Case {
  readonly input: { readonly shape: number[]; readonly data: number[] };
  readonly output: { readonly shape: number[]; readonly data: number[] };
}
const CASES = JSON.parse(new TextDecoder().decode(fixture('torch.json'))) as Record<string, Case>;

describe('models that PyTorch exported', () => {
  test.each([
    ['classifier', 'batch first', ['embedding', 'lstm', 'lstm', 'linear']],
    ['last-step', 'batch first', ['linear', 'lstm', 'lstm', 'linear']],
    ['last-state', 'batch first', ['linear', 'lstm', 'lstm', 'linear']],
    ['both-ends', '', ['lstm', 'linear']],
    ['states', 'initial state', ['lstm']],
    ['cell', 'one step', ['lstm', 'linear']],
    ['gates', 'one step', ['lstm']],
  ] as const)('%s', async (name, note, kinds) => {
    const imported = fromOnnx(fixture('torch', `${name}.onnx`));
    expect(imported.spec.layers.map(({ kind }) => kind)).toEqual(kinds);
    expect(imported.notes.join()).toContain(note);
    if (note === '') expect(imported.notes).toEqual([]);
    const { input, output } = CASES[name]!;
    const isBatchFirst = note === 'batch first';
    const [outer, inner] = input.shape as [number, number];
    const inputs = isBatchFirst ? turned(input.data, outer, inner) : input.data;
    const batchSize = note === 'one step' || isBatchFirst ? outer : inner;
    const found = await predicted(imported, inputs, batchSize);
    const [T, N] = found.shape as [number, number];
    expect(difference(isBatchFirst ? turned([...found.data], T, N) : found.data, output.data)).toBeLessThan(1e-6);
  });
});

describe('models that Unspool exported', () => {
  test('importing an export gives the same spec and the same bits', () => {
    fc.assert(
      fc.property(expressible, fc.nat(), (spec, seed) => {
        const model = withParameters(spec, seed);
        const imported = fromOnnx(toOnnx(model));
        expect(imported.spec).toEqual(JSON.parse(JSON.stringify(spec)));
        expect(imported.notes).toEqual([]);
        expect(bitsOf(imported.parameters)).toEqual(bitsOf(model.parameters));
      }),
      { numRuns: 60, seed: 20 },
    );
  });

  test('without the metadata, the graph gives a model that computes the same', async () => {
    await fc.assert(
      fc.asyncProperty(expressible, fc.nat(), async (spec, seed) => {
        const model = withParameters(spec, seed);
        // The initial states of the file are inputs, so the graph does not have them.
        for (const [name, values] of model.parameters) if (/\.[hc]0_/.test(name)) values.fill(0);
        const imported = fromOnnx(withoutMetadata(toOnnx(model)));
        const { batchSize, inputs } = inputsFor(spec, seed);
        const plain = { ...imported, ...model };
        const expected = await predicted(plain, inputs, batchSize);
        const found = await predicted(imported, inputs, batchSize);
        expect(found).toEqual(expected);
      }),
      { numRuns: 20, seed: 21 },
    );
  });

  test('metadata that do not describe the graph are not used', () => {
    const model = withParameters({ inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] }, 1);
    const bytes = toOnnx(model);
    const text = new TextDecoder('latin1').decode(bytes);
    const at = text.indexOf('"hiddenSize":3') + '"hiddenSize":'.length;
    expect(fromOnnx(bytes.with(at, 0x34)).spec).toEqual({ inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] });
  });
});
