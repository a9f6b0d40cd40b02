/** How much memory a training takes, before anything is allocated. */
import type { Precision } from './kernels.js';
import type { PassShape } from './layer.js';
import { parameterLayout } from './model.js';
import { type ModelSpec, widthAfter } from './spec.js';

/** Bytes. */
export interface MemoryNeed {
  readonly parameters: number;
  readonly gradients: number;
  readonly optimizer: number;
  /** One pass of the shape, with gradients and, over a last layer of classes, the probabilities. */
  readonly tape: number;
  readonly total: number;
}

/** Floats that the tape of one layer holds; `width` is that of its input, `outputs` its rows of output. */
function tapeFloats(
  layer: ModelSpec['layers'][number],
  { steps, rows }: PassShape,
  width: number,
  outputs: number,
): number {
  switch (layer.kind) {
    case 'embedding':
      return 2 * outputs * layer.width;
    case 'linear':
      return 2 * outputs * layer.size + width * layer.size; // y and its gradient; W packed
    case 'lstm': {
      const H = layer.hiddenSize;
      const state = (steps + 1) * rows * H;
      const each = steps * rows * 4 * H + 2 * state; // i f g o, c and h: 6 floats a unit, row and step
      return 2 * each + (width + 2 * H) * 4 * H + 4 * H; // the gradients again as much; Wx, Wh and Wh' packed; b
    }
    default:
      return 0;
  }
}

/**
 * What `fit` keeps for batches of one shape and a cross-entropy loss. `optimizerArenas`: 2 for Adam, 1 for momentum.
 * Throws `INVALID_SETTING` where the spec cannot work.
 */
export function memoryNeed(
  spec: ModelSpec,
  shape: PassShape,
  options: { readonly precision?: Precision; readonly optimizerArenas?: number } = {},
): MemoryNeed {
  const { precision = 'float32', optimizerArenas = 2 } = options;
  const bytes = precision === 'float64' ? 8 : 4;
  const parameters = parameterLayout(spec).size * bytes;
  const all = shape.steps * shape.rows;
  let outputs = all;
  let tape = (spec.inputSize ?? 0) * all;
  let width = spec.inputSize ?? 0;
  for (const layer of spec.layers) {
    if (layer.kind === 'lstm' && layer.returns === 'last') outputs = shape.rows;
    tape += tapeFloats(layer, shape, width, outputs);
    width = widthAfter(layer, width);
  }
  tape = (tape + outputs * width + 1) * bytes; // the loss: its probabilities and its value
  const optimizer = optimizerArenas * parameters;
  return { parameters, gradients: parameters, optimizer, tape, total: 2 * parameters + optimizer + tape };
}
