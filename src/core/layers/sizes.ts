/** The sizes of every layer kind's output, without the code of the layers. */

import type { LstmSpec } from '../lstm/spec.js';
import type { ActivitySpec } from './activity.js';
import type { DropoutSpec } from './dropout.js';
import type { EmbeddingSpec } from './embedding.js';
import type { LinearSpec } from './linear.js';
import type { RepeatSpec } from './repeat.js';

/** The spec of each layer kind. */
export interface LayerSpecs {
  readonly embedding: EmbeddingSpec;
  readonly lstm: LstmSpec;
  readonly linear: LinearSpec;
  readonly dropout: DropoutSpec;
  readonly repeat: RepeatSpec;
  readonly activity: ActivitySpec;
}

/** One layer of a `ModelSpec`, discriminated by `kind`. */
export type LayerSpec = LayerSpecs[keyof LayerSpecs];

/** Width of the output of a layer over an input of width `inputSize`. */
export function outputSizeOf(layer: LayerSpec, inputSize: number): number {
  if (layer.kind === 'embedding') return layer.width;
  if (layer.kind === 'linear') return layer.size;
  if (layer.kind !== 'lstm') return inputSize;
  const { hiddenSize, projectionSize = hiddenSize, direction } = layer;
  return direction === 'bidirectional' ? 2 * projectionSize : projectionSize;
}

/** Time steps of the output of `layers` over an input of `steps`. */
export const outputStepsOf = (layers: readonly LayerSpec[], steps: number): number =>
  layers.reduce(
    (left, layer) =>
      layer.kind === 'repeat' ? layer.steps : layer.kind === 'lstm' && layer.returns === 'last' ? 1 : left,
    steps,
  );
