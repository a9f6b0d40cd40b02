/** The modules of a state dict, by the names and shapes of its tensors. */
import { quoted } from '../../safetensors.js';
import type { ForeignLayer } from '../imported.js';
import type { ForeignTensor } from '../tensors.js';

/** A module with tensors. `name` is the part of their names before the last dot. */
interface Module {
  readonly name: string;
  /** Names of its tensors without the module's. */
  readonly leaves: ReadonlyMap<string, ForeignTensor>;
}

/** An nn.LSTM or an nn.LSTMCell. */
export interface LstmModule extends Module {
  readonly kind: 'lstm';
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly projectionSize: number | null;
  readonly levels: number;
  readonly bidirectional: boolean;
  readonly bias: boolean;
  /** nn.LSTMCell: its names have no level. */
  readonly isCell: boolean;
}

/** A module with a matrix, and perhaps a bias: nn.Linear or nn.Embedding. */
export interface MatrixModule extends Module {
  readonly kind: 'matrix';
  readonly rows: number;
  readonly cols: number;
  readonly bias: boolean;
}

/** A module that cannot be imported. */
export interface OtherModule extends Module {
  readonly kind: 'other';
  readonly is: string;
  readonly problem: string;
}

export type StateDictModule = LstmModule | MatrixModule | OtherModule;

const RECURRENT = /^(weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l(0|[1-9]\d{0,3})(_reverse)?)?$/;

const splitName = (name: string): [module: string, leaf: string] => {
  const dot = name.lastIndexOf('.');
  return [name.slice(0, Math.max(0, dot)), name.slice(dot + 1)];
};

/** The modules, in the order of their first tensors. */
export function modulesOf(tensors: ReadonlyMap<string, ForeignTensor>): StateDictModule[] {
  const groups = new Map<string, Map<string, ForeignTensor>>();
  for (const [name, tensor] of tensors) {
    const [module, leaf] = splitName(name);
    const leaves = groups.get(module) ?? new Map<string, ForeignTensor>();
    groups.set(module, leaves.set(leaf, tensor));
  }
  return [...groups].map(([name, leaves]) => moduleOf({ name, leaves }));
}

function moduleOf(module: Module): StateDictModule {
  const { leaves } = module;
  const names = [...leaves.keys()];
  if (names.some((name) => RECURRENT.test(name))) return recurrentModule(module);
  const [weight, bias] = [leaves.get('weight'), leaves.get('bias')];
  if (weight?.shape.length === 2 && leaves.size === (bias ? 2 : 1)) {
    const [rows, cols] = weight.shape as [number, number];
    return { ...module, kind: 'matrix', rows, cols, bias: bias !== undefined };
  }
  return { ...module, kind: 'other', ...otherModule(leaves, weight?.shape.length) };
}

/** The names of modules whose weight has a number of dimensions. */
const BY_RANK: Readonly<Record<number, string>> = { 1: 'LayerNorm', 3: 'Conv1d', 4: 'Conv2d', 5: 'Conv3d' };

function otherModule(leaves: ReadonlyMap<string, unknown>, rank = 0): { is: string; problem: string } {
  if (leaves.has('running_mean')) return { is: 'BatchNorm', problem: 'Unspool has no batch normalization.' };
  if (leaves.has('in_proj_weight')) return { is: 'MultiheadAttention', problem: 'Unspool has no attention.' };
  if (leaves.has('weight_g') || leaves.has('weight_v')) {
    return { is: 'weight_norm', problem: 'call torch.nn.utils.remove_weight_norm() before saving.' };
  }
  const is = BY_RANK[rank];
  if (is) return { is, problem: `Unspool has no ${rank === 1 ? 'normalization' : 'convolution'} layer.` };
  return { is: 'unknown', problem: `no supported module has tensors of these names and shapes.` };
}

/** The number of gates of a recurrent module; null if its shapes are those of none. */
function gatesOf(ih: ForeignTensor, hh: ForeignTensor | undefined, hr: ForeignTensor | undefined): number | null {
  const rows = ih.shape[0]!;
  if (hr?.shape.length === 2) return rows === 4 * hr.shape[1]! ? 4 : null;
  if (hh?.shape.length !== 2) return rows % 4 === 0 ? 4 : null;
  return hh.shape[0] === rows ? rows / hh.shape[1]! : null;
}

function recurrentModule(module: Module): StateDictModule {
  const { leaves } = module;
  const isCell = !leaves.has('weight_ih_l0');
  const suffix = isCell ? '' : '_l0';
  const at = (part: string): ForeignTensor | undefined => leaves.get(`${part}${suffix}`);
  const [ih, hh, hr] = [at('weight_ih'), at('weight_hh'), at('weight_hr')];
  const other = (is: string, problem: string): OtherModule => ({ ...module, kind: 'other', is, problem });
  if (ih?.shape.length !== 2) return other('LSTM?', `it has no matrix ${quoted(`weight_ih${suffix}`)}.`);
  const gates = gatesOf(ih, hh, hr);
  if (gates === 3) return other(isCell ? 'GRUCell' : 'GRU', 'a GRU has three gates, an LSTM four.');
  if (gates === 1) return other(isCell ? 'RNNCell' : 'RNN', 'a simple RNN has no gates, an LSTM four.');
  if (gates !== 4 || ih.shape[0] === 0) return other('LSTM?', 'its shapes are not those of an LSTM.');
  const levels = new Set([...leaves.keys()].map((name) => RECURRENT.exec(name)?.[2]).filter(Boolean));
  return {
    ...module,
    kind: 'lstm',
    inputSize: ih.shape[1]!,
    hiddenSize: ih.shape[0]! / 4,
    projectionSize: hr ? hr.shape[0]! : null,
    levels: isCell ? 1 : levels.size,
    bidirectional: leaves.has('weight_ih_l0_reverse'),
    bias: at('bias_ih') !== undefined || at('bias_hh') !== undefined,
    isCell,
  };
}

/** Width of the rows that an LSTM gives. */
export const outputOf = ({ hiddenSize, projectionSize, bidirectional }: LstmModule): number =>
  (projectionSize ?? hiddenSize) * (bidirectional ? 2 : 1);

/** The name of a module in lists; the outermost module has none. */
export const nameOf = ({ name }: Module): string => name || '(the module itself)';

const sizesOf = (module: LstmModule): string =>
  [
    `${module.inputSize} -> ${module.hiddenSize}`,
    module.levels > 1 && `${module.levels} layers`,
    module.bidirectional && 'bidirectional',
    module.projectionSize !== null && `projection ${module.projectionSize}`,
    !module.bias && 'no bias',
  ]
    .filter((part) => part !== false)
    .join(', ');

/** A module for lists. `isEmbedding`: what a matrix without a bias is; null if that is not known. */
export function describe(module: StateDictModule, isEmbedding: boolean | null): ForeignLayer {
  const name = nameOf(module);
  if (module.kind === 'lstm') {
    return { name, kind: module.isCell ? 'LSTMCell' : 'LSTM', size: sizesOf(module), problem: null };
  }
  if (module.kind === 'matrix') {
    const { rows, cols } = module;
    if (isEmbedding === null) return { name, kind: 'Linear or Embedding', size: `[${rows}, ${cols}]`, problem: null };
    if (isEmbedding) return { name, kind: 'Embedding', size: `${rows} x ${cols}`, problem: null };
    return { name, kind: 'Linear', size: `${cols} -> ${rows}`, problem: null };
  }
  const shapes = [...module.leaves].map(([leaf, { shape }]) => `${leaf} [${shape.join(', ')}]`);
  const size = shapes.length > 3 ? `${shapes.slice(0, 3).join(', ')}, ...` : shapes.join(', ');
  return { name, kind: module.is, size, problem: module.problem };
}
