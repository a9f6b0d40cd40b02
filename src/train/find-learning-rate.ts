/** The learning rate finder of Smith (2017): a short training whose learning rate grows, until the loss diverges. */
import { requireInteger, requireKeys, requireNumber } from '../checks.js';
import type { Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import { UnspoolError } from '../errors.js';
import { copyOfOptimizerChoice } from '../optim/choice.js';
import { copyOfData, type FitOptions, type TrainingData } from './options.js';
import { optimizerFrom } from './ready.js';
import { fit } from './trainer.js';

/** Options of `findLearningRate`: those of `fit` that decide an update, and the range. */
export interface LearningRateOptions
  extends Pick<
    FitOptions,
    'optimizer' | 'loss' | 'clipNorm' | 'clipValue' | 'gradient' | 'gradientNoise' | 'seed' | 'signal'
  > {
  /** The first learning rate. Default 1e-6. */
  readonly from?: number;
  /** The last learning rate. Default 10. */
  readonly to?: number;
  /** Number of updates, at least 10. Default 100. */
  readonly updates?: number;
}

/** One update of the finder. */
export interface LearningRatePoint {
  readonly learningRate: number;
  /** Mean loss of the batch before the update. */
  readonly loss: number;
  /** The mean of the losses around this one. */
  readonly smoothed: number;
}

/** The result of `findLearningRate`. */
export interface LearningRateCurve {
  readonly points: readonly LearningRatePoint[];
  /** A tenth of the learning rate with the lowest smoothed loss; null if the loss does not fall, or falls until the end of the range. */
  readonly suggestion: number | null;
  /** The learning rate at which the loss diverged; null if it did not within the range. */
  readonly divergedAt: number | null;
}

const KEYS = [
  ...['optimizer', 'loss', 'clipNorm', 'clipValue', 'gradient', 'gradientNoise', 'seed', 'signal'],
  ...['from', 'to', 'updates'],
];

/** The loss has diverged when it is above the first one by this share of it, and by what it had fallen. */
const DIVERGED = 0.1;
/** A loss has fallen if it is lower by this share of the first one: batches differ. */
const FALLEN = 0.05;
/** Points on each side that a smoothed loss is the mean of, with weights that fall to 0. */
const REACH = 5;
/** Just below the rate with the lowest loss, a training is unstable: the rule of thumb is a tenth of it. */
const SAFETY = 10;

/** The mean of the losses around each, so that the curve has no lag. */
const smooth = (losses: readonly number[]): number[] =>
  losses.map((_, at) => {
    const near = losses.slice(Math.max(0, at - REACH), at + REACH + 1);
    const weights = near.map((_, i) => REACH + 1 - Math.abs(Math.max(0, at - REACH) + i - at));
    const sum = near.reduce((total, loss, i) => total + loss * weights[i]!, 0);
    return sum / weights.reduce((total, weight) => total + weight, 0);
  });

function suggestionIn(points: readonly LearningRatePoint[], hasDiverged: boolean): number | null {
  const losses = points.map(({ smoothed }) => smoothed);
  const [first = 0] = losses;
  const lowest = losses.reduce((best, loss, at) => (loss < losses[best]! ? at : best), 0);
  const isAtEnd = !hasDiverged && lowest >= losses.length - REACH; // it may be lower still beyond
  if (isAtEnd || !(losses[lowest]! < first - FALLEN * Math.abs(first))) return null;
  return points[lowest]!.learningRate / SAFETY;
}

/**
 * Makes updates with a learning rate that grows from `from` to `to` (Smith 2017), and returns the losses and a suggestion: a tenth of the
 * rate with the lowest smoothed loss. Ends early when the loss diverges. Afterwards, the model has its weights from before. Throws
 * `INVALID_SETTING` and `INVALID_DATA`.
 *
 * @example
 * const { suggestion } = await findLearningRate(model, data, { optimizer: adam() });
 */
export async function findLearningRate(
  model: Model,
  data: TrainingData,
  options: LearningRateOptions,
): Promise<LearningRateCurve> {
  requireModel(model);
  requireKeys('options', options, KEYS);
  const { from = 1e-6, to = 10, updates = 100, ...others } = options;
  requireNumber('from', from, Number.MIN_VALUE, Number.MAX_VALUE);
  requireNumber('to', to, from, Number.MAX_VALUE);
  requireInteger('updates', updates, 10, 1_000_000);
  const optimizer = await optimizerFrom(copyOfOptimizerChoice('optimizer', others.optimizer));
  const rateOf = (update: number): number => from * (to / from) ** ((update - 1) / (updates - 1));
  const schedule = (update: number): number => rateOf(update) / optimizer.spec.learningRate;
  const { train } = copyOfData(data, { optimizer });
  const { kernels, parameters } = model;
  const weights = await kernels.download(parameters.read());
  try {
    const epochs = Math.ceil(updates / Math.max(1, Math.min(updates, train.length)));
    const training = fit(model, { train }, { ...others, optimizer, schedule, epochs, maxUpdates: updates });
    return await follow(training, rateOf);
  } finally {
    kernels.upload(parameters.write(), weights);
  }
}

/** Whether the mean of the last losses is far above the first one. */
function isDiverged(losses: readonly number[], lowest: number): boolean {
  const [first = 0] = losses;
  const last = losses.slice(-REACH).reduce((a, b) => a + b, 0) / Math.min(REACH, losses.length);
  return last - first > Math.max(first - lowest, DIVERGED * Math.abs(first));
}

async function follow(
  training: ReturnType<typeof fit>,
  rateOf: (update: number) => number,
): Promise<LearningRateCurve> {
  const losses: number[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  let divergedAt: number | null = null;
  try {
    for await (const event of training) {
      if (event.kind !== 'update') continue;
      losses.push(event.loss);
      lowest = Math.min(lowest, event.loss);
      if (!isDiverged(losses, lowest)) continue;
      divergedAt = rateOf(losses.length);
      break;
    }
  } catch (error) {
    if (!(error instanceof UnspoolError) || error.problem.code !== 'NOT_FINITE') throw error;
    divergedAt = rateOf(losses.length + 1);
  }
  const smoothed = smooth(losses);
  const points = losses.map((loss, i) => ({ learningRate: rateOf(i + 1), loss, smoothed: smoothed[i]! }));
  return { points, suggestion: suggestionIn(points, divergedAt !== null), divergedAt };
}
