/** State dicts of PyTorch: what is made of names and shapes. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parameterLayout } from '../../src/core/parameter-layout.js';
import type { LayerSpec, LstmSpec, ModelSpec } from '../../src/core/spec.js';
import { toPytorch } from '../../src/interop/exports/pytorch.js';
import { toModelFile } from '../../src/interop/imports/finish.js';
import { fromPytorch } from '../../src/interop/imports/pytorch/index.js';
import { parseModel } from '../../src/interop/model-file.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { thrown } from '../support/errors.js';
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

describe('importing an export', () => {
  test('is the identity, bit for bit', () => {
    let withoutOrder = 0;
    fc.assert(
      fc.property(specs, ({ spec, modules }) => {
        const model = randomModel(spec);
        const { weights } = toPytorch(model);
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
