/** Gradient flow through time: by step for the whole loss, and by lag for the loss of one step. */

import { requireInteger, requireOptions } from '../checks.js';
import { requireBatch } from '../core/batch.js';
import type { LossChoice } from '../core/losses.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import type { ModelSpec } from '../core/spec.js';
import { norm } from '../estimators/vectors.js';
import { requireLayer } from './checks.js';
import { type Grid, rowOf } from './grid.js';
import type { LstmTrace } from './lstm-trace.js';
import { outputLengthOf, outputStepsOf, singleStepWeights } from './one-sequence.js';
import { trace } from './trace.js';

const norms = (grid: Grid): number[] => Array.from({ length: grid.rows }, (_, t) => norm(rowOf(grid, t)));

/** Norms of the gradients by the states of one LSTM, one number per time step. */
export interface GradientFlow {
  /** |dL/dh|. */
  readonly h: readonly number[];
  /** The part of dL/dh from the loss and the layers above. */
  readonly hFromAbove: readonly number[];
  /** The part of dL/dh from the next step, through Wh. */
  readonly hFromNext: readonly number[];
  /** |dL/dc|. */
  readonly c: readonly number[];
  /** The part of dL/dc from the next step, along the cell state. */
  readonly cFromNext: readonly number[];
  /** The part of dL/dc through the h of the same step. */
  readonly cFromH: readonly number[];
}

/** The norms of dL/dh and dL/dc of one LSTM at each time step, each with its two sources. */
export function gradientFlow(layer: LstmTrace): GradientFlow {
  requireLayer(layer);
  const { h, hFromAbove, hFromNext, c, cFromNext, cFromH } = layer.grad;
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
 * The gradient of the loss of one output step, by lag: element k is the norm k steps back. Lag 0 is that step, or the last step a
 * layer read if only its final state reaches the output.
 */
export interface LagFlow {
  /** The output step whose loss is used; always 0 after `returns: 'last'`. */
  readonly step: number;
  /** |dL/dx|, x being the input of the lowest LSTM. */
  readonly x: readonly number[];
  /** One entry per LSTM, in the order of `trace.layers`. */
  readonly layers: readonly LayerLagFlow[];
}

/** The part of a `LagFlow` that belongs to one LSTM. */
export interface LayerLagFlow {
  /** |dL/dh| by lag. */
  readonly h: readonly number[];
  /** |dL/dc| by lag. */
  readonly c: readonly number[];
  /** The mean factor by which |dL/dc| changes per step; null with fewer than four usable lags. */
  readonly factor: number | null;
  /** What the factor means. */
  readonly verdict: FlowVerdict;
}

/**
 * What happens to dL/dc over time: it `vanishes` (a factor below 0.7 per step), `fades` (below 0.95), `persists` (up to 1.05) or
 * `explodes`; `too short` if the sequence has too few steps.
 */
export type FlowVerdict = 'vanishes' | 'fades' | 'persists' | 'explodes' | 'too short';

/**
 * Measures how far the gradient of the loss of one step reaches back, by running a sequence with that loss only.
 *
 * @param options.step the output step; default: the last one with a weight other than 0.
 * @param options.row the sequence of the batch; default 0.
 * @param options.loss the loss; the default is that of `trace`.
 */
export async function gradientByLag(
  model: Model,
  batch: Batch,
  options: { readonly step?: number; readonly row?: number; readonly loss?: LossChoice } = {},
): Promise<LagFlow> {
  requireModel(model);
  requireOptions('options', options ?? null, ['step', 'row', 'loss']);
  requireBatch(model, batch, options.loss ?? defaultLoss(batch));
  const { row = 0, step: chosen, ...rest } = options;
  requireInteger('row', row, 0, batch.batchSize - 1);
  const step = chosen ?? lastWeightedStep(model.spec, batch, row);
  requireInteger('step', step, 0, outputLengthOf(model.spec, batch, row) - 1);
  const weights = singleStepWeights(model.spec, batch, step);
  const { layers } = await trace(model, { ...batch, weights }, { ...rest, row });
  const lastOnlyLayer = layers.findLastIndex(({ lastOnly }) => lastOnly);
  const found = layers.map((layer, i) => {
    const { grad, reverse, steps } = layer;
    const end = reverse ? 0 : steps - 1;
    const from = i <= lastOnlyLayer ? end : step;
    const byLag = (grid: Grid): number[] =>
      reverse
        ? norms(grid).slice(from)
        : norms(grid)
            .slice(0, from + 1)
            .reverse();
    const c = byLag(grad.c);
    const factor = factorOf(c);
    return { x: byLag(grad.x), h: byLag(grad.h), c, factor, verdict: verdictOf(factor) };
  });
  return { step, x: found[0]!.x, layers: found.map(({ x: _, ...layer }) => layer) };
}

function lastWeightedStep(spec: ModelSpec, batch: Batch, row: number): number {
  const [steps, end] = [outputStepsOf(spec, batch.steps), outputLengthOf(spec, batch, row)];
  const { batchSize, weights, batchFirst } = batch;
  for (let t = end - 1; t >= 0 && weights; t--)
    if (weights[batchFirst ? row * steps + t : t * batchSize + row] !== 0) return t;
  return end - 1;
}

/** The factor per step: the exponential of the least-squares slope of log |dL/dc| over the lag. */
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

/** After 20 steps, a factor of 0.7 leaves a thousandth of the gradient and 0.95 leaves a third. */
const verdictOf = (factor: number | null): FlowVerdict => {
  if (factor === null) return 'too short';
  if (factor < 0.7) return 'vanishes';
  if (factor < 0.95) return 'fades';
  return factor <= 1.05 ? 'persists' : 'explodes';
};
