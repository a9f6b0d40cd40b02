/** The activations and the layers of unspool/infer, value by value and name by name. */
import { describe, expect, test } from '@jest/globals';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/index.js';
import { activation } from '../../src/infer/activations.js';
import { loadModel as loadPlain } from '../../src/infer/index.js';
import { buildLayers } from '../../src/infer/layers.js';
import { plainMachine } from '../../src/infer/machine.js';
import { serializeModel } from '../../src/interop/model-file.js';

import { problemOf } from './support.js';

const near = (value: number) => expect.closeTo(value, 9);

test.each<[string, object, readonly (readonly [x: number, y: number])[]]>([
  [
    'sigmoid',
    {},
    [
      [0, 0.5],
      [Math.log(3), 0.75],
      [-Math.log(3), 0.25],
      [-800, 0],
      [800, 1],
    ],
  ],
  ['tanh', {}, [[0.5, Math.tanh(0.5)]]],
  ['identity', {}, [[-3, -3]]],
  [
    'relu',
    {},
    [
      [-1, 0],
      [2, 2],
    ],
  ],
  ['affine', {}, [[3, 3]]],
  ['affine', { alpha: 2, beta: 0.5 }, [[3, 6.5]]],
  [
    'leakyRelu',
    {},
    [
      [-2, -0.02],
      [2, 2],
    ],
  ],
  [
    'leakyRelu',
    { alpha: 0.5 },
    [
      [-2, -1],
      [0, 0],
    ],
  ],
  [
    'thresholdedRelu',
    {},
    [
      [1, 0],
      [1.5, 1.5],
    ],
  ],
  [
    'thresholdedRelu',
    { alpha: 2 },
    [
      [1.5, 0],
      [3, 3],
    ],
  ],
  ['scaledTanh', {}, [[0.5, Math.tanh(0.5)]]],
  ['scaledTanh', { alpha: 2, beta: 3 }, [[0.5, 2 * Math.tanh(1.5)]]],
  [
    'hardSigmoid',
    {},
    [
      [0, 0.5],
      [1, 0.7],
      [3, 1],
      [-3, 0],
    ],
  ],
  ['hardSigmoid', { alpha: 0.5, beta: 0.25 }, [[1, 0.75]]],
  [
    'elu',
    {},
    [
      [1, 1],
      [-1, Math.exp(-1) - 1],
    ],
  ],
  ['elu', { alpha: 2 }, [[-1, 2 * Math.exp(-1) - 2]]],
  [
    'softsign',
    {},
    [
      [3, 0.75],
      [-1, -0.5],
      [Number.NEGATIVE_INFINITY, -1],
    ],
  ],
  [
    'softplus',
    {},
    [
      [0, Math.log(2)],
      [-1, Math.log(1 + Math.exp(-1))],
      [1000, 1000],
    ],
  ],
])('%s with %j', (kind, more, points) => {
  const act = activation({ kind, ...more } as never);
  for (const [x, y] of points) expect(act(x)).toEqual(near(y));
  if (Object.keys(more).length === 0) expect(activation(kind as never)(points[0]![0])).toBe(act(points[0]![0]));
  expect(problemOf(() => activation('toString' as never))).toContain('has an unknown activation, toString.');
});

describe('layers', () => {
  /** The parameters that the layers of a spec read, with their shapes. */
  function readBy(spec: ModelSpec): string[] {
    const names: string[] = [];
    const read = (name: string, shape: readonly number[]) => {
      names.push(`${name} ${shape.join('x')}`);
      return new Float32Array(shape.reduce((a, b) => a * b, 1));
    };
    const { outputSize, inputSize, tokens } = buildLayers({ spec, read }, plainMachine('float32'));
    return [`${tokens} ${inputSize} ${outputSize}`, ...names];
  }
  const lstm = (name: string, level: string, inputs: number, H = 2) => [
    `${name}.bias_hh_${level} ${4 * H}`,
    `${name}.weight_ih_${level} ${4 * H}x${inputs}`,
    `${name}.weight_hh_${level} ${4 * H}x${H}`,
    `${name}.bias_ih_${level} ${4 * H}`,
  ];

  test('read their parameters by the names of the engine', () => {
    const layers: ModelSpec['layers'] = [
      { kind: 'lstm', hiddenSize: 2, direction: 'bidirectional' },
      { kind: 'dropout', rate: 0.1, name: 'head' },
      { kind: 'lstm', hiddenSize: 2, name: 'own' },
      { kind: 'lstm', hiddenSize: 2, direction: 'reverse', bias: 'single' },
      { kind: 'linear', size: 5 },
      { kind: 'linear', size: 6, bias: false },
      { kind: 'lstm', hiddenSize: 2, bias: false, initialState: 'learned', projectionSize: 1 },
    ];
    expect(readBy({ inputSize: 3, layers })).toEqual([
      '0 3 1',
      ...[...lstm('lstm', 'l0', 3), ...lstm('lstm', 'l0_reverse', 3), ...lstm('own', 'l0', 4)],
      ...lstm('lstm', 'l1_reverse', 2).slice(1), // one bias
      ...['head2.weight 5x2', 'head2.bias 5', 'head3.weight 6x5'],
      ...['lstm.weight_ih_l2 8x6', 'lstm.weight_hh_l2 8x1', 'lstm.weight_hr_l2 1x2', 'lstm.h0_l2 1', 'lstm.c0_l2 2'],
    ]);
    const tied: ModelSpec['layers'] = [
      { kind: 'embedding', size: 7, width: 3 },
      { kind: 'lstm', hiddenSize: 3 },
      { kind: 'repeat', steps: 4 },
      { kind: 'linear', size: 7, tied: 'embedding' },
    ];
    expect(readBy({ layers: tied })).toEqual([
      ...['7 0 7', 'embedding.weight 7x3', ...lstm('lstm', 'l0', 3, 3), 'embedding.weight 7x3', 'head.bias 7'],
    ]);
    const variant = (cell: object) =>
      readBy({ inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 2, bias: false, cell }] }).sort();
    const standard = ['0 1 2', 'lstm.weight_ih_l0 8x1', 'lstm.weight_hh_l0 8x2'];
    expect(variant({ gateRecurrence: true })).toEqual([...standard, 'lstm.weight_gate_recurrence_l0 6x6'].sort());
    expect(variant({ peepholes: true, layerNorm: true })).toEqual(
      [
        ...standard,
        ...['ih', 'hh'].flatMap((of) => ['gain', 'bias'].map((part) => `lstm.norm_${part}_${of}_l0 8`)),
        ...['gain', 'bias'].map((part) => `lstm.norm_${part}_c_l0 2`),
        ...['i', 'f', 'o'].map((gate) => `lstm.peephole_${gate}_l0 2`),
      ].sort(),
    );
  });

  test('of sizes beyond 2^24, of no input, and without an LSTM are refused', () => {
    const of =
      (...layers: object[]) =>
      () =>
        readBy({ inputSize: 1, layers } as never);
    const lstm = { kind: 'lstm', hiddenSize: 1 };
    expect(of(lstm, { kind: 'repeat', steps: 2 ** 24 })).not.toThrow();
    expect(problemOf(of(lstm, { kind: 'repeat', steps: 2 ** 24 + 1 }))).toContain('unknown layer, layers[1].');
    for (const bad of [0, 1.5, '2', undefined])
      expect(problemOf(of({ kind: 'lstm', hiddenSize: bad }))).toContain('unknown layer, layers[0].');
    expect(problemOf(of({ kind: 'embedding', size: 2 }, lstm))).toContain('layers[0].');
    expect(problemOf(of({ kind: 'linear', size: 1 }))).toContain('has no LSTM.');
    expect(problemOf(of(null as never))).toContain('layers[0].');
    expect(problemOf(() => readBy({ layers: [lstm] } as never))).toContain('layers[0].');
  });

  test('a model that makes many steps of one has no step()', async () => {
    const layers: ModelSpec['layers'] = [
      { kind: 'lstm', hiddenSize: 2, returns: 'last' },
      { kind: 'repeat', steps: 3 },
    ];
    const engine = await createModel({ inputSize: 1, layers }, { backend: 'reference' });
    const model = loadPlain(await serializeModel(engine));
    expect(problemOf(() => model.step(model.initialState(), [1]))).toBe(
      'INVALID_SETTING: layers[1] makes many steps of one. Pass whole sequences to predict().',
    );
    const { data, shape } = model.predict([1, 2], { batchSize: 2, batchFirst: true }).output;
    expect(shape).toEqual([2, 3, 2]);
    expect([...data.subarray(0, 2)]).toEqual([...data.subarray(4, 6)]);
    expect([...data.subarray(0, 2)]).not.toEqual([...data.subarray(6, 8)]);
    for (const options of [null, { batchFirst: 1 }, { batchSize: 0 }])
      expect(problemOf(() => model.predict([1, 2], options as never))).toMatch(
        /^INVALID_SETTING: (options\.null|batch)/,
      );
    expect(problemOf(() => model.predict([1, 2], { lengths: [1, 1] }))).toContain(
      'lengths must have 1 numbers, got 2.',
    );
    expect(problemOf(() => model.predict([1, 2], { lengths: [0] }))).toContain(
      'must be an integer from 1 to 2, got 0.',
    );
    engine.dispose();
  });
});
