/** How the gradient flows back through time: by step over the whole loss, and by lag from the loss of one step alone. */
import type { LossChoice } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import { requireInteger } from '../errors.js';
import { type Grid, rowOf } from './grid.js';
import type { LstmTrace } from './lstm-trace.js';
import { trace } from './trace.js';

const norms = (grid: Grid): number[] => Array.from({ length: grid.rows }, (_, t) => Math.hypot(...rowOf(grid, t)));

/** Norms by step. */
export interface GradientFlow {
  readonly h: readonly number[];
  /** What dL/dh is made of: from the loss and the layers above, and from the next step through Wh. */
  readonly hFromAbove: readonly number[];
  readonly hFromNext: readonly number[];
  readonly c: readonly number[];
  /** What dL/dc is made of: along the cell state from the next step, and through this step's h. */
  readonly cFromNext: readonly number[];
  readonly cFromH: readonly number[];
}

export function gradientFlow({ grad }: LstmTrace): GradientFlow {
  const { h, hFromAbove, hFromNext, c, cFromNext, cFromH } = grad;
  return {
    h: norms(h),
    hFromAbove: norms(hFromAbove),
    hFromNext: norms(hFromNext),
    c: norms(c),
    cFromNext: norms(cFromNext),
    cFromH: norms(cFromH),
  };
}

/** Of the loss of one step alone; number k is the norm k steps back. */
export interface LagFlow {
  /** The step whose loss it is. */
  readonly step: number;
  /** |dL/dx| of the lowest LSTM's input. */
  readonly x: readonly number[];
  readonly layers: readonly LagFlowOfLayer[];
}

export interface LagFlowOfLayer {
  readonly h: readonly number[];
  readonly c: readonly number[];
  /** By what |dL/dc| changes a step, in the mean; null where there is too little to tell. */
  readonly factor: number | null;
  readonly verdict: FlowVerdict;
}

export type FlowVerdict = 'vanishes' | 'fades' | 'is carried' | 'explodes' | 'too short to tell';

/**
 * Runs the sequence again with the loss of one step alone.
 *
 * @param options.step default: the last step that has a weight.
 */
export async function gradientByLag(
  model: Model,
  batch: Batch,
  options: { readonly step?: number; readonly row?: number; readonly loss?: LossChoice } = {},
): Promise<LagFlow> {
  const { step = lastCounted(batch, options.row ?? 0), ...rest } = options;
  requireInteger('step', step, 0, batch.steps - 1);
  const weights = new Float64Array(batch.steps * batch.rows);
  for (let n = 0; n < batch.rows; n++) weights[batch.batchFirst ? n * batch.steps + step : step * batch.rows + n] = 1;
  const { layers } = await trace(model, { ...batch, weights }, rest);
  /** By lag: into the past, or for a layer that reads from the end, into what it read before. */
  const back = (grid: Grid, reverse: boolean): number[] =>
    reverse
      ? norms(grid).slice(step)
      : norms(grid)
          .slice(0, step + 1)
          .reverse();
  return {
    step,
    x: back(layers[0]!.grad.x, layers[0]!.reverse),
    layers: layers.map(({ grad, reverse }) => {
      const c = back(grad.c, reverse);
      const factor = factorOf(c);
      return { h: back(grad.h, reverse), c, factor, verdict: verdictOf(factor) };
    }),
  };
}

function lastCounted({ steps, rows, weights, lengths, batchFirst }: Batch, row: number): number {
  const end = lengths?.[row] ?? steps;
  for (let t = end - 1; t >= 0 && weights; t--)
    if (weights[batchFirst ? row * steps + t : t * rows + row] !== 0) return t;
  return end - 1;
}

/** The slope of log |dL/dc| by lag, by least squares, as a factor a step. */
function factorOf(sizes: readonly number[]): number | null {
  const points = sizes.flatMap((v, lag) => (v > 1e-30 ? [[lag, Math.log(v)] as const] : []));
  if (points.length < 4) return null;
  const mean = (at: 0 | 1): number => points.reduce((sum, p) => sum + p[at], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  let [above, below] = [0, 0];
  for (const [lag, v] of points) {
    above += (lag - x) * (v - y);
    below += (lag - x) ** 2;
  }
  return Math.exp(above / below);
}

/** Over 20 steps a factor of 0.7 leaves a thousandth, one of 0.95 a third. */
const verdictOf = (factor: number | null): FlowVerdict => {
  if (factor === null) return 'too short to tell';
  if (factor < 0.7) return 'vanishes';
  if (factor < 0.95) return 'fades';
  return factor <= 1.05 ? 'is carried' : 'explodes';
};
