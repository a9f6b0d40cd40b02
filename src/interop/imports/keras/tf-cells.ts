/**
 * LSTM cells of TensorFlow 1 by the names of their variables: BasicLSTMCell, LSTMCell, and dense layers. A cell has one kernel
 * [inputs + units, 4 units] for [x; h], gates in the order i, j (= g), f, o, and adds a forget bias when it runs, 1 by default.
 * https://github.com/tensorflow/tensorflow/blob/v1.15.5/tensorflow/python/ops/rnn_cell_impl.py
 */
import type { FloatArray } from '../../../contract/kernels.js';
import type { LayerSpec } from '../../../core/spec.js';
import { invalidFile } from '../../invalid.js';
import { reorderGates, transposed } from '../../weights.js';
import { layoutOf, unknownNode } from '../finish.js';
import type { Draft, ForeignLayer, ImportSource } from '../imported.js';
import type { ForeignTensor } from '../tensors.js';

const FORGET_BIAS = 1;

/** A pair of variables: `rnn/multi_rnn_cell/cell_0/basic_lstm_cell/kernel` and `.../bias`. */
interface Pair {
  /** The names without the last part. */
  readonly name: string;
  readonly kernel: ForeignTensor;
  readonly bias: ForeignTensor;
}

type Item = (Pair & { readonly kind: 'cell' | 'dense' }) | { readonly kind: 'other'; readonly tensor: ForeignTensor };

const CELL = /(^|\/)(basic_)?lstm_(block_)?cell(_\d+)?$/;

/** Pairs of a kernel and a bias (in TensorFlow before 1.2 `weights` and `biases`), and the other tensors. */
function itemsOf(tensors: readonly ForeignTensor[]): Item[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const used = new Set<string>();
  const pairs = new Map<string, Item>();
  for (const { name, shape } of tensors) {
    const [, prefix = '', leaf] = /^(?:(.*)\/)?(kernel|weights)$/.exec(name) ?? [];
    if (leaf === undefined || shape.length !== 2) continue;
    const biasName = `${prefix}${prefix && '/'}${leaf === 'kernel' ? 'bias' : 'biases'}`;
    const bias = byName.get(biasName);
    if (bias?.shape.length !== 1 || bias.shape[0] !== shape[1]) continue;
    used.add(name).add(biasName);
    pairs.set(name, {
      kind: CELL.test(prefix) ? 'cell' : 'dense',
      name: prefix || name,
      kernel: byName.get(name)!,
      bias,
    });
  }
  return tensors.flatMap((tensor): Item[] => {
    const pair = pairs.get(tensor.name);
    return pair ? [pair] : used.has(tensor.name) ? [] : [{ kind: 'other', tensor }];
  });
}

const unitsOf = ({ bias }: Pair): number => bias.shape[0]! / 4;

/** What cells have in addition to a kernel and a bias: `CELL/projection/...`, `CELL/w_f_diag`. */
const extrasOf = (tensors: readonly ForeignTensor[]): ReadonlySet<string> =>
  new Set(tensors.map(({ name }) => /^.*\/(?=(projection\/|w_))\w{1,2}/.exec(name)?.[0] ?? ''));

/** Why a cell cannot be imported. */
function problemOf(pair: Pair, extras: ReadonlySet<string>): string | null {
  const units = unitsOf(pair);
  if (!Number.isInteger(units) || pair.kernel.shape[0]! <= units) return 'its kernel is not that of an LSTM.';
  if (extras.has(`${pair.name}/pr`)) return 'it has a projection.';
  return extras.has(`${pair.name}/w_`) ? 'it has peepholes.' : null;
}

const directionOf = ({ name }: Pair): string | undefined => /(?:^|\/)bidirectional_rnn\/(fw|bw)\//.exec(name)?.[1];

function listedItem(item: Item, extras: ReadonlySet<string>): ForeignLayer {
  if (item.kind === 'other') {
    const { name, shape } = item.tensor;
    return { name, kind: 'tensor', size: `[${shape.join(', ')}]`, problem: 'it is not a kernel with a bias.' };
  }
  const { name, kernel } = item;
  const [rows, cols] = kernel.shape as [number, number];
  if (item.kind === 'dense') return { name, kind: 'Dense', size: `${rows} -> ${cols}`, problem: null };
  return {
    name,
    kind: 'LSTM (BasicLSTMCell)',
    size: `${rows - cols / 4} -> ${cols / 4}`,
    problem: problemOf(item, extras),
  };
}

/** The parameters of a cell. */
function cellParts({ kernel, bias }: Pair, forgetBias: number): Readonly<Record<string, FloatArray>> {
  const [rows, cols] = kernel.shape as [number, number];
  const units = cols / 4;
  const all = reorderGates(transposed(kernel.data(), rows, cols), 'igfo', 'ifgo'); // [4 units, inputs + units]
  const width = rows - units;
  const columns = (from: number, count: number): FloatArray => {
    const out = all.slice(0, cols * count);
    for (let row = 0; row < cols; row++)
      out.set(all.subarray(row * rows + from, row * rows + from + count), row * count);
    return out;
  };
  const sum = reorderGates(bias.data(), 'igfo', 'ifgo');
  for (let i = units; i < 2 * units; i++) sum[i]! += forgetBias;
  return { weight_ih: columns(0, width), weight_hh: columns(width, units), bias_ih: sum };
}

/** `cell_2` before `cell_10`. */
const byNumbers = (one: Pair, other: Pair): number => one.name.localeCompare(other.name, 'en', { numeric: true });

/** A model of cells from the first to the last, then a dense layer: as the widths demand, which `layoutOf` checks. */
function draftOf(chosen: readonly (Pair & { kind: 'cell' | 'dense' })[], file: string, forgetBias: number): Draft {
  const cells = chosen.filter(({ kind }) => kind === 'cell').sort(byNumbers);
  const dense = chosen.filter(({ kind }) => kind === 'dense');
  if (cells.length === 0) throw invalidFile(file, 'it has no LSTM cell.');
  const layers: LayerSpec[] = cells.map((cell) => ({
    kind: 'lstm',
    hiddenSize: unitsOf(cell),
    bias: 'single',
    ...(directionOf(cell) === 'bw' && { direction: 'reverse' }),
  }));
  for (const { kernel } of dense) layers.push({ kind: 'linear', size: kernel.shape[1]! });
  const [rows, cols] = cells[0]!.kernel.shape as [number, number];
  const spec = { inputSize: rows - cols / 4, layers };
  const values = [
    ...cells.flatMap((cell) => Object.values(cellParts(cell, forgetBias))),
    ...dense.flatMap(({ kernel, bias }) => [
      transposed(kernel.data(), kernel.shape[0]!, kernel.shape[1]!),
      bias.data(),
    ]),
  ];
  const { entries } = layoutOf(spec, file);
  const notes = [`The forget gates' biases contain the ${forgetBias} that BasicLSTMCell adds when it runs.`];
  return {
    spec,
    parameters: new Map(entries.map(({ name }, i) => [name, values[i]!])),
    used: chosen.map(({ name }) => name),
    notes,
  };
}

/** Opens the variables of a TensorFlow graph with LSTM cells; `forgetBias` is what the cells add when they run. */
export function openCheckpoint(
  tensors: readonly ForeignTensor[],
  format: string,
  file: string,
  forgetBias = FORGET_BIAS,
): ImportSource {
  const names = tensors.map(({ name }) => name);
  if (new Set(names).size < names.length) throw invalidFile(file, 'two of its weights have the same name.');
  const items = itemsOf(tensors);
  const extras = extrasOf(tensors);
  const layers = items.map((item) => listedItem(item, extras));
  const read = (node?: string): Draft => {
    const at = layers.flatMap(({ name }, i) => (node === undefined || name === node ? [i] : []));
    if (node !== undefined && at.length === 0) throw unknownNode(node, layers);
    for (const i of at) {
      const { name, problem } = layers[i]!;
      if (problem !== null) throw invalidFile(file, `${name}: ${problem}`);
    }
    const chosen = at.map((i) => items[i]!).filter((item) => item.kind !== 'other');
    if (node === undefined && chosen.some(directionOf)) {
      throw invalidFile(file, 'it has cells of a bidirectional RNN.', 'Import each by its name (--node).');
    }
    return draftOf(chosen, file, forgetBias);
  };
  return { format, layers, read };
}
