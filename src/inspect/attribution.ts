/**
 * Which inputs moved the loss, by step: the gradient itself, |dL/dx_t|; gradient times input, x_t . dL/dx_t; and integrated
 * gradients (Sundararajan et al. 2017, arXiv:1703.01365), (x_t - x'_t) . the mean of dL/dx_t on the way from a baseline x' to x, which
 * add up to L(x) - L(x'). Of a model that reads tokens, x_t is the row of the embedding.
 */
import type { LossChoice } from '../core/losses.js';
import { type Batch, defaultLoss, Model } from '../core/model.js';
import type { LayerSpec } from '../core/spec.js';
import { requireChoice } from '../core/spec-checks.js';
import { invalidSetting, requireInteger } from '../errors.js';
import { dot, norm } from '../estimators/vectors.js';
import { type Grid, grid, rowOf } from './grid.js';
import { onlyStep } from './one-sequence.js';
import { type Trace, trace } from './trace.js';

export const ATTRIBUTIONS = ['gradient', 'gradientTimesInput', 'integratedGradients'] as const;

export interface AttributionOptions {
  /** Default `gradientTimesInput`. */
  readonly method?: (typeof ATTRIBUTIONS)[number];
  /** Of the loss of this step of the output alone (after `returns: 'last'` there is only 0). Default: of the whole loss. */
  readonly step?: number;
  /** Default as in `trace`. */
  readonly loss?: LossChoice;
  /** Points on the way of `integratedGradients`, by the midpoint rule. Default 64. */
  readonly points?: number;
}

export interface Attribution {
  /** One number a step: norms for `gradient`, else signed, and positive where the input raises the loss. */
  readonly byStep: readonly number[];
  /** L at the input, and at the baseline of zeros (null where the method has none). */
  readonly loss: number;
  readonly baselineLoss: number | null;
}

/** Of one sequence (a batch of one row). */
export async function attribution(model: Model, batch: Batch, options: AttributionOptions = {}): Promise<Attribution> {
  const { method = 'gradientTimesInput', points = 64, step, loss } = options;
  requireChoice('method', method, ATTRIBUTIONS);
  requireInteger('points', points, 1, 1 << 16);
  if (batch.batchSize !== 1 || batch.lengths)
    throw invalidSetting('batch', 'should be of one sequence: rows: 1, without lengths.');
  const choice = loss ?? defaultLoss(batch);
  const weighed = step === undefined ? batch : { ...batch, weights: onlyStep(model.spec, batch, step) };
  const own = await valuesOf(model, weighed);
  try {
    const pass = (x: Grid): Promise<Trace> => trace(own.model, { ...weighed, inputs: x.data }, { loss: choice });
    const here = await pass(own.x);
    if (method === 'gradient') {
      return {
        byStep: byStep(own.x, (t) => norm(rowOf(gradOf(here), t))),
        loss: here.loss,
        baselineLoss: null,
      };
    }
    if (method === 'gradientTimesInput') {
      const dx = gradOf(here);
      return { byStep: byStep(own.x, (t) => dot(rowOf(own.x, t), rowOf(dx, t))), loss: here.loss, baselineLoss: null };
    }
    const sum = new Float64Array(own.x.data.length);
    for (let p = 0; p < points; p++) {
      const share = (p + 0.5) / points;
      const dx = gradOf(
        await pass(
          grid(
            own.x.rows,
            own.x.cols,
            own.x.data.map((v) => share * v),
          ),
        ),
      ).data;
      for (let i = 0; i < sum.length; i++) sum[i]! += dx[i]! / points;
    }
    const mean = grid(own.x.rows, own.x.cols, sum);
    const baseline = await pass(grid(own.x.rows, own.x.cols, new Float64Array(own.x.data.length)));
    return {
      byStep: byStep(own.x, (t) => dot(rowOf(own.x, t), rowOf(mean, t))),
      loss: here.loss,
      baselineLoss: baseline.loss,
    };
  } finally {
    if (own.model !== model) own.model.dispose();
  }
}

const byStep = ({ rows }: Grid, of: (t: number) => number): number[] => Array.from({ length: rows }, (_, t) => of(t));

const gradOf = ({ input }: Trace): Grid => {
  if (input.kind === 'values') return input.grad;
  throw invalidSetting('model', 'reads tokens.'); // `valuesOf` has taken the embedding away
};

/** The model behind its embedding, and what the embedding gives; any other model as it is. */
async function valuesOf(model: Model, batch: Batch): Promise<{ model: Model; x: Grid }> {
  const [first, ...rest] = model.spec.layers as [LayerSpec, ...LayerSpec[]];
  if (first.kind !== 'embedding') {
    const inputs = Float64Array.from(batch.inputs);
    return { model, x: grid(batch.steps, inputs.length / batch.steps, inputs) };
  }
  const { embedding, others } = await parametersOf(model, first);
  const behind = new Model(
    model.kernels,
    { ...model.spec, inputSize: first.width, layers: untied(rest, first) },
    true,
    model.variants,
  );
  for (const name of behind.parameters.layout.entries.map((entry) => entry.name)) {
    behind.parameters.set(name, others.get(name) ?? embedding);
  }
  const x = grid(batch.steps, first.width);
  for (let t = 0; t < batch.steps; t++) {
    const id = batch.inputs[t]!;
    x.data.set(embedding.subarray(id * first.width, (id + 1) * first.width), t * first.width);
  }
  return { model: behind, x };
}

async function parametersOf(model: Model, first: LayerSpec & { kind: 'embedding' }) {
  const others = new Map(await model.parameters.download());
  const name = `${nameOf(first)}.weight`;
  const embedding = others.get(name)!;
  others.delete(name);
  return { embedding, others };
}

const nameOf = (first: LayerSpec & { kind: 'embedding' }): string => first.name ?? 'embedding';

/** A head whose weight is the embedding's own gets one of its own, in its stead. */
const untied = (layers: readonly LayerSpec[], first: LayerSpec & { kind: 'embedding' }): LayerSpec[] =>
  layers.map((layer) => {
    if (layer.kind !== 'linear' || layer.tied !== nameOf(first)) return layer;
    const { tied: _, ...own } = layer;
    return own;
  });
