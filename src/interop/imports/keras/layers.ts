/** The layers of Keras around an LSTM. */
import { transposed } from '../../weights.js';
import { own } from './config.js';
import { type Conversion, type Convert, plain, rateIn, sizeIn, wrapped } from './conversion.js';
import { convertBidirectional, convertLstm, convertRnn } from './lstm.js';

const LOGITS = (activation: string, loss: string): string =>
  `computes what Keras puts into its ${activation}: apply it to the output. The loss ${loss} includes it.`;

/** Activations that a loss of Unspool includes. */
const IN_LOSS: Readonly<Record<string, string>> = {
  softmax: LOGITS('softmax', '`softmaxCrossEntropy`'),
  sigmoid: LOGITS('sigmoid', '`binaryCrossEntropy`'),
};

/** The notes of an activation after a linear layer, or why it cannot be converted. */
function activationNotes(value: unknown, isLast: boolean): string[] | string {
  if (value === 'linear' || value === null || value === undefined) return [];
  if (typeof value !== 'string') return 'its activation is custom code.';
  if (isLast && Object.hasOwn(IN_LOSS, value)) return [IN_LOSS[value]!];
  const where = isLast ? '' : ' between layers';
  return `Unspool has no activation ${JSON.stringify(value.slice(0, 40))}${where}.`;
}

const dense: Convert = ({ config }, { isLast }) => {
  const units = sizeIn(config, 'units');
  if (units === null) return 'its units are missing.';
  const notes = activationNotes(own(config, 'activation'), isLast);
  if (typeof notes === 'string') return notes;
  const hasBias = own(config, 'use_bias') !== false;
  const kernel = { name: 'kernel', shape: [null, units] };
  return {
    kind: 'Dense',
    size: `${units} units`,
    specs: [{ kind: 'linear', size: units, ...(!hasBias && { bias: false }) }],
    notes,
    weights: hasBias ? [kernel, { name: 'bias', shape: [units] }] : [kernel],
    convert: ([weight, bias]) => [
      { weight: transposed(weight!.data(), weight!.shape[0]!, units), ...(hasBias && { bias: bias!.data() }) },
    ],
  };
};

/** TimeDistributed: our layers work on every step anyway. */
const timeDistributed: Convert = (layer, place) => {
  const inner = wrapped(layer.config, 'layer');
  const convert = inner && Object.hasOwn(EACH_STEP, inner.className) ? EACH_STEP[inner.className] : null;
  if (!inner || !convert) return `Unspool does not have ${inner?.className ?? 'its layer'} for each step.`;
  const found = convert({ ...layer, ...inner }, place);
  return typeof found === 'string' ? found : { ...found, kind: `TimeDistributed(${inner.className})` };
};

const MASKED = 'masks steps in Keras. Here, pass `lengths` with the batch: without them, padding is read as data.';

const embedding: Convert = ({ config }) => {
  const [size, width] = [sizeIn(config, 'input_dim'), sizeIn(config, 'output_dim')];
  if (size === null || width === null) return 'its input_dim or output_dim is missing.';
  return {
    kind: 'Embedding',
    size: `${size} x ${width}`,
    specs: [{ kind: 'embedding', size, width }],
    notes: own(config, 'mask_zero') === true ? [MASKED] : [],
    weights: [{ name: 'embeddings', shape: [size, width] }],
    convert: ([table]) => [{ weight: table!.data() }],
  };
};

const dropout: Convert = ({ className, config }) => {
  const rate = rateIn(config, 'rate');
  const noise = own(config, 'noise_shape');
  const isShared = className === 'SpatialDropout1D' || (Array.isArray(noise) && noise[1] === 1);
  if (Array.isArray(noise) && !isShared) return 'its noise_shape is not [N, 1, features].';
  const specs = [{ kind: 'dropout' as const, rate, ...(isShared && { shared: 'steps' as const }) }];
  return plain(className, rate === 0 ? {} : { size: `rate ${rate}`, specs });
};

const activation: Convert = ({ className, config }, { isLast }) => {
  const name = className === 'Softmax' ? 'softmax' : own(config, 'activation');
  const notes = activationNotes(name, isLast);
  return typeof notes === 'string' ? notes : plain(className, { size: String(name), notes });
};

const repeatVector: Convert = ({ config }) => {
  const steps = sizeIn(config, 'n');
  if (steps === null) return 'its n is missing.';
  return plain('RepeatVector', { size: `${steps} steps`, specs: [{ kind: 'repeat', steps }] });
};

const trainingOnly: Convert = ({ className }) =>
  plain(className, { notes: ['acts only in training, and is left out.'] });

const masking: Convert = () => plain('Masking', { notes: [MASKED] });

const EACH_STEP: Readonly<Record<string, Convert>> = {
  Dense: dense,
  Dropout: dropout,
  Activation: activation,
};

/** Layers that act only in training, and that Unspool does not have. */
const TRAINING_ONLY = ['GaussianNoise', 'GaussianDropout', 'AlphaDropout', 'ActivityRegularization'];

/** Layers after which the output is still that of the layer before them, except for an activation that a loss includes. */
export const AFTER_LAST: readonly string[] = [...TRAINING_ONLY, 'Dropout', 'SpatialDropout1D', 'Activation', 'Softmax'];

const KINDS: Readonly<Record<string, Convert>> = {
  ...EACH_STEP,
  LSTM: convertLstm,
  CuDNNLSTM: convertLstm,
  Bidirectional: convertBidirectional,
  RNN: convertRnn,
  Embedding: embedding,
  TimeDistributed: timeDistributed,
  SpatialDropout1D: dropout,
  Softmax: activation,
  RepeatVector: repeatVector,
  Masking: masking,
  ...Object.fromEntries(TRAINING_ONLY.map((className) => [className, trainingOnly])),
};

/** Layers that Keras users expect, and what Unspool does not have. */
const MISSING: Readonly<Record<string, string>> = {
  GRU: 'a GRU has three gates, an LSTM four.',
  SimpleRNN: 'a simple RNN has no gates, an LSTM four.',
  BatchNormalization: 'Unspool has no batch normalization.',
  LayerNormalization: 'Unspool normalizes only inside of a cell.',
  Sequential: 'it is a model inside of the model: put its layers into the outer model.',
  Functional: 'it is a model inside of the model: put its layers into the outer model.',
  Model: 'it is a model inside of the model: put its layers into the outer model.',
};

/** Converts a layer, or says why it cannot be converted, as a sentence. */
export const convertLayer: Convert = (layer, place): Conversion | string => {
  const { className, problem } = layer;
  if (problem !== null) return problem;
  if (Object.hasOwn(KINDS, className)) return KINDS[className]!(layer, place);
  return Object.hasOwn(MISSING, className) ? MISSING[className]! : 'Unspool does not have this layer.';
};
