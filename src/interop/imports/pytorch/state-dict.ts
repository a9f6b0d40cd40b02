/** A state dict of PyTorch as a model: the spec follows from the names and shapes. */

import type { FloatArray } from '../../../contract/kernels.js';
import type { LayerSpec, ModelSpec } from '../../../core/spec.js';
import { invalidFile } from '../../invalid.js';
import { defaultName } from '../../layer-names.js';
import { unknownNode } from '../finish.js';
import type { Draft, ForeignLayer, ImportSource } from '../imported.js';
import { listed } from '../report.js';
import { type ForeignTensor, TensorReader } from '../tensors.js';
import { describe, type LstmModule, modulesOf, nameOf, type StateDictModule } from './modules.js';
import { hasLinearPair, inOrder, ordersOf, type Placed } from './order.js';

/** The tensors of a state dict, in the order of the file. */
export interface StateDict {
  readonly file: string;
  /** With an article. */
  readonly format: string;
  readonly tensors: ReadonlyMap<string, ForeignTensor>;
  readonly notes: readonly string[];
}

type Module = Placed['module'];
const isKnown = (module: StateDictModule): module is Module => module.kind !== 'other';

/** Opens a state dict. */
export function openStateDict(dict: StateDict): ImportSource {
  const { tensors, file, format } = dict;
  const modules = modulesOf(tensors);
  const order = arranged(modules.filter(isKnown));
  const isTable = new Map(typeof order === 'string' ? [] : order.map((one) => [one.module, one.isEmbedding]));
  const describeIt = (module: StateDictModule): ForeignLayer =>
    describe(module, isTable.get(module as Module) ?? (module.kind === 'matrix' && module.bias ? false : null));
  const layers = modules.map(describeIt);
  return {
    format,
    layers,
    read(node) {
      const chosen = node === undefined ? order : selected(modules, node, layers);
      if (typeof chosen === 'string') throw invalidFile(file, chosen, orderHelp(modules));
      return draftOf(dict, chosen, node === undefined);
    },
  };
}

const orderHelp = (modules: readonly StateDictModule[]): string => {
  const names = modules.filter(isKnown).map(nameOf);
  return `Give the names of the modules in their order, separated by commas (--node): ${listed(names)}.`;
};

/** The digits of a name as one kind, so that names that differ in their numbers only are equal. */
const withoutNumbers = (name: string): string => name.replace(/[._]?\d+/g, '');

const NO_LSTM = 'it contains no LSTM: no tensor is named weight_ih_l0.';
const LINEAR_PAIR =
  'a linear layer follows another one, and the function between them, such as ReLU, is not in the file.';

/** The order of all modules, or why it is not known. */
function arranged(modules: readonly Module[]): readonly Placed[] | string {
  if (!modules.some(({ kind }) => kind === 'lstm')) return NO_LSTM;
  const { found, isCut } = ordersOf(modules);
  if (isCut) return `it has ${modules.length} modules, too many to find their order.`;
  if (found.length === 0) return 'its modules do not form a sequence: their widths do not fit.';
  const order = found.length === 1 ? found[0]! : declaredOrder(modules);
  if (order === null) {
    const texts = found.map((one) => one.map(({ module }) => nameOf(module)).join(' -> '));
    return `the order of its modules is not known: ${texts.join(', or ')}.`;
  }
  return hasLinearPair(order) ? LINEAR_PAIR : order;
}

/** The order of the file if it says something: names that are not sorted, or that differ in their numbers only. */
function declaredOrder(modules: readonly Module[]): readonly Placed[] | null {
  const names = modules.map(({ name }) => name);
  const isSorted = names.every((name, i) => i === 0 || names[i - 1]! < name);
  const areNumbered = new Set(names.map(withoutNumbers)).size === 1;
  if (isSorted && !areNumbered) return null;
  const order = inOrder(modules);
  return typeof order === 'string' ? null : order;
}

/** The modules that `node` names: one, all within one, or a list. */
function selected(
  modules: readonly StateDictModule[],
  node: string,
  layers: readonly ForeignLayer[],
): readonly Placed[] | string {
  const known = (found: readonly StateDictModule[]): readonly Module[] | string => {
    const other = found.find((module) => !isKnown(module));
    return other ? `${nameOf(other)} cannot be imported.` : (found as readonly Module[]);
  };
  const names = node.split(',').map((name) => name.trim());
  if (names.length > 1) {
    const found = names.map((name) => modules.find((module) => nameOf(module) === name) ?? null);
    const missing = found.indexOf(null);
    if (missing >= 0) throw unknownNode(names[missing]!, layers);
    const list = known(found as StateDictModule[]);
    return typeof list === 'string' ? list : inOrder(list);
  }
  const exact = modules.filter((module) => nameOf(module) === node);
  const found = exact.length > 0 ? exact : modules.filter(({ name }) => name.startsWith(`${node}.`));
  if (found.length === 0) throw unknownNode(node, layers);
  const list = known(found);
  return typeof list === 'string' ? list : arranged(list);
}

/** The layers of a model under construction. */
interface Building {
  readonly reader: TensorReader;
  readonly layers: LayerSpec[];
  readonly parameters: Map<string, FloatArray>;
  /** The table of the embedding, which a linear layer may share. */
  table: { readonly name: string; readonly values: FloatArray } | null;
}

/** The name of a module's layer, for the spec and for the parameters. The outermost module has the default name. */
function naming(kind: 'lstm' | 'embedding' | 'linear', name: string): { prefix: string; spec: { name?: string } } {
  const prefix = name || defaultName(kind);
  return { prefix, spec: prefix === defaultName(kind) ? {} : { name: prefix } };
}

function addLstm({ reader, layers, parameters }: Building, module: LstmModule): void {
  const { hiddenSize: H, projectionSize, bidirectional, bias, isCell, levels } = module;
  const { prefix, spec } = naming('lstm', module.name);
  const width = projectionSize ?? H;
  for (let level = 0; level < levels; level++) {
    const input = level === 0 ? module.inputSize : width * (bidirectional ? 2 : 1);
    const parts: [part: string, shape: readonly number[]][] = [
      ['weight_ih', [4 * H, input]],
      ['weight_hh', [4 * H, width]],
      ...(bias ? (['bias_ih', 'bias_hh'] as const).map((part): [string, number[]] => [part, [4 * H]]) : []),
      ...(projectionSize === null ? [] : [['weight_hr', [projectionSize, H]] as [string, number[]]]),
    ];
    for (const reverse of bidirectional ? ['', '_reverse'] : ['']) {
      for (const [part, shape] of parts) {
        const leaf = isCell ? part : `${part}_l${level}${reverse}`;
        const name = module.name ? `${module.name}.${leaf}` : leaf;
        parameters.set(`${prefix}.${part}_l${level}${reverse}`, reader.take(name, shape));
      }
    }
    layers.push({
      kind: 'lstm',
      hiddenSize: H,
      ...(projectionSize !== null && { projectionSize }),
      ...(bidirectional && { direction: 'bidirectional' }),
      ...(!bias && { bias: false }),
      ...spec,
    });
  }
}

const areEqual = (one: FloatArray, other: FloatArray): boolean =>
  one.constructor === other.constructor && one.length === other.length && one.every((v, i) => Object.is(v, other[i]));

function addMatrix(building: Building, { module, isEmbedding }: Placed): void {
  if (module.kind !== 'matrix') return;
  const { reader, layers, parameters } = building;
  const { rows, cols, bias } = module;
  const kind = isEmbedding ? 'embedding' : 'linear';
  const { prefix, spec } = naming(kind, module.name);
  const at = (leaf: string): string => (module.name ? `${module.name}.${leaf}` : leaf);
  const values = reader.take(at('weight'), [rows, cols]);
  if (bias) parameters.set(`${prefix}.bias`, reader.take(at('bias'), [rows]));
  if (isEmbedding) {
    layers.push({ kind: 'embedding', size: rows, width: cols, ...spec });
    building.table = { name: prefix, values };
  } else {
    const { table } = building;
    const tied = table && areEqual(table.values, values) ? table.name : undefined;
    layers.push({ kind: 'linear', size: rows, ...(!bias && { bias }), ...(tied !== undefined && { tied }), ...spec });
    if (tied !== undefined) return;
  }
  parameters.set(`${prefix}.weight`, values);
}

/** The model of modules in their order. */
function draftOf({ tensors, file, notes }: StateDict, order: readonly Placed[], isAll: boolean): Draft {
  const building: Building = {
    reader: new TensorReader(tensors, file),
    layers: [],
    parameters: new Map(),
    table: null,
  };
  for (const placed of order) {
    if (placed.module.kind === 'lstm') addLstm(building, placed.module);
    else addMatrix(building, placed);
  }
  const names = order.flatMap(({ module }) =>
    [...module.leaves.keys()].map((leaf) => (module.name ? `${module.name}.${leaf}` : leaf)),
  );
  building.reader.finish(isAll ? tensors.keys() : names);
  const { module, isEmbedding } = order[0]!;
  const width = module.kind === 'lstm' ? module.inputSize : module.cols;
  const spec: ModelSpec = { ...(!isEmbedding && { inputSize: width }), layers: building.layers };
  const used = order.map((placed) => nameOf(placed.module));
  const tied = building.layers.some((layer) => layer.kind === 'linear' && layer.tied !== undefined);
  return {
    spec,
    parameters: building.parameters,
    used,
    notes: [
      ...notes,
      ...(used.length > 1
        ? [`A state dict does not contain functions without weights, such as ReLU. Assumed: ${used.join(' -> ')}.`]
        : []),
      ...(tied ? ['The last layer shares the weights of the embedding: they are equal.'] : []),
    ],
  };
}
