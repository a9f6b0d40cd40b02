/** The LSTM layers of Keras. Its gates have the order i, f, c, o, as ours, and its kernels are [inputs, 4 units]. */
import type { FloatArray } from '../../../contract/kernels.js';
import type { CellSpec, LstmSpec } from '../../../core/lstm/spec.js';
import type { LayerSpec } from '../../../core/spec.js';
import { transposed } from '../../weights.js';
import type { ForeignTensor } from '../tensors.js';
import { activationOf, type Version } from './activations.js';
import { type Json, own } from './config.js';
import { type Convert, type Parts, rateIn, sizeIn, type WeightShape, wrapped } from './conversion.js';

const CLASSES = ['LSTM', 'CuDNNLSTM'];

/** What a config says of one LSTM. */
interface Cell {
  readonly units: number;
  readonly cell: CellSpec | null;
  /** CuDNNLSTM has one bias for the inputs, and one for the state. */
  readonly bias: 'single' | boolean;
  readonly goBackwards: boolean;
  readonly returnsAll: boolean;
  readonly recurrentDropout: number;
  /** Of the inputs. */
  readonly dropout: number;
  readonly notes: readonly string[];
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** The activations of a config as a cell; null if they are those of the standard cell. */
function cellIn(config: Json, version: Version): { readonly cell: CellSpec | null } | string {
  const gate = activationOf(own(config, 'recurrent_activation'), version);
  if (typeof gate === 'string') return `its recurrent_activation ${gate}.`;
  const activation = activationOf(own(config, 'activation'), version);
  if (typeof activation === 'string') return `its activation ${activation}.`;
  const isStandard = gate.spec === 'sigmoid' && activation.spec === 'tanh';
  if (isStandard) return { cell: null };
  const both = activation.spec === 'tanh' ? {} : { candidate: activation.spec, output: activation.spec };
  return { cell: { activations: { ...(gate.spec !== 'sigmoid' && { gate: gate.spec }), ...both } } };
}

/** Reads the config of an LSTM, or says why it cannot be converted. */
function cellOf(className: string, config: Json, version: Version): Cell | string {
  const units = sizeIn(config, 'units');
  if (units === null) return 'its units are missing.';
  if (own(config, 'return_state') === true) return 'it also returns its state (return_state).';
  if (own(config, 'time_major') === true) return 'its inputs are time-major (time_major).';
  const isCudnn = className === 'CuDNNLSTM';
  const found = isCudnn ? { cell: null } : cellIn(config, version);
  if (typeof found === 'string') return found;
  const isStateful = own(config, 'stateful') === true;
  return {
    units,
    cell: found.cell,
    bias: isCudnn || (own(config, 'use_bias') !== false && 'single'),
    goBackwards: own(config, 'go_backwards') === true,
    returnsAll: own(config, 'return_sequences') === true,
    recurrentDropout: rateIn(config, 'recurrent_dropout'),
    dropout: rateIn(config, 'dropout'),
    notes: isStateful ? ['is stateful in Keras: carry its state with `from`, or use a stream.'] : [],
  };
}

/** Shapes of the weights of one LSTM. */
function weightsOf({ units, bias }: Cell): WeightShape[] {
  const kernels = [
    { name: 'kernel', shape: [null, 4 * units] },
    { name: 'recurrent_kernel', shape: [units, 4 * units] },
  ];
  return bias === false ? kernels : [...kernels, { name: 'bias', shape: [(bias === true ? 8 : 4) * units] }];
}

/** The parameters of one direction. */
function partsOf({ units, bias }: Cell, tensors: readonly ForeignTensor[], suffix = ''): Parts {
  const [kernel, recurrent, biases] = tensors as [ForeignTensor, ForeignTensor, ForeignTensor?];
  const parts: Record<string, FloatArray> = {
    [`weight_ih${suffix}`]: transposed(kernel.data(), kernel.shape[0]!, 4 * units),
    [`weight_hh${suffix}`]: transposed(recurrent.data(), units, 4 * units),
  };
  if (bias === false) return parts;
  const values = biases!.data();
  parts[`bias_ih${suffix}`] = values.slice(0, 4 * units);
  if (bias === true) parts[`bias_hh${suffix}`] = values.slice(4 * units);
  return parts;
}

function specOf(cell: Cell, returnsAll: boolean, direction: LstmSpec['direction']): LstmSpec {
  return {
    kind: 'lstm',
    hiddenSize: cell.units,
    ...(cell.bias !== true && { bias: cell.bias }),
    ...(!returnsAll && { returns: 'last' as const }),
    ...(direction !== 'forward' && { direction: direction! }),
    ...(cell.cell && { cell: cell.cell }),
    ...(cell.recurrentDropout > 0 && { recurrentDropout: cell.recurrentDropout }),
  };
}

/** The layers of an LSTM: dropout of its inputs has one mask for all steps in Keras. */
function layersOf(cell: Cell, lstm: LstmSpec): { specs: LayerSpec[]; pad: Parts[] } {
  if (cell.dropout === 0) return { specs: [lstm], pad: [] };
  return { specs: [{ kind: 'dropout', rate: cell.dropout, shared: 'steps' }, lstm], pad: [{}] };
}

const BACKWARDS =
  'go_backwards with return_sequences gives its outputs from the last step to the first. Put the layer into Bidirectional, or return only the last output.';

export const convertLstm: Convert = ({ className, config }, { version }) => {
  const cell = cellOf(className, config, version);
  if (typeof cell === 'string') return cell;
  if (cell.goBackwards && cell.returnsAll) return BACKWARDS;
  const { specs, pad } = layersOf(cell, specOf(cell, cell.returnsAll, cell.goBackwards ? 'reverse' : 'forward'));
  const suffix = cell.goBackwards ? '_reverse' : '';
  return {
    kind: className === 'LSTM' ? 'LSTM' : `LSTM (${className})`,
    size: `${cell.units} units`,
    specs,
    notes: cell.notes,
    weights: weightsOf(cell),
    convert: (weights) => [...pad, partsOf(cell, weights, suffix)],
  };
};

/** Settings in which the two directions must agree. */
const SHARED = ['units', 'activation', 'recurrent_activation', 'use_bias', 'return_sequences'];

export const convertBidirectional: Convert = ({ config }, { version }) => {
  const inner = wrapped(config, 'layer');
  if (!inner || !CLASSES.includes(inner.className))
    return `it does not contain an LSTM, but ${inner?.className ?? 'nothing'}.`;
  const mode = own(config, 'merge_mode');
  if (mode !== 'concat') return `its merge_mode is ${String(mode)}; Unspool has only "concat".`;
  const back = wrapped(config, 'backward_layer');
  const differs =
    back &&
    (back.className !== inner.className ||
      SHARED.some((key) => !isSame(own(back.config, key), own(inner.config, key))));
  if (differs) return 'its two layers are not alike.';
  const cell = cellOf(inner.className, inner.config, version);
  if (typeof cell === 'string') return cell;
  if (cell.goBackwards || (back && own(back.config, 'go_backwards') !== true))
    return 'its first layer does not read forward, or its second one backward.';
  const { specs, pad } = layersOf(cell, specOf(cell, cell.returnsAll, 'bidirectional'));
  const weights = weightsOf(cell);
  const notes =
    cell.dropout > 0
      ? ['drops its inputs with one mask for both directions in training; Keras has a mask for each.']
      : [];
  return {
    kind: 'LSTM (Bidirectional)',
    size: `${cell.units} units in each direction`,
    specs,
    notes: [...cell.notes, ...notes],
    weights: [...weights, ...weights],
    convert: (tensors) => [
      ...pad,
      {
        ...partsOf(cell, tensors.slice(0, weights.length)),
        ...partsOf(cell, tensors.slice(weights.length), '_reverse'),
      },
    ],
  };
};

/** The configs of the cells of an RNN layer: one, or several that are stacked. */
function cellsIn(config: Json): { className: string; config: Json }[] | null {
  const cell = wrapped(config, 'cell');
  if (!cell) return null;
  const { className, config: inner } = cell;
  if (className === 'LSTMCell') return [cell];
  const cells = className === 'StackedRNNCells' ? own(inner, 'cells') : null;
  if (!Array.isArray(cells) || cells.length === 0) return null;
  const all = cells.map((_, i) => wrapped(cells as unknown as Json, String(i)));
  return all.every((one) => one?.className === 'LSTMCell') ? (all as { className: string; config: Json }[]) : null;
}

/** RNN(LSTMCell), and stacked cells: each is a layer, and only the last one may return its last output. */
export const convertRnn: Convert = ({ config }, { version }) => {
  const cells = cellsIn(config);
  if (!cells) return 'its cell is not an LSTMCell, or a stack of them.';
  if (own(config, 'return_state') === true) return 'it also returns its state (return_state).';
  if (own(config, 'go_backwards') === true) return BACKWARDS;
  const found = cells.map((cell) => cellOf('LSTM', cell.config, version));
  const problem = found.find((cell) => typeof cell === 'string');
  if (problem !== undefined) return problem as string;
  const all = found as Cell[];
  const returnsAll = own(config, 'return_sequences') === true;
  const layers = all.map((cell, i) => layersOf(cell, specOf(cell, returnsAll || i < all.length - 1, 'forward')));
  const weights = all.map(weightsOf);
  const starts = weights.map((_, i) => weights.slice(0, i).flat().length);
  return {
    kind: all.length === 1 ? 'LSTM (LSTMCell)' : 'LSTM (LSTMCells)',
    size: all.map(({ units }) => `${units} units`).join(', '),
    specs: layers.flatMap(({ specs }) => specs),
    notes: [],
    weights: weights.flat(),
    convert: (tensors) =>
      all.flatMap((cell, i) => [
        ...layers[i]!.pad,
        partsOf(cell, tensors.slice(starts[i]!, starts[i]! + weights[i]!.length)),
      ]),
  };
};
