/** Makes a model of layers that were found in a graph. */
import type { FloatArray } from '../../../contract/kernels.js';
import { buildLayers } from '../../../core/build.js';
import type { LayerSpec, ModelSpec } from '../../../core/spec.js';
import { invalidFile } from '../../invalid.js';
import { layoutOf } from '../finish.js';
import type { Draft } from '../imported.js';
import type { Flow, Layer, LayerContent, Source } from './value.js';

/** A layer that can be imported. */
export type UsableLayer = Layer & { readonly content: LayerContent };

export const isUsable = (layer: Layer): layer is UsableLayer => typeof layer.content !== 'string';

/** Whether a layer reads what another one computes: of all steps, or of the last one. */
export function reads(layer: Layer, before: Layer): boolean {
  const { source, axes } = layer.input;
  return source.kind === 'layer' && source.layer === before && isOutput(source) && axes !== null;
}

const isOutput = (source: Source): boolean =>
  source.kind === 'layer' && source.part !== 'state' && source.direction === null;

/** Whether what follows a layer reads only its last step. */
const isLast = ({ source }: Flow, layer: Layer): boolean =>
  source.kind === 'layer' && source.layer === layer && source.part === 'last';

/** The layers from the input of the file to its output. Throws `INVALID_FILE` unless they form one chain. */
export function chain(layers: readonly UsableLayer[], file: string): UsableLayer[] {
  const order: UsableLayer[] = [];
  const next = new Map<Layer | null, UsableLayer>();
  for (const layer of layers) {
    const { source } = layer.input;
    const before = source.kind === 'layer' && reads(layer, source.layer) ? source.layer : null;
    const other = next.get(before);
    if (before === null && source.kind !== 'input') {
      throw invalidFile(file, `its layers do not form one chain: ${layer.name} reads what no other layer computes.`);
    }
    if (other) {
      const what = before ? before.name : 'the input';
      throw invalidFile(file, `its layers do not form one chain: ${other.name} and ${layer.name} both read ${what}.`);
    }
    next.set(before, layer);
  }
  for (let at = next.get(null); at; at = next.get(at)) order.push(at);
  return order;
}

/** The spec of layers one after the other. `outputs` are what follows the last one. */
function specOf(layers: readonly UsableLayer[], outputs: readonly Flow[]): ModelSpec {
  const specs = layers.map((layer, i): LayerSpec => {
    const { spec } = layer.content;
    if (spec.kind !== 'lstm') return spec;
    const readers = i + 1 < layers.length ? [layers[i + 1]!.input] : outputs;
    const own = readers.filter(({ source }) => source.kind === 'layer' && source.layer === layer && isOutput(source));
    return own.length > 0 && own.every((flow) => isLast(flow, layer)) ? { ...spec, returns: 'last' } : spec;
  });
  const width = layers[0]!.content.width;
  return { ...(width > 0 && { inputSize: width }), layers: specs };
}

/** The part of a parameter's name that says what it is: `weight_ih_reverse` of `lstm.weight_ih_l0_reverse`. */
export const partOf = (name: string): string => name.replace(/^.*\./, '').replace(/_l\d+(?=$|_reverse$)/, '');

/** The model of layers one after the other. */
export function modelOf(layers: readonly UsableLayer[], outputs: readonly Flow[], file: string): Draft {
  if (layers.length === 0) throw invalidFile(file, 'it has no layers that can be imported.');
  const spec = specOf(layers, outputs);
  const parameters = new Map<string, FloatArray>();
  layoutOf(spec, file);
  buildLayers(spec).forEach((built, i) => {
    for (const { name } of built.parameters) {
      const values = layers[i]!.content.parameters.get(partOf(name));
      if (values) parameters.set(name, values);
    }
  });
  const notes = layers.flatMap(({ content }) => content.notes);
  return { spec, parameters, used: layers.map(({ name }) => name), notes };
}
