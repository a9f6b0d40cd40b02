import { describe, expect, test } from '@jest/globals';
import { parameterLayout } from '../../src/core/parameter-layout.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { flat } from '../support/arrays.js';
import { problemOf, thrown } from '../support/errors.js';
import { build, lstm, TOKENS, VALUES } from './support.js';

describe('an invalid spec is rejected with the path of the error', () => {
  const one = (layer: object): unknown => ({ inputSize: 3, layers: [layer] });
  const cases: readonly (readonly [path: string, why: string, spec: unknown, text?: string])[] = [
    ['spec', 'null', null],
    ['spec', 'a string', 'lstm'],
    ['spec', 'a list', []],
    [
      'spec.hiddenSize',
      'unknown setting',
      { inputSize: 3, hiddenSize: 4, layers: [lstm(4)] },
      'Use seed, inputSize, layers',
    ],
    ['layers', 'no layers', { inputSize: 3 }],
    ['layers', 'empty list of layers', { inputSize: 3, layers: [] }],
    ['layers', 'an object instead of a list', { inputSize: 3, layers: lstm(4) }],
    ['layers[0]', 'a layer of null', one(null as unknown as object)],
    ['layers[1]', 'a layer that is a string', { inputSize: 3, layers: [lstm(4), 'linear'] }],
    [
      'layers[0].kind',
      'unknown kind',
      one({ kind: 'gru', hiddenSize: 4 }),
      'unknown layer kind "gru". Use one of embedding, lstm, linear',
    ],
    ['layers[0].kind', 'no kind', one({ hiddenSize: 4 })],
    ['layers[0].units', 'unknown setting', one({ ...lstm(4), units: 4 }), 'unknown setting'],
    ['layers[0].hiddenSize', 'no hiddenSize', one({ kind: 'lstm' }), 'got undefined'],
    ['layers[0].hiddenSize', 'zero units', one(lstm(0))],
    ['layers[0].hiddenSize', 'negative units', one(lstm(-4))],
    ['layers[0].hiddenSize', 'a fraction of units', one(lstm(2.5))],
    ['layers[0].hiddenSize', 'units are NaN', one(lstm(Number.NaN)), 'got NaN'],
    ['layers[0].hiddenSize', 'units are infinite', one(lstm(Number.POSITIVE_INFINITY))],
    ['layers[0].hiddenSize', 'more units than the limit', one(lstm(1e12)), 'from 1 to 16777216, got 1000000000000'],
    ['layers[0].hiddenSize', 'units as a string', one({ kind: 'lstm', hiddenSize: '4' }), 'got "4"'],
    ['layers[0].bias', 'a number instead of a boolean', one({ ...lstm(4), bias: 1 })],
    ['layers[0].bias', 'null instead of a boolean', one({ ...lstm(4), bias: null })],
    [
      'layers[0].returns',
      'unknown choice',
      one({ ...lstm(4), returns: 'first' }),
      "must be 'all' or 'last', got \"first\"",
    ],
    ['layers[0].name', 'a name that is a number', one({ ...lstm(4), name: 7 })],
    ['layers[0].name', 'an empty name', one({ ...lstm(4), name: '' })],
    ['layers[0].init', 'initializer instead of an object', one({ ...lstm(4), init: 'zeros' })],
    ['layers[0].init', 'null', one({ ...lstm(4), init: null })],
    [
      'layers[0].init.weight',
      'initializer of another kind of layer',
      one({ ...lstm(4), init: { weight: 'zeros' } }),
      'unknown setting',
    ],
    [
      'layers[0].init.input',
      'unknown initializer',
      one({ ...lstm(4), init: { input: 'glorot' } }),
      'unknown initializer "glorot"',
    ],
    ['layers[0].init.recurrent', 'a number as initializer', one({ ...lstm(4), init: { recurrent: 3 } })],
    ['layers[0].init.input', 'unknown kind of initializer', one({ ...lstm(4), init: { input: { kind: 'gamma' } } })],
    [
      'layers[0].init.input.bound',
      'negative bound',
      one({ ...lstm(4), init: { input: { kind: 'uniform', bound: -1 } } }),
    ],
    ['layers[0].init.input.std', 'no standard deviation', one({ ...lstm(4), init: { input: { kind: 'normal' } } })],
    [
      'layers[0].init.bias.value',
      'constant NaN',
      one({ ...lstm(4), init: { bias: { kind: 'constant', value: Number.NaN } } }),
    ],
    ['layers[0].init.forgetBias', 'forget bias as a string', one({ ...lstm(4), init: { forgetBias: '1' } })],
    [
      'layers[0].init.forgetBias',
      'infinite forget bias',
      one({ ...lstm(4), init: { forgetBias: Number.POSITIVE_INFINITY } }),
    ],
    ['layers[1].size', 'no size', { inputSize: 3, layers: [lstm(4), { kind: 'linear' }] }],
    ['layers[1].size', 'zero size', { inputSize: 3, layers: [lstm(4), { kind: 'linear', size: 0 }] }],
    [
      'layers[1].init.recurrent',
      'initializer that linear does not have',
      { inputSize: 3, layers: [lstm(4), { kind: 'linear', size: 2, init: { recurrent: 'ones' } }] },
    ],
    ['layers[0]', 'a single linear layer', one({ kind: 'linear', size: 2 }), 'Add an lstm layer'],
    [
      'layers[1]',
      'embedding after another layer',
      { inputSize: 3, layers: [lstm(4), { kind: 'embedding', size: 5, width: 2 }] },
      'first layer',
    ],
    ['layers[0].size', 'no tokens', { layers: [{ kind: 'embedding', size: 0, width: 2 }, lstm(4)] }],
    ['layers[0].width', 'no width', { layers: [{ kind: 'embedding', size: 5 }, lstm(4)] }],
    [
      'layers[0].init',
      'unknown initializer',
      { layers: [{ kind: 'embedding', size: 5, width: 2, init: 'random' }, lstm(4)] },
    ],
    ['inputSize', 'no inputSize', { layers: [lstm(4)] }, 'got undefined'],
    ['inputSize', 'zero inputSize', { inputSize: 0, layers: [lstm(4)] }],
    [
      'inputSize',
      'inputSize before an embedding',
      { inputSize: 3, layers: [{ kind: 'embedding', size: 5, width: 2 }, lstm(4)] },
      'is not used',
    ],
    [
      'layers[0].returns',
      'last step into another LSTM',
      { inputSize: 3, layers: [lstm(4, { returns: 'last' }), lstm(4)] },
      'no steps',
    ],
    [
      'layers[1].returns',
      'last step into an LSTM two layers later',
      { inputSize: 3, layers: [lstm(4), lstm(5, { returns: 'last' }), { kind: 'linear', size: 2 }, lstm(4)] },
    ],
    ['seed', 'negative seed', { seed: -1, inputSize: 3, layers: [lstm(4)] }],
    ['seed', 'seed as a string', { seed: 'one', inputSize: 3, layers: [lstm(4)] }],
  ];

  test.each(cases.map(([path, why, spec, text = '']) => ({ path, why, spec, text })))(
    '$path: $why',
    ({ path, spec, text }) => {
      for (const use of [() => build(spec as ModelSpec), () => parameterLayout(spec as ModelSpec)]) {
        const error = thrown(use);
        expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
        expect(error.message.startsWith(path)).toBe(true);
        expect(error.message).toContain(text);
      }
    },
  );

  test('a spec that is written as JSON and read again builds the same model', () => {
    const spec: ModelSpec = {
      seed: 3,
      inputSize: 2,
      layers: [
        lstm(3, { bias: true, returns: 'last', name: 'core', init: { recurrent: 'orthogonal', forgetBias: null } }),
        { kind: 'linear', size: 2, init: { weight: { kind: 'normal', std: 0.1 } } },
      ],
    };
    const again = JSON.parse(JSON.stringify(spec)) as ModelSpec;
    expect(flat(build(again).parameters.get('core.weight_hh_l0'))).toEqual(
      flat(build(spec).parameters.get('core.weight_hh_l0')),
    );
  });
});

describe('names and shapes', () => {
  const layout = (spec: ModelSpec) => parameterLayout(spec).entries.map((e) => `${e.name} ${e.shape.join('x')}`);

  test('are those of PyTorch, with numbered LSTM layers', () => {
    expect(layout(TOKENS)).toEqual([
      'embedding.weight 6x3',
      ...['lstm.weight_ih_l0 16x3', 'lstm.weight_hh_l0 16x4', 'lstm.bias_ih_l0 16', 'lstm.bias_hh_l0 16'],
      ...['lstm.weight_ih_l1 20x4', 'lstm.weight_hh_l1 20x5', 'lstm.bias_ih_l1 20', 'lstm.bias_hh_l1 20'],
      ...['head.weight 6x5', 'head.bias 6'],
    ]);
    expect(build(TOKENS).size).toBe(18 + (48 + 64 + 32) + (80 + 100 + 40) + 36);
    expect(build(TOKENS).outputSize).toBe(6);
  });

  test('layers without biases have no bias parameters', () => {
    const spec: ModelSpec = {
      inputSize: 2,
      layers: [lstm(3, { bias: false }), { kind: 'linear', size: 4, bias: false }],
    };
    expect(layout(spec)).toEqual(['lstm.weight_ih_l0 12x2', 'lstm.weight_hh_l0 12x3', 'head.weight 4x3']);
  });

  test('layers can have names, but not the same one', () => {
    const spec: ModelSpec = {
      inputSize: 2,
      layers: [
        lstm(3, { name: 'low' }),
        lstm(4, { name: 'high' }),
        { kind: 'linear', size: 5 },
        { kind: 'linear', size: 2 },
      ],
    };
    expect(layout(spec).filter((n) => n.includes('weight'))).toEqual([
      ...['low.weight_ih_l0 12x2', 'low.weight_hh_l0 12x3', 'high.weight_ih_l0 16x3', 'high.weight_hh_l0 16x4'],
      ...['head.weight 5x4', 'head2.weight 2x5'],
    ]);
  });

  test('parameter names are unique for all layer names', () => {
    const linear = (name?: string) => ({ kind: 'linear' as const, size: 4, ...(name ? { name } : {}) });
    for (const names of [
      [undefined, undefined, 'head2'],
      ['head2', undefined, undefined],
      ['a', 'a', 'a2', 'a2'],
    ]) {
      const entries = parameterLayout({ inputSize: 2, layers: [lstm(3), ...names.map(linear)] }).entries;
      expect(new Set(entries.map((e) => e.name)).size).toBe(entries.length);
    }
  });

  test('the error for an unknown parameter lists the existing ones', () => {
    const model = build(VALUES);
    const error = thrown(() => model.parameters.get('lstm.weight_ih_l2'));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe('lstm.weight_ih_l2');
    expect(error.message).toContain('lstm.weight_ih_l0, lstm.weight_hh_l0');
  });
});
