/** How the gradient flows back through time: by step over the whole loss, and by lag from the loss of one step alone. */
import type { LossChoice } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import { norm } from '../estimators/vectors.js';
import { type Grid, rowOf } from './grid.js';
import type { LstmTrace } from './lstm-trace.js';
import { answersOf, onlyStep, outputStepsOf } from './one-sequence.js';
import { trace } from './trace.js';

const norms = (grid: Grid): number[] => Array.from({ length: grid.rows }, (_, t) => norm(rowOf(grid, t)));

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

/**
 * Of the loss of one step alone; number k is the norm k steps back: from that step, or from the last step that a layer read where
 * only the state that it ended with goes on.
 */
export interface LagFlow {
  /** The step of the output whose loss it is; after `returns: 'last'` there is only 0. */
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
 * @param options.step of the output. Default: the last that has a weight.
 */
export async function gradientByLag(
  model: Model,
  batch: Batch,
  options: { readonly step?: number; readonly row?: number; readonly loss?: LossChoice } = {},
): Promise<LagFlow> {
  const { step = lastCounted(model.spec, batch, options.row ?? 0), ...rest } = options;
  const weights = onlyStep(model.spec, batch, step);
  const { layers } = await trace(model, { ...batch, weights }, rest);
  const folded = layers.findLastIndex(({ lastOnly }) => lastOnly);
  const found = layers.map((layer, i) => {
    const { grad, reverse, steps } = layer;
    const end = reverse ? 0 : steps - 1;
    const from = i <= folded ? end : step;
    /** By lag: into the past, or for a layer that reads from the end, into what it read before. */
    const back = (grid: Grid): number[] =>
      reverse
        ? norms(grid).slice(from)
        : norms(grid)
            .slice(0, from + 1)
            .reverse();
    const c = back(grad.c);
    const factor = factorOf(c);
    return { x: back(grad.x), h: back(grad.h), c, factor, verdict: verdictOf(factor) };
  });
  return { step, x: found[0]!.x, layers: found.map(({ x: _, ...layer }) => layer) };
}

function lastCounted(spec: ModelSpec, batch: Batch, row: number): number {
  const [steps, end] = [outputStepsOf(spec, batch.steps), answersOf(spec, batch, row)];
  const { batchSize, weights, batchFirst } = batch;
  for (let t = end - 1; t >= 0 && weights; t--)
    if (weights[batchFirst ? row * steps + t : t * batchSize + row] !== 0) return t;
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
