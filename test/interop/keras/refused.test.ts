/** What cannot be converted is refused with the reason; what a file contains is listed; one layer can be selected. */
import { describe, expect, it } from '@jest/globals';
import { parameterLayout } from '../../../src/core/parameter-layout.js';
import { writeHdf5 } from '../../../src/interop/hdf5/write.js';
import { importContents } from '../../../src/interop/imports/formats.js';
import { fromKeras } from '../../../src/interop/imports/keras/index.js';
import { writeZip } from '../../../src/interop/zip-write.js';
import { problemOf, rejected } from '../../support/errors.js';
import { fixture, fixtureJson, type GivenLayer, lstmLayer, partOf, tfjsModel, utf8 } from './support.js';

const DENSE: GivenLayer = {
  kind: 'Dense',
  config: { name: 'dense', units: 4, activation: 'linear', use_bias: true },
  weights: { kernel: [2, 4], bias: [4] },
};
const bidirectional = (config: object): GivenLayer => ({
  kind: 'Bidirectional',
  config: { name: 'both', merge_mode: 'concat', layer: { class_name: 'LSTM', config: lstmLayer().config }, ...config },
  weights: {
    kernel: [3, 8],
    recurrent_kernel: [2, 8],
    bias: [8],
    kernel2: [3, 8],
    recurrent_kernel2: [2, 8],
    bias2: [8],
  },
});
const GRU = { class_name: 'GRU', config: { name: 'gru' } };

const REFUSED: readonly (readonly [what: string, layers: readonly GivenLayer[], problem: string])[] = [
  ['outputs in reverse', [lstmLayer({ go_backwards: true })], 'go_backwards with return_sequences'],
  ['a returned state', [lstmLayer({ return_state: true })], 'return_state'],
  [
    'an unknown activation',
    [lstmLayer({ activation: 'swish' })],
    'its activation is "swish", which Unspool does not have',
  ],
  ['an activation of code', [lstmLayer({ recurrent_activation: { class_name: 'function' } })], 'is custom code'],
  ['no activation', [lstmLayer({ recurrent_activation: undefined })], 'its recurrent_activation is missing'],
  ['an inherited name as activation', [lstmLayer({ activation: '__proto__' })], 'its activation is "__proto__"'],
  ['no units', [lstmLayer({ units: '2' })], 'its units are missing'],
  ['a sum of directions', [bidirectional({ merge_mode: 'sum' })], 'its merge_mode is sum'],
  ['both directions of a GRU', [bidirectional({ layer: GRU })], 'it does not contain an LSTM, but GRU'],
  [
    'unlike directions',
    [bidirectional({ backward_layer: { class_name: 'LSTM', config: lstmLayer({ units: 3 }).config } })],
    'are not alike',
  ],
  ['a GRU', [{ kind: 'GRU', config: { name: 'gru' } }, DENSE], 'a GRU has three gates'],
  [
    'an activation between layers',
    [
      lstmLayer(),
      { ...DENSE, config: { ...DENSE.config, activation: 'relu' } },
      { kind: 'Dropout', config: { name: 'd', rate: 0.1 } },
      { ...DENSE, config: { ...DENSE.config, name: 'e' } },
    ],
    'has no activation "relu"',
  ],
  [
    'softmax before another layer',
    [lstmLayer(), { kind: 'Softmax', config: { name: 's' } }, DENSE],
    'has no activation "softmax" between layers',
  ],
  [
    'a normalization',
    [lstmLayer(), { kind: 'BatchNormalization', config: { name: 'norm' } }],
    'norm (BatchNormalization): Unspool has no batch normalization',
  ],
  ['a custom layer', [{ ...lstmLayer(), more: { registered_name: 'mine>LSTM' } }], 'it is a custom layer'],
  ['a model in a model', [{ kind: 'Sequential', config: { name: 'inner' } }], 'it is a model inside of the model'],
  [
    'another kernel',
    [{ ...lstmLayer(), weights: { kernel: [3, 4], recurrent_kernel: [2, 8], bias: [8] } }],
    '"lstm" must have the weights kernel [..., 8], recurrent_kernel [2, 8], bias [8], but has kernel [3, 4]',
  ],
  [
    'weights in another order',
    [{ ...lstmLayer(), weights: { recurrent_kernel: [2, 8], kernel: [2, 8], bias: [8] } }],
    'must have the weights',
  ],
  ['no weights', [{ ...lstmLayer(), weights: {} }], 'but has none'],
  [
    'layers of other widths',
    [lstmLayer(), { ...DENSE, weights: { kernel: [3, 4], bias: [4] } }],
    'dense.weight has 12 numbers, but its model needs 8',
  ],
  [
    'another input',
    [lstmLayer({ batch_input_shape: [null, null, 5] })],
    'its input has width 5, but the first kernel has 3 rows',
  ],
  ['two layers of one name', [lstmLayer(), lstmLayer()], 'two layers of the same name'],
  ['nothing', [], 'no layer with weights'],
];

describe('a Keras model is refused with the reason:', () => {
  it.each(REFUSED)('%s', async (_, layers, problem) => {
    const { bytes, part } = tfjsModel(layers);
    const error = await rejected(() => fromKeras(bytes, { part, file: 'model.json' }));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(problem);
    expect(error.message).toContain('model.json');
  });

  it('a hard sigmoid of an unknown version of Keras', async () => {
    const { bytes, part } = tfjsModel([lstmLayer({ recurrent_activation: 'hard_sigmoid' })], null);
    const { problem } = problemOf(await rejected(() => fromKeras(bytes, { part })), 'INVALID_FILE');
    expect(problem).toContain('0.2 x + 0.5 before Keras 3 and x / 6 + 0.5 since');
  });

  it('all layers that cannot be imported, in one error that names the LSTM', async () => {
    const { bytes, part } = tfjsModel([
      { kind: 'Conv1D', config: { name: 'conv' } },
      lstmLayer(),
      { kind: 'GRU', config: { name: 'gru' } },
    ]);
    const { problem, help } = problemOf(await rejected(() => fromKeras(bytes, { part })), 'INVALID_FILE');
    expect(problem).toMatch(/2 of 3 layers.*conv \(Conv1D\).*gru \(GRU\)/s);
    expect(help).toContain('lstm');
    const { spec, layers } = await fromKeras(bytes, { part, node: 'lstm' });
    expect(spec).toEqual({ inputSize: 3, layers: [{ kind: 'lstm', hiddenSize: 2, bias: 'single' }] });
    expect(layers.map(({ used }) => used)).toEqual([false, true, false]);
    const unknown = await rejected(() => fromKeras(bytes, { part, node: 'lstn' }));
    expect(unknown.message).toContain('Did you mean "lstm"');
  });
});

describe('the hard sigmoid', () => {
  it.each([
    ['tfjs-layers 4.22.0', 0.2],
    ['2.15.0', 0.2],
    ['3.15.1', 1 / 6],
  ])('of version %s has slope %d', async (version, alpha) => {
    const { bytes, part } = tfjsModel([lstmLayer({ recurrent_activation: 'hard_sigmoid' })], version);
    const { spec } = await fromKeras(bytes, { part });
    expect(spec.layers[0]).toMatchObject({
      cell: { activations: { gate: { kind: 'hardSigmoid', alpha, beta: 0.5 } } },
    });
  });
});

describe('what is imported', () => {
  it('has the names of Keras, except those that Unspool gives by itself, and lists what is different', async () => {
    const { spec, notes, layers } = await fromKeras(fixture('tokens.keras'));
    expect(spec.layers).toEqual([
      { kind: 'embedding', size: 7, width: 5 },
      { kind: 'lstm', hiddenSize: 4, bias: 'single', direction: 'bidirectional', name: 'bidirectional' },
      { kind: 'dropout', rate: 0.2 },
      {
        ...{ kind: 'lstm', hiddenSize: 3, bias: 'single', name: 'lstm_1' },
        cell: {
          activations: {
            gate: { kind: 'hardSigmoid', alpha: 1 / 6, beta: 0.5 },
            candidate: 'softsign',
            output: 'softsign',
          },
        },
      },
      { kind: 'dropout', rate: 0.3, shared: 'steps', name: 'lstm_2_dropout' },
      { kind: 'lstm', hiddenSize: 5, bias: false, recurrentDropout: 0.1, name: 'lstm_2' },
      { kind: 'linear', size: 6, name: 'time_distributed' },
    ]);
    expect(notes).toEqual([
      expect.stringMatching(/^embedding masks steps in Keras/),
      expect.stringMatching(/^time_distributed computes what Keras puts into its softmax/),
    ]);
    expect(layers.map(({ kind }) => kind)).toEqual([
      'Embedding',
      'LSTM (Bidirectional)',
      'Dropout',
      'LSTM',
      'LSTM',
      'TimeDistributed(Dense)',
    ]);
  });

  it('numbers stacked layers as levels, like PyTorch', async () => {
    const second = {
      ...lstmLayer({ name: 'lstm_1' }),
      weights: { kernel: [2, 8], recurrent_kernel: [2, 8], bias: [8] },
    };
    const { bytes, part } = tfjsModel([lstmLayer(), second]);
    const { spec } = await fromKeras(bytes, { part });
    expect(parameterLayout(spec).entries.map(({ name }) => name)).toContain('lstm.weight_ih_l1');
  });

  it('keeps both biases of a CuDNNLSTM', async () => {
    const { spec, parameters } = await fromKeras(fixture('keras2-layout.h5'));
    expect(spec.layers[1]).toEqual({ kind: 'lstm', hiddenSize: 3, returns: 'last', name: 'cu_dnnlstm_1' });
    expect(parameters.get('cu_dnnlstm_1.bias_hh_l0')!.some((value) => value !== 0)).toBe(true);
  });

  it('may have its weights where Keras 2.13 to 2.15 put them', async () => {
    const config = {
      class_name: 'Sequential',
      config: { layers: [{ class_name: 'LSTM', config: lstmLayer().config }] },
    };
    const shapes = [[3, 8], [2, 8], [8]];
    const datasets = shapes.map((shape, i) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(i + 1);
      return { path: `_layer_checkpoint_dependencies/lstm/cell/vars/${i}`, shape, data };
    });
    const bytes = writeZip([
      { name: 'metadata.json', content: utf8('{"keras_version":"2.15.0"}') },
      { name: 'config.json', content: utf8(JSON.stringify(config)) },
      { name: 'model.weights.h5', content: writeHdf5(datasets) },
    ]);
    const { parameters } = await fromKeras(bytes);
    expect(parameters.get('lstm.weight_hh_l0')).toEqual(new Float32Array(16).fill(2));
  });

  it('is listed without reading the weights', async () => {
    const { layers, format } = await importContents(fixture('functional.keras'));
    expect(format).toBe('a Keras model (.keras)');
    expect(layers.map(({ name }) => name)).toEqual([
      'spatial_dropout1d',
      'encoder',
      'repeat_vector',
      'rnn',
      'bidirectional_1',
      'score',
      'activation',
    ]);
  });
});

describe('weights of BasicLSTMCell', () => {
  const path = 'magenta/weights_manifest.json';

  it('have the forget bias that the caller gives', async () => {
    const name = 'lstm.bias_ih_l0';
    const read = async (options: object) =>
      (await fromKeras(fixture(path), { part: partOf(path), ...options })).parameters.get(name)!;
    const [one, none] = [await read({}), await read({ forgetBias: 0 })];
    expect([...one].map((value, i) => Math.round((value - none[i]!) * 1e5) / 1e5)).toEqual([
      0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
  });

  it('are imported cell by cell', async () => {
    const node = 'rnn/multi_rnn_cell/cell_1/basic_lstm_cell';
    const { spec } = await fromKeras(fixture(path), { part: partOf(path), node });
    expect(spec).toEqual({ inputSize: 4, layers: [{ kind: 'lstm', hiddenSize: 2, bias: 'single' }] });
  });

  it('may be quantized', async () => {
    const [group] = fixtureJson<{ weights: object[] }[]>(path);
    const weights = group!.weights.map((weight) => ({
      ...weight,
      quantization: { dtype: 'uint8', scale: 0.01, min: -1 },
    }));
    const manifest = utf8(JSON.stringify([{ paths: ['a', 'b'], weights }]));
    const bytes = fixture('magenta/group1-shard1of1').length / 4;
    const part = async (shard: string) => new Uint8Array(shard === 'a' ? 100 : bytes - 100).fill(50);
    const { parameters } = await fromKeras(manifest, { part });
    expect([...parameters.get('head.weight')!]).toEqual(Array(6).fill(Math.fround(50 * 0.01 - 1)));
  });

  it.each([
    ['a shard outside of the folder', '../../etc/passwd', 'is not a path below its folder'],
    ['a shard on a server', 'https://example.com/shard', 'is not a path below its folder'],
    ['a shard that is too short', 'short', 'ends after its shards'],
  ])('are refused with %s', async (_, shard, problem) => {
    const manifest = utf8(
      JSON.stringify([{ paths: [shard], weights: [{ name: 'kernel', shape: [2, 2], dtype: 'float32' }] }]),
    );
    const error = await rejected(() => fromKeras(manifest, { part: async () => new Uint8Array(8) }));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(problem);
  });

  it('are refused if a shard is named twice: a small file must not fill the memory', async () => {
    const weights = [{ name: 'kernel', shape: [2, 2], dtype: 'float32' }];
    const manifest = utf8(JSON.stringify([{ paths: ['a', 'a'], weights }]));
    const error = await rejected(() => fromKeras(manifest, { part: async () => new Uint8Array(8) }));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain('names the shard "a" twice');
  });

  it('are refused without a reader of their shards', async () => {
    const error = await rejected(() => fromKeras(fixture(path)));
    expect(error.message).toMatch(/group1-shard1of1.*Pass `part`/s);
  });
});
