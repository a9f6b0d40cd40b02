/** State dicts of PyTorch: what is made of names and shapes. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parameterLayout } from '../../src/core/parameter-layout.js';
import type { LayerSpec, LstmSpec, ModelSpec } from '../../src/core/spec.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { toPytorch } from '../../src/interop/exports/pytorch.js';
import { toModelFile } from '../../src/interop/imports/finish.js';
import { fromPytorch } from '../../src/interop/imports/pytorch/index.js';
import { parseModel } from '../../src/interop/model-file.js';
import { readSafetensors, tensorValues } from '../../src/interop/safetensors.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { thrown } from '../support/errors.js';
import { modelSpecs } from '../support/model-specs.js';
import { testRandom } from '../support/random.js';

const size = fc.integer({ min: 1, max: 12 });

/** LSTM layers that one nn.LSTM computes. */
const stack = fc.record({
  levels: fc.integer({ min: 1, max: 3 }),
  hiddenSize: size,
  both: fc.boolean(),
  bias: fc.boolean(),
  projection: fc.option(size, { nil: undefined }),
  linear: fc.option(size, { nil: undefined, freq: 1 }),
});

/** Specs that a state dict can express, each with the names of its modules. */
const specs = fc
  .record({
    tokens: fc.boolean(),
    width: size,
    stacks: fc.array(stack, { minLength: 1, maxLength: 2 }),
    headBias: fc.boolean(),
    tied: fc.boolean(),
  })
  .map(({ tokens, width, stacks, headBias, tied }) => {
    const layers: LayerSpec[] = tokens ? [{ kind: 'embedding', size: 7, width }] : [];
    const modules = tokens ? ['embedding'] : [];
    stacks.forEach(({ levels, hiddenSize, both, bias, projection, linear }, i) => {
      const name = i > 0 ? { name: 'decoder' } : {};
      const one: LstmSpec = {
        ...{ kind: 'lstm', hiddenSize },
        ...(projection !== undefined && { projectionSize: projection }),
        ...(both && { direction: 'bidirectional' }),
        ...(!bias && { bias: false }),
        ...name,
      };
      layers.push(...Array<LayerSpec>(levels).fill(one));
      modules.push(name.name ?? 'lstm');
      if (linear === undefined) return;
      layers.push({ kind: 'linear', size: linear, name: `between${i}` });
      modules.push(`between${i}`);
    });
    if (tokens && tied)
      layers.push({ kind: 'linear', size: width, name: 'down' }, { kind: 'linear', size: 7, tied: 'embedding' });
    else layers.push({ kind: 'linear', size: 3, ...(!headBias && { bias: false }) });
    modules.push(...(tokens && tied ? ['down', 'head'] : ['head']));
    return { spec: { ...(!tokens && { inputSize: width }), layers } as ModelSpec, modules };
  });

/** A model with random parameters. */
function randomModel(spec: ModelSpec) {
  const random = testRandom(5);
  const { entries } = parameterLayout(spec);
  const values = (count: number) => Float32Array.from({ length: count }, () => random.uniform() - 0.5);
  return { spec, parameters: new Map(entries.map((entry) => [entry.name, values(entry.size)])) };
}

/** The same tensors without the metadata, as PyTorch writes them when it saves the model again. */
function withoutMetadata(bytes: Uint8Array): Uint8Array {
  const { tensors } = readSafetensors(bytes);
  return writeSafetensors(
    [...tensors.values()].map((tensor) => ({ ...tensor, data: tensorValues(tensor) })),
    { format: 'pt' },
  );
}

describe('importing an export', () => {
  test('is the identity, bit for bit, for every model that PyTorch can express', () => {
    let count = 0;
    const characters = [...'abcde'];
    fc.assert(
      fc.property(modelSpecs, fc.boolean(), (spec, hasVocabulary) => {
        const isText = hasVocabulary && spec.layers[0]!.kind === 'embedding';
        const model = { ...randomModel(spec), vocabulary: isText ? new Vocabulary(characters) : null };
        let weights: Uint8Array;
        try {
          weights = toPytorch(model).weights;
        } catch {
          return; // the export refuses variants of the cell
        }
        count++;
        const imported = fromPytorch(weights);
        expect(imported).toMatchObject({ spec, parameters: model.parameters });
        expect(imported.parameters.size).toBe(model.parameters.size);
        expect(imported.vocabulary?.characters).toEqual(isText ? characters : undefined);
        expect(imported.layers.every(({ used }) => used)).toBe(true);
      }),
      { numRuns: 150, seed: 3 },
    );
    expect(count).toBeGreaterThan(15);
  });

  test('does not use metadata that do not belong to the tensors', () => {
    const model = randomModel({ inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3, bias: 'single' }] });
    const { weights } = toPytorch(model);
    expect(fromPytorch(weights).spec).toEqual(model.spec);
    const changed = weights.slice();
    changed[changed.length - 1]! ^= 1; // of the second bias, which is zero in an export
    const { spec, parameters } = fromPytorch(changed);
    expect(spec).toEqual({ inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] });
    expect(parameters.size).toBe(4);
  });

  test('that PyTorch has saved again is the identity, bit for bit, as far as names and shapes say', () => {
    let withoutOrder = 0;
    fc.assert(
      fc.property(specs, ({ spec, modules }) => {
        const model = randomModel(spec);
        const weights = withoutMetadata(toPytorch(model).weights);
        const named = fromPytorch(weights, { node: modules.join() });
        expect(named.spec).toEqual(spec);
        expect(named.parameters).toEqual(model.parameters);
        expect(parseModel(toModelFile(named))).toMatchObject({
          spec,
          precision: 'float32',
          parameters: model.parameters,
        });
        try {
          expect(fromPytorch(weights)).toMatchObject({ spec, parameters: model.parameters });
          withoutOrder++;
        } catch (error) {
          expect((error as Error).message).toMatch(/order of its modules is not known|a linear layer follows another/);
        }
      }),
      { numRuns: 60, seed: 7 },
    );
    expect(withoutOrder).toBeGreaterThan(20);
  });
});

const zeros = (name: string, ...shape: number[]) => ({
  name,
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});
const lstmTensors = (name: string, input: number, hidden: number) => [
  zeros(`${name}.weight_ih_l0`, 4 * hidden, input),
  zeros(`${name}.weight_hh_l0`, 4 * hidden, hidden),
  zeros(`${name}.bias_ih_l0`, 4 * hidden),
  zeros(`${name}.bias_hh_l0`, 4 * hidden),
];
const file = (...tensors: Parameters<typeof writeSafetensors>[0][number][]) => writeSafetensors(tensors);
const messageOf = (bytes: Uint8Array, node?: string): string =>
  thrown(() => fromPytorch(bytes, { file: 'm.safetensors', ...(node !== undefined && { node }) })).message;

describe('a report', () => {
  test('lists missing and unexpected tensors, and other shapes', () => {
    const [ih, hh, bias] = lstmTensors('rnn', 3, 2);
    const message = messageOf(file(ih!, hh!, bias!, zeros('rnn.weight_ih_l1', 8, 5), zeros('rnn.extra', 1)));
    expect(message).toBe(
      'm.safetensors: missing tensors: "rnn.bias_hh_l0" [8], "rnn.weight_hh_l1" [8, 2], "rnn.bias_ih_l1" [8], ' +
        '"rnn.bias_hh_l1" [8]; tensors of another shape: "rnn.weight_ih_l1" has shape [8, 5] instead of [8, 2]; ' +
        'unexpected tensors: "rnn.extra".',
    );
  });
});
