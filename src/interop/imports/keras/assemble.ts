/** A Keras model as a model of Unspool. */

import type { FloatArray } from '../../../contract/kernels.js';
import type { LayerSpec, ModelSpec } from '../../../core/spec.js';
import { invalidFile } from '../../invalid.js';
import { defaultName } from '../../layer-names.js';
import { quoted } from '../../safetensors.js';
import { layoutOf, unknownNode } from '../finish.js';
import type { Draft, ForeignLayer, ImportSource } from '../imported.js';
import type { ForeignTensor } from '../tensors.js';
import type { Version } from './activations.js';
import type { KerasLayer, KerasModel } from './config.js';
import type { Conversion, Parts, WeightShape } from './conversion.js';
import { AFTER_LAST, convertLayer } from './layers.js';

/** A Keras model with its weights. */
export interface KerasFile {
  readonly format: string;
  readonly file: string;
  readonly version: Version;
  readonly model: KerasModel;
  /** The weights of a layer, in Keras' order. */
  weightsOf(layer: KerasLayer): readonly ForeignTensor[];
}

interface Converted {
  readonly layer: KerasLayer;
  /** A text: why it cannot be converted. */
  readonly found: Conversion | string;
}

/**
 * The names of layers: those of Keras, except where Unspool gives the same name by itself. `lstm_1` after `lstm` is the second
 * level of `lstm`, as Keras numbers stacked layers.
 */
class Names {
  private readonly levels = new Map<string, number>();
  private readonly counts = new Map<string, number>();

  of({ kind }: LayerSpec, name: string): { name?: string } {
    const standard = defaultName(kind);
    if (kind === 'lstm') {
      const [, base = '', level = ''] = /^(.*)_([1-9]\d*)$/.exec(name) ?? [];
      const prefix = String(this.levels.get(base)) === level ? base : name;
      this.levels.set(prefix, (this.levels.get(prefix) ?? 0) + 1);
      return prefix === standard ? {} : { name: prefix };
    }
    const count = (this.counts.get(kind) ?? 0) + 1;
    const isStandard = name === (count === 1 ? standard : `${standard}${count}`);
    if (isStandard) this.counts.set(kind, count);
    return isStandard ? {} : { name };
  }
}

/** The weights of a layer, of which each must have the name and the shape that its config implies. */
function checkedWeights(source: KerasFile, layer: KerasLayer, { weights }: Conversion): readonly ForeignTensor[] {
  const tensors = weights.length === 0 ? [] : source.weightsOf(layer);
  const texts = (shapes: readonly WeightShape[]): string =>
    shapes.map(({ name, shape }) => `${name} [${shape.map((size) => size ?? '...').join(', ')}]`).join(', ');
  const fits = ({ name, shape }: WeightShape, i: number): boolean => {
    const tensor = tensors[i]!;
    const leaf = tensor.name.split('/').at(-1)!;
    const isNamed = /^\d+$/.test(leaf) || leaf.endsWith(name);
    return (
      isNamed &&
      tensor.shape.length === shape.length &&
      shape.every((size, k) => size === null || size === tensor.shape[k])
    );
  };
  if (tensors.length === weights.length && weights.every(fits)) return tensors;
  const found =
    tensors.length > 0 ? texts(tensors.map(({ name, shape }) => ({ name: name.split('/').at(-1)!, shape }))) : 'none';
  throw invalidFile(
    source.file,
    `the layer ${quoted(layer.name)} must have the weights ${texts(weights)}, but has ${found}.`,
  );
}

/** The width of the model's input: the rows of the first kernel, which the config must agree with. */
function inputSizeOf(source: KerasFile, first: LayerSpec, parts: Parts, isWhole: boolean): number {
  const rows = first.kind === 'lstm' ? 4 * first.hiddenSize : first.kind === 'linear' ? first.size : 1;
  const weight = parts.weight_ih ?? parts.weight_ih_reverse ?? parts.weight;
  const width = (weight?.length ?? 0) / rows;
  const described = isWhole ? source.model.inputShape?.at(-1) : null;
  if (typeof described === 'number' && described !== width) {
    throw invalidFile(source.file, `its input has width ${described}, but the first kernel has ${width} rows.`);
  }
  return width;
}

/** Makes a model of converted layers. */
function draftOf(
  source: KerasFile,
  converted: readonly { layer: KerasLayer; found: Conversion }[],
  isWhole: boolean,
): Draft {
  const names = new Names();
  const specs: LayerSpec[] = [];
  const parts: Parts[] = [];
  const notes: string[] = [];
  for (const { layer, found } of converted) {
    const values = found.convert(checkedWeights(source, layer, found));
    found.specs.forEach((spec, i) => {
      specs.push({
        ...spec,
        ...names.of(spec, found.specs.length > 1 && spec.kind === 'dropout' ? `${layer.name}_dropout` : layer.name),
      });
      parts.push(values[i]!);
    });
    notes.push(...found.notes.map((note) => `${layer.name} ${note}`));
  }
  const first = specs.findIndex((spec) => spec.kind !== 'dropout');
  if (first < 0) throw invalidFile(source.file, 'it has no layer with weights.');
  const spec: ModelSpec =
    specs[first]!.kind === 'embedding'
      ? { layers: specs }
      : { inputSize: inputSizeOf(source, specs[first]!, parts[first]!, isWhole), layers: specs };
  return { spec, parameters: named(spec, parts, source.file), used: converted.map(({ layer }) => layer.name), notes };
}

/** The parameters by their names: those of each layer follow each other in the layout of the spec. */
function named(spec: ModelSpec, parts: readonly Parts[], file: string): Map<string, FloatArray> {
  const { entries } = layoutOf(spec, file);
  const parameters = new Map<string, FloatArray>();
  let at = 0;
  for (const values of parts) {
    const own = entries.slice(at, at + Object.keys(values).length);
    for (const { name } of own) {
      const [, part, reverse = ''] = /\.(\w+?)(?:_l\d+)?(_reverse)?$/.exec(name)!;
      const data = values[`${part}${reverse}`];
      if (data) parameters.set(name, data);
    }
    at += own.length;
  }
  return parameters;
}

/** Opens a Keras model: lists its layers, and makes a model of them or of one of them. */
export function openModel(source: KerasFile): ImportSource {
  const { format, model, version } = source;
  const { layers } = model;
  const last = layers.findLastIndex(({ className }) => !AFTER_LAST.includes(className));
  const converted: Converted[] = layers.map((layer, i) => {
    return { layer, found: convertLayer(layer, { version, isLast: i >= last }) };
  });
  const listed = converted.map(({ layer: { name, className }, found }): ForeignLayer => {
    if (typeof found === 'string') return { name, kind: className, size: '', problem: found };
    return { name, kind: found.kind, size: found.size, problem: null };
  });
  const read = (node?: string): Draft => {
    const chosen = node === undefined ? converted : converted.filter(({ layer }) => layer.name === node);
    if (chosen.length === 0 && node !== undefined) throw unknownNode(node, listed);
    const usable = chosen.map(({ layer, found }) => {
      if (typeof found === 'string') throw invalidFile(source.file, `${layer.name} (${layer.className}): ${found}`);
      return { layer, found };
    });
    return draftOf(source, usable, node === undefined);
  };
  return { format, layers: listed, read };
}
