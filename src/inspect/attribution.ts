/** Input attribution: how much the input of each time step contributes to the loss. */

import { requireChoice, requireInteger, requireOptions } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { requireBatch } from '../core/batch.js';
import type { LossChoice } from '../core/losses.js';
import { type Batch, defaultLoss, Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import type { LayerSpec } from '../core/spec.js';
import { invalidSetting } from '../errors.js';
import { dot, norm } from '../estimators/vectors.js';
import { type Grid, grid, rowOf } from './grid.js';
import { oneSequence, singleStepWeights } from './one-sequence.js';
import { type Trace, trace } from './trace.js';

/**
 * The attribution methods. `gradient` is |dL/dx_t|. `gradientTimesInput` is x_t . dL/dx_t. `integratedGradients` (Sundararajan et
 * al. 2017, arXiv:1703.01365) is x_t . the mean of dL/dx_t between the baseline 0 and x; its values add up to L(x) - L(0). For a
 * model of tokens, x_t is the embedding of the token.
 */
export const ATTRIBUTIONS = ['gradient', 'gradientTimesInput', 'integratedGradients'] as const;

/** Options of `attribution`. */
export interface AttributionOptions {
  /** The method; default `gradientTimesInput`. */
  readonly method?: (typeof ATTRIBUTIONS)[number];
  /** Attributes only the loss of this output step (0 is the only step after `returns: 'last'`). Default: the whole loss. */
  readonly step?: number;
  /** The loss; the default is that of `trace`. */
  readonly loss?: LossChoice;
  /** Number of points of the midpoint rule for `integratedGradients`, 1 to 65536. Default 64. */
  readonly points?: number;
}

/** The contribution of each time step to the loss. */
export interface Attribution {
  /** One number per step: a norm for `gradient`; otherwise signed, and positive if the input raises the loss. */
  readonly byStep: readonly number[];
  /** The loss at the input. */
  readonly loss: number;
  /** The loss at the baseline of zeros; null for the methods without a baseline. */
  readonly baselineLoss: number | null;
}

/**
 * Attributes the loss of one sequence to its inputs, step by step. `batch` must have `batchSize: 1` and no `lengths`. Throws
 * `INVALID_SETTING` for an unknown method, or for a batch, step or number of points out of range.
 */
export async function attribution(model: Model, batch: Batch, options: AttributionOptions = {}): Promise<Attribution> {
  requireModel(model);
  requireOptions('options', options ?? null, ['method', 'step', 'loss', 'points']);
  const { method = 'gradientTimesInput', points = 64, step, loss } = options;
  requireChoice('method', method, ATTRIBUTIONS);
  requireInteger('points', points, 1, 1 << 16);
  const choice = loss ?? defaultLoss(batch);
  requireBatch(model, batch, choice);
  if (batch.batchSize !== 1 || batch.lengths)
    throw invalidSetting('batch', 'must be one sequence: batchSize 1, without lengths.');
  const { spec } = model;
  // A copy: what the caller does with its arrays during the awaits has no effect.
  const { inputs, targets, weights } = oneSequence(model, batch, 0, choice);
  const given: Batch = { steps: batch.steps, batchSize: 1, inputs, targets, ...(weights && { weights }) };
  const weighted = step === undefined ? given : { ...given, weights: singleStepWeights(spec, given, step) };
  const values = await withoutEmbedding(model, weighted);
  const { x } = values;
  try {
    const traceAt = (inputs: FloatArray): Promise<Trace> =>
      trace(values.model, { ...weighted, inputs }, { loss: choice });
    const atInput = await traceAt(x.data);
    if (method === 'gradient') {
      return { byStep: byStep(x, (t) => norm(rowOf(inputGrad(atInput), t))), loss: atInput.loss, baselineLoss: null };
    }
    if (method === 'gradientTimesInput') {
      const dx = inputGrad(atInput);
      return { byStep: byStep(x, (t) => dot(rowOf(x, t), rowOf(dx, t))), loss: atInput.loss, baselineLoss: null };
    }
    const sum = new Float64Array(x.data.length);
    for (let p = 0; p < points; p++) {
      const share = (p + 0.5) / points;
      const dx = inputGrad(await traceAt(x.data.map((v) => share * v))).data;
      for (let i = 0; i < sum.length; i++) sum[i]! += dx[i]! / points;
    }
    const mean = grid(x.rows, x.cols, sum);
    const baseline = await traceAt(new Float64Array(x.data.length));
    return {
      byStep: byStep(x, (t) => dot(rowOf(x, t), rowOf(mean, t))),
      loss: atInput.loss,
      baselineLoss: baseline.loss,
    };
  } finally {
    values.model.dispose();
  }
}

const byStep = ({ rows }: Grid, of: (t: number) => number): number[] => Array.from({ length: rows }, (_, t) => of(t));

const inputGrad = ({ input }: Trace): Grid => {
  if (input.kind === 'values') return input.grad;
  throw invalidSetting('model', 'reads tokens.'); // cannot happen: `withoutEmbedding` removed the embedding
};

/** A copy of the model without its embedding, and the embedded tokens as its input. */
async function withoutEmbedding(model: Model, batch: Batch): Promise<{ model: Model; x: Grid }> {
  const { spec } = model;
  const [first, ...others] = spec.layers as [LayerSpec, ...LayerSpec[]];
  const isEmbedding = first.kind === 'embedding';
  const { embedding, parameters } = await parametersOf(model, first);
  const rest = isEmbedding ? { ...spec, inputSize: first.width, layers: untied(others, first) } : spec;
  const copy = new Model(model.kernels, rest, true, model.variants);
  for (const { name } of copy.parameters.layout.entries) copy.parameters.set(name, parameters.get(name) ?? embedding!);
  if (!isEmbedding) {
    const inputs = Float64Array.from(batch.inputs);
    return { model: copy, x: grid(batch.steps, inputs.length / batch.steps, inputs) };
  }
  const x = grid(batch.steps, first.width);
  for (let t = 0; t < batch.steps; t++) {
    const id = batch.inputs[t]!;
    x.data.set(embedding!.subarray(id * first.width, (id + 1) * first.width), t * first.width);
  }
  return { model: copy, x };
}

async function parametersOf(model: Model, first: LayerSpec) {
  const parameters = new Map(await model.parameters.download());
  if (first.kind !== 'embedding') return { embedding: null, parameters };
  const name = `${nameOf(first)}.weight`;
  const embedding = parameters.get(name)!;
  parameters.delete(name);
  return { embedding, parameters };
}

const nameOf = (first: LayerSpec & { kind: 'embedding' }): string => first.name ?? 'embedding';

/** Gives a linear layer that is tied to the embedding a separate weight. */
const untied = (layers: readonly LayerSpec[], first: LayerSpec & { kind: 'embedding' }): LayerSpec[] =>
  layers.map((layer) => {
    if (layer.kind !== 'linear' || layer.tied !== nameOf(first)) return layer;
    const { tied: _, ...own } = layer;
    return own;
  });
