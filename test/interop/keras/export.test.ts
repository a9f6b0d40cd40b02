/** Models written for Keras. Keras 3.15.1 has read exported.keras: check_export.py records its outputs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ActivationSpec, CellSpec } from '../../../src/core/lstm/spec.js';
import { parameterLayout } from '../../../src/core/parameter-layout.js';
import type { LayerSpec, LstmSpec, ModelSpec } from '../../../src/core/spec.js';
import { deserializeModel } from '../../../src/create.js';
import { toKeras } from '../../../src/interop/exports/keras.js';
import { toModelFile } from '../../../src/interop/imports/finish.js';
import { fromKeras } from '../../../src/interop/imports/keras/index.js';
import { problemOf, thrown } from '../../support/errors.js';
import { testRandom } from '../../support/random.js';
import { FIXTURES, fixture, fixtureJson } from './support.js';

/** A model of a spec with random float32 parameters. */
function modelOf(spec: ModelSpec, seed = 3) {
  const random = testRandom(seed);
  const { entries } = parameterLayout(spec);
  const numbers = (size: number) => Float32Array.from({ length: size }, () => random.uniform() * 2 - 1);
  return { spec, parameters: new Map(entries.map(({ name, size }) => [name, numbers(size)])) };
}

const HARD = { kind: 'hardSigmoid', alpha: 1 / 6, beta: 0.5 } as const;

const EXPORTED: ModelSpec = {
  layers: [
    { kind: 'embedding', size: 7, width: 5 },
    { kind: 'dropout', rate: 0.1, shared: 'steps' },
    { kind: 'lstm', hiddenSize: 4, direction: 'bidirectional', name: 'both' },
    { kind: 'lstm', hiddenSize: 3, bias: 'single', recurrentDropout: 0.2 },
    {
      ...{ kind: 'lstm', hiddenSize: 4, bias: false, returns: 'last', direction: 'reverse' },
      cell: { activations: { gate: HARD, candidate: 'softsign', output: 'softsign' } },
    },
    { kind: 'repeat', steps: 3 },
    { kind: 'lstm', hiddenSize: 2, name: 'decoder', cell: { activations: { gate: 'elu' } } },
    {
      kind: 'lstm',
      hiddenSize: 3,
      name: 'decoder',
      cell: {
        activations: { candidate: { kind: 'leakyRelu', alpha: 0.2 }, output: { kind: 'leakyRelu', alpha: 0.2 } },
      },
    },
    { kind: 'linear', size: 4 },
    { kind: 'dropout', rate: 0.1 },
    { kind: 'linear', size: 2, bias: false },
  ],
};

describe('toKeras', () => {
  it('writes the file that Keras has read, and computes the same', async () => {
    const model = modelOf(EXPORTED);
    const bytes = toKeras(model);
    if (process.env.UNSPOOL_WRITE_FIXTURES) writeFileSync(join(FIXTURES, 'exported.keras'), bytes);
    expect(Buffer.compare(bytes, fixture('exported.keras'))).toBe(0);
    const { inputs, outputs } = fixtureJson<{ inputs: number[][]; outputs: number[] }>('exported.json');
    const { model: own } = await deserializeModel(toModelFile(model), { backend: 'reference' });
    const { output } = await own.predict(inputs.flat(), { batchSize: inputs.length, batchFirst: true });
    own.dispose();
    expect(output.data).toHaveLength(outputs.length);
    expect(Math.max(...[...output.data].map((value, i) => Math.abs(value - outputs[i]!)))).toBeLessThan(1e-6);
  });

  it('adds the two biases of a gate, and reads back the sum', async () => {
    const model = modelOf({ inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] });
    const { spec, parameters } = await fromKeras(toKeras(model));
    expect(spec.layers[0]).toEqual({ kind: 'lstm', hiddenSize: 3, bias: 'single' });
    const [one, other] = ['ih', 'hh'].map((part) => model.parameters.get(`lstm.bias_${part}_l0`)!);
    expect(parameters.get('lstm.bias_ih_l0')).toEqual(one!.map((value, i) => value + other![i]!));
  });

  it('writes a tied weight twice', async () => {
    const model = modelOf({
      layers: [
        { kind: 'embedding', size: 5, width: 3 },
        { kind: 'lstm', hiddenSize: 3 },
        { kind: 'linear', size: 5, tied: 'embedding' },
      ],
    });
    const { parameters } = await fromKeras(toKeras(model));
    expect(parameters.get('head.weight')).toEqual(model.parameters.get('embedding.weight'));
  });

  const lstm = (more: object): LayerSpec => ({ kind: 'lstm', hiddenSize: 2, ...more });
  it.each([
    ['a projection', [lstm({ projectionSize: 1 })], 'a projection'],
    ['peepholes', [lstm({ cell: { peepholes: true } })], 'peepholes'],
    ['layer normalization', [lstm({ cell: { layerNorm: true } })], 'layer normalization'],
    ['coupled gates', [lstm({ cell: { gates: 'coupled' } })], "the gates 'coupled'"],
    ['a clipped cell', [lstm({ cell: { clip: 3 } })], 'a clipped cell state'],
    ['zoneout', [lstm({ zoneout: 0.1 })], 'zoneout'],
    ['a learned state', [lstm({ initialState: 'learned' })], 'a learned initial state'],
    ['outputs of the reverse direction', [lstm({ direction: 'reverse' })], 'outputs of the reverse direction'],
    ['two activations', [lstm({ cell: { activations: { candidate: 'relu' } } })], 'two activations'],
    [
      "ONNX' hard sigmoid",
      [lstm({ cell: { activations: { gate: 'hardSigmoid' } } })],
      'the gate activation hardSigmoid',
    ],
    ['a repeated step', [{ kind: 'repeat', steps: 2 }, lstm({})], 'repeats the step of a sequence'],
  ] as const)('refuses %s', (_, layers, problem) => {
    const error = thrown(() => toKeras(modelOf({ inputSize: 2, layers })));
    expect(problemOf(error, 'INVALID_SETTING').problem).toContain(problem);
  });
});

const size = fc.integer({ min: 1, max: 6 });
const rate = fc.double({ min: 0.05, max: 0.9, noNaN: true });
const activation = fc.constantFrom<ActivationSpec[]>('relu', 'identity', 'elu', 'softsign', 'softplus', HARD, {
  kind: 'leakyRelu',
  alpha: 0.2,
} as const);
const cells = fc
  .record({ gate: activation, both: activation }, { requiredKeys: [] })
  .map(({ gate, both }): { cell?: CellSpec } => {
    if (gate === undefined && both === undefined) return {};
    return { cell: { activations: { ...(gate && { gate }), ...(both && { candidate: both, output: both }) } } };
  });

/** An LSTM that gives all steps, in the form that an import has. */
const steps = fc
  .record({
    hiddenSize: size,
    both: fc.boolean(),
    bias: fc.constantFrom('single' as const, false as const),
    cell: cells,
    name: fc.constantFrom('', 'rnn'),
    drop: fc.option(rate, { nil: 0 }),
  })
  .map(
    ({ hiddenSize, both, bias, cell, name, drop }): LstmSpec => ({
      ...{ kind: 'lstm', hiddenSize, bias, ...cell },
      ...(both && { direction: 'bidirectional' }),
      ...(name && { name }),
      ...(drop > 0 && { recurrentDropout: drop }),
    }),
  );
const dropout = fc
  .record({ rate, shared: fc.boolean() })
  .map(({ rate, shared }): LayerSpec => ({ kind: 'dropout', rate, ...(shared && { shared: 'steps' }) }));
const linear = fc.record({ size, bias: fc.boolean(), name: fc.constantFrom('', 'dense') }).map(
  ({ size, bias, name }): LayerSpec => ({
    kind: 'linear',
    size,
    ...(!bias && { bias: false }),
    ...(name && { name }),
  }),
);
const ending = fc.oneof(
  fc.constant<LayerSpec[]>([]),
  fc
    .record({ lstm: steps, reverse: fc.boolean(), again: fc.option(size) })
    .map(({ lstm, reverse, again }): LayerSpec[] => [
      { ...lstm, returns: 'last', ...(reverse && lstm.direction === undefined && { direction: 'reverse' }) },
      ...(again === null
        ? []
        : [{ kind: 'repeat', steps: again } as const, { kind: 'lstm', hiddenSize: 2, bias: 'single' } as const]),
    ]),
);
const specs = fc
  .record({
    tokens: fc.boolean(),
    width: size,
    body: fc.array(fc.oneof(steps, dropout, linear), { maxLength: 5 }),
    first: steps,
    ending,
    head: linear,
  })
  .map(({ tokens, width, body, first, ending, head }): ModelSpec => {
    const layers = [first, ...body, ...ending, head];
    const named = layers.filter(({ kind, name }) => kind === 'linear' && name === 'dense');
    // Two linear layers may not have one name.
    const own = layers.map((layer) =>
      named.indexOf(layer) > 0 ? { ...layer, name: `dense_x${named.indexOf(layer)}` } : layer,
    );
    if (tokens) return { layers: [{ kind: 'embedding', size: 7, width }, ...own] };
    return { inputSize: width, layers: own };
  });

describe('importing an export', () => {
  it('gives the same model, bit for bit', async () => {
    await fc.assert(
      fc.asyncProperty(specs, fc.nat(1e6), async (spec, seed) => {
        const model = modelOf(spec, seed);
        const bytes = toKeras(model);
        const imported = await fromKeras(bytes);
        expect(imported.spec).toEqual(spec);
        expect(imported.parameters).toEqual(model.parameters);
        expect(Buffer.compare(toKeras(imported), bytes)).toBe(0);
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});
