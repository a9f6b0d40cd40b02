/** Gradient accumulation: one update for several batches, with the memory of one. */
import { requireFunction, requireInteger } from '../checks.js';
import { batchWeight, copyOf, lossShare } from '../core/batch.js';
import { requireLoss } from '../core/losses.js';
import type { Arena } from '../core/memory/parameters.js';
import { type Batch, defaultLoss, type Model } from '../core/model.js';
import type { Noise } from '../core/noise.js';
import type { Tape } from '../core/tape.js';
import { type BatchSource, copyOfSource } from '../data/source.js';
import type { GradientFunction } from './options.js';
import { TapeCache } from './tape-cache.js';

/** What `fit` needs to make one update for several batches. */
export interface Accumulation {
  /** The training data, in groups of batches. */
  readonly train: BatchSource;
  /** The option `gradient` of `fit`. */
  readonly gradient: GradientFunction;
}

/** Different masks for each batch of a group. */
const noiseOf = (noise: Noise, index: number): Noise => ({
  ...noise,
  seed: (noise.seed + index * 0x9e3779b1) % 2 ** 32,
});

/** The memory that the passes of a model need in addition to that of `fit`. */
interface Workspace {
  readonly model: Model;
  /** Computes the gradient of one batch. */
  readonly one: GradientFunction;
  readonly sum: Arena;
  readonly tapes: TapeCache;
}

type PassSettings = Parameters<GradientFunction>[2];

const isLike = (batch: Batch, other: Batch): boolean =>
  batch.steps === other.steps &&
  batch.batchSize === other.batchSize &&
  (batch.lengths === undefined) === (other.lengths === undefined);

/** Adds the gradients of the batches of a group, each times its weight, and divides by the sum of the weights. */
async function groupGradient(
  { model, one, sum, tapes }: Workspace,
  group: readonly Batch[],
  isStateful: boolean,
  { tape, gradients, from = null, noise, loss }: PassSettings,
): Promise<{ loss: number; weight: number }> {
  const last = group.at(-1)!;
  const choice = loss ?? defaultLoss(last);
  const spec = requireLoss(choice);
  const isSum = 'reduction' in spec && spec.reduction === 'sum';
  const { kernels: k } = model;
  let state: Tape | PassSettings['from'] = from;
  let [share, total] = [0, 0];
  sum.clear();
  for (const [i, batch] of group.entries()) {
    const shape = one.readsStates ? { ...batch, steps: 1 } : batch;
    const own: Tape = isLike(batch, last) ? tape : tapes.take(shape, isStateful ? (state as Tape | null) : null);
    const pass = { tape: own, gradients, from: isStateful || i === 0 ? state : null, loss: choice };
    const { loss: value } = await one(model, batch, noise ? { ...pass, noise: noiseOf(noise, i) } : pass);
    const weight = batchWeight(model.spec, batch, choice);
    if (weight > 0) k.combine(sum.write(), 1, sum.read(), isSum ? 1 : weight, gradients.read());
    share += lossShare(spec, value, weight);
    total += weight;
    state = own;
  }
  const scale = isSum || total === 0 ? 1 : 1 / total;
  k.combine(gradients.write(), scale, sum.read(), 0, sum.read());
  return { loss: share * scale, weight: total };
}

/**
 * Groups the batches of a source, so that `fit` makes one update for `batches` of them: with the gradient of the mean loss over all
 * targets of the group that count, whatever the sizes, weights and lengths of its batches are. That is the update of one large batch. A
 * stateful source carries its state from batch to batch. The last group of an epoch may be smaller. `gradient` computes the gradient of
 * one batch, by default with `model.gradients`; it may be that of `distributed`. Throws `INVALID_DATA` and `INVALID_SETTING`.
 *
 * @example
 * const { train, gradient } = accumulate(data.train, 4);
 * for await (const event of fit(model, { ...data, train }, { optimizer: adam(), gradient })) console.log(event);
 */
export function accumulate(source: BatchSource, batches: number, gradient?: GradientFunction): Accumulation {
  const data = copyOfSource('source', source, true);
  requireInteger('batches', batches, 1, 1_000_000);
  if (gradient !== undefined) requireFunction('gradient', gradient);
  const one: GradientFunction = gradient ?? ((model, batch, options) => model.gradients(batch, options));
  let workspace: Workspace | null = null;
  /** The batches of the group before its last one, which `fit` has requested. */
  let earlier: readonly Batch[] = [];
  const dispose = (): void => {
    workspace?.sum.free();
    workspace?.tapes.free();
    workspace = null;
    one.dispose?.();
  };
  const grouped = (one: BatchSource): BatchSource => ({
    stateful: one.stateful ?? false,
    length: Math.ceil(one.length / batches),
    batch(index) {
      const first = index * batches;
      const count = Math.min(batches, one.length - first);
      // Copies, because a source may use its arrays again.
      earlier = Array.from({ length: count - 1 }, (_, i) => copyOf(one.batch(first + i)));
      return one.batch(first + count - 1);
    },
    ...(one.shuffled && { shuffled: (rng) => grouped(one.shuffled!(rng)) }),
  });
  const all: GradientFunction = (model, batch, options) => {
    if (workspace?.model !== model) dispose();
    workspace ??= { model, one, sum: model.arena(), tapes: new TapeCache(model, { inputGradient: false }) };
    return groupGradient(workspace, [...earlier, batch], data.stateful ?? false, options);
  };
  const method = [`accumulate ${batches}`, one.method].filter(Boolean).join(', ');
  const { readsStates = false, begin, evaluate } = one;
  Object.assign(all, {
    ...{ method, readsStates, dispose },
    ...(begin && { begin: begin.bind(one) }),
    ...(evaluate && { evaluate: evaluate.bind(one) }),
  });
  return { train: grouped(data), gradient: Object.defineProperties(all, resumable(one)) };
}

/** What checkpoints keep of a gradient function. */
const resumable = (one: GradientFunction): PropertyDescriptorMap =>
  one.observed === undefined
    ? {}
    : {
        observed: { get: () => one.observed },
        restore: { value: (observed: readonly number[]) => one.restore!(observed) },
      };
