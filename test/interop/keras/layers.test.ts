/** What each layer of Keras around an LSTM becomes. */
import { describe, expect, test } from '@jest/globals';
import { convertLayer } from '../../../src/interop/imports/keras/layers.js';

const converted = (className: string, config: object, isLast = false) =>
  convertLayer({ name: 'x', className, config, problem: null } as never, { isLast } as never) as unknown as {
    kind: string;
    size: string;
    specs: object[];
    notes: string[];
    weights: { name: string; shape: (number | null)[] }[];
  };
const DENSE = { units: 4, activation: 'linear' };

describe('a layer becomes', () => {
  test.each([
    ['Dense', DENSE, [{ kind: 'linear', size: 4 }], '4 units'],
    ['Dense', { ...DENSE, use_bias: false }, [{ kind: 'linear', size: 4, bias: false }], '4 units'],
    ['Embedding', { input_dim: 5, output_dim: 3 }, [{ kind: 'embedding', size: 5, width: 3 }], '5 x 3'],
    ['Dropout', { rate: 0.3 }, [{ kind: 'dropout', rate: 0.3 }], 'rate 0.3'],
    ['Dropout', { rate: 0.3, noise_shape: [7, 1, 3] }, [{ kind: 'dropout', rate: 0.3, shared: 'steps' }], 'rate 0.3'],
    ['SpatialDropout1D', { rate: 0.3 }, [{ kind: 'dropout', rate: 0.3, shared: 'steps' }], 'rate 0.3'],
    ['RepeatVector', { n: 6 }, [{ kind: 'repeat', steps: 6 }], '6 steps'],
  ])('%s %j', (className, config, specs, size) => {
    expect(converted(className, config)).toMatchObject({ kind: className, specs, size, notes: [] });
  });

  test('none, where it computes nothing: a dropout of 0, and layers that act in training only', () => {
    for (const name of ['GaussianNoise', 'GaussianDropout', 'AlphaDropout', 'ActivityRegularization']) {
      expect(converted(name, {})).toMatchObject({ kind: name, notes: ['acts only in training, and is left out.'] });
      expect(converted(name, {}).specs ?? []).toEqual([]);
    }
    expect(converted('Dropout', { rate: 0 }).specs ?? []).toEqual([]);
  });

  test('weights of its shapes', () => {
    expect(converted('Dense', DENSE).weights).toEqual([
      { name: 'kernel', shape: [null, 4] },
      { name: 'bias', shape: [4] },
    ]);
    expect(converted('Dense', { ...DENSE, use_bias: false }).weights).toEqual([{ name: 'kernel', shape: [null, 4] }]);
    expect(converted('Embedding', { input_dim: 5, output_dim: 3 }).weights).toEqual([
      { name: 'embeddings', shape: [5, 3] },
    ]);
  });

  test('notes about masks, and about activations that a loss includes', () => {
    expect(converted('Embedding', { input_dim: 5, output_dim: 3, mask_zero: true }).notes).toHaveLength(1);
    expect(converted('Masking', {}).notes[0]).toContain('pass `lengths`');
    expect(converted('Softmax', {}, true).notes[0]).toContain('`softmaxCrossEntropy` includes it');
    expect(converted('Activation', { activation: 'sigmoid' }, true).notes[0]).toContain('`binaryCrossEntropy`');
    expect(converted('Activation', { activation: 'linear' })).toMatchObject({ size: 'linear', notes: [] });
    expect(converted('TimeDistributed', { layer: { class_name: 'Dense', config: DENSE } })).toMatchObject({
      kind: 'TimeDistributed(Dense)',
      specs: [{ kind: 'linear', size: 4 }],
    });
  });
});

test.each([
  ['Dropout', { rate: 0.3, noise_shape: [7, 2, 3] }, false, 'its noise_shape is not [N, 1, features].'],
  ['Dense', { units: 0 }, false, 'its units are missing.'],
  ['Dense', { units: 4, activation: {} }, true, 'its activation is custom code.'],
  ['Dense', { units: 4, activation: 'relu' }, true, 'Unspool has no activation "relu".'],
  ['Dense', { units: 4, activation: 'softmax' }, false, 'Unspool has no activation "softmax" between layers.'],
  ['Embedding', { input_dim: 5 }, false, 'its input_dim or output_dim is missing.'],
  ['Embedding', { output_dim: 5 }, false, 'its input_dim or output_dim is missing.'],
  ['RepeatVector', {}, false, 'its n is missing.'],
  ['TimeDistributed', {}, false, 'Unspool does not have its layer for each step.'],
  [
    'TimeDistributed',
    { layer: { class_name: 'LSTM', config: {} } },
    false,
    'Unspool does not have LSTM for each step.',
  ],
  ['SimpleRNN', {}, false, 'a simple RNN has no gates, an LSTM four.'],
  ['Conv1D', {}, false, 'Unspool does not have this layer.'],
])('%s %j (last: %j) is refused', (className, config, isLast, problem) => {
  expect(converted(className, config, isLast)).toBe(problem);
});
