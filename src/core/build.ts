/** From a spec to its layers, and from layers to the memory of one pass. */

import type { Kernels } from '../contract/kernels.js';
import { requireInteger } from '../errors.js';
import { activityLayer } from './layers/activity.js';
import { dropoutLayer } from './layers/dropout.js';
import { embeddingLayer } from './layers/embedding.js';
import type { Layer, LayerInput, PassShape, PassState } from './layers/layer.js';
import { linearLayer } from './layers/linear.js';
import { repeatLayer } from './layers/repeat.js';
import { formLengths } from './lstm/forms.js';
import { lstmLayer } from './lstm/layer.js';
import { leased } from './memory/lease.js';
import { ParameterLayout } from './memory/parameters.js';
import { type LayerSpec, type ModelSpec, requireSpec } from './spec.js';
import { type AnyLayerTape, Tape, type TapeInput } from './tape.js';

export interface TapeOptions {
  /** Room for gradients. Default true. */
  readonly gradients?: boolean;
  /** Room for, and computation of, the gradient by the input. Default: as `gradients`. */
  readonly inputGradient?: boolean;
  /** Room for sequences of unequal lengths. Default false. */
  readonly lengths?: boolean;
  /** Where its memory is: the model's backend, or something that stands before it. Default: the model's backend. */
  readonly kernels?: Kernels;
}

/** Layers with their default names; a name used twice gets a number, but the LSTMs under one name count their levels. */
export function buildLayers(spec: ModelSpec): Layer[] {
  const used = new Set<string>();
  const unique = (layer: LayerSpec, standard: string): string => {
    const wanted = layer.name ?? standard;
    let name = wanted;
    for (let n = 2; used.has(name); n++) name = `${wanted}${n}`;
    used.add(name);
    return name;
  };
  const levels = new Map<string, number>();
  const build = (layer: LayerSpec, width: number): Layer => {
    switch (layer.kind) {
      case 'embedding':
        return embeddingLayer(layer, unique(layer, 'embedding'));
      case 'linear':
        return linearLayer(layer, unique(layer, 'head'), width);
      case 'dropout':
        return dropoutLayer(layer, unique(layer, 'dropout'), width);
      case 'repeat':
        return repeatLayer(layer, unique(layer, 'repeat'), width);
      case 'activity':
        return activityLayer(layer, unique(layer, 'activity'), width);
      case 'lstm': {
        const prefix = layer.name ?? 'lstm';
        const level = levels.get(prefix) ?? 0;
        levels.set(prefix, level + 1);
        return lstmLayer(layer, prefix, level, width);
      }
      default:
        return layer satisfies never;
    }
  };
  const layers: Layer[] = [];
  for (const layer of spec.layers) layers.push(build(layer, layers.at(-1)?.outputSize ?? spec.inputSize ?? 0));
  return layers;
}

/** Names and shapes of all parameters of a model, without building it. */
export function parameterLayout(spec: ModelSpec): ParameterLayout {
  requireSpec(spec);
  return new ParameterLayout(buildLayers(spec).flatMap((layer) => layer.parameters));
}

/** The memory of a pass of `shape` over `layers`, built from `spec`. Where it fails, nothing stays allocated. */
export function layTape(
  kernels: Kernels,
  spec: ModelSpec,
  layers: readonly Layer[],
  shape: PassShape,
  options: TapeOptions = {},
): Tape {
  requireInteger('steps', shape.steps, 1, 1 << 24);
  requireInteger('rows', shape.batchSize, 1, 1 << 24);
  requireInteger('steps times rows', shape.steps * shape.batchSize, 1, 1 << 28);
  const { gradients = true, inputGradient = gradients } = options;
  const { steps, batchSize } = shape;
  const first = spec.layers[0]!;
  return leased(kernels, (lease) => {
    const k = lease.kernels;
    const room = () => (first.kind === 'embedding' ? null : k.alloc(steps * batchSize, spec.inputSize!));
    const [x, dx] = [room(), inputGradient ? room() : null];
    const pass: PassState = { noise: null };
    const lengths = options.lengths ? formLengths(k, { steps, batchSize }) : null;
    let from: LayerInput = { x, dx, steps, ragged: lengths };
    const tapes = layers.map((layer) => {
      const tape = layer.tape(k, { steps, batchSize }, from, gradients, pass) as AnyLayerTape;
      // Where one step is left of all, or was made many again, the rows are equally long.
      const ragged = tape.kind === 'repeat' || tape.outputSteps !== from.steps ? null : from.ragged;
      from = { x: tape.y, dx: tape.dy, steps: tape.outputSteps, ragged };
      return tape;
    });
    const bottom = tapes[0]!;
    const input: TapeInput =
      first.kind === 'embedding' && bottom.kind === 'embedding'
        ? { kind: 'tokens', size: first.size, ids: bottom.ids }
        : { kind: 'values', x: x!, dx };
    return new Tape(lease, { steps, batchSize }, input, tapes, pass, lengths);
  });
}
