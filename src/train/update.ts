/** One optimizer update: gradient, noise, clipping, the check for numbers that are not finite, and the optimizer's rule. */

import type { Kernels } from '../contract/kernels.js';
import type { Batch, Model } from '../core/model.js';
import { streamOf } from '../core/noise.js';
import type { Tape } from '../core/tape.js';
import type { TrainingBuffers } from './buffers.js';
import type { FitOptions } from './options.js';

/** Loaded when it is needed: at the end of a training, or after an error. */
const forensics = () => import('./not-finite.js');

const WORD = 2 ** 32;
const GRADIENT_NOISE = streamOf('gradient noise');

/** What all updates of a training share. */
export interface UpdateContext {
  readonly model: Model;
  readonly kernels: Kernels;
  readonly buffers: TrainingBuffers;
  readonly options: FitOptions;
  readonly seed: number;
}

export interface UpdatePass {
  readonly tape: Tape;
  /** The tape that the state is carried over from; null for the model's initial state. */
  readonly from: Tape | null;
  /** Number of this update, from 1. */
  readonly update: number;
  /** What the learning rate is multiplied by. */
  readonly rateFactor: number;
}

/**
 * Updates the parameters. Returns the batch's loss before the update, and the gradient's norm before it is clipped.
 * Throws `NOT_FINITE`; the parameters and the optimizer's state are then unchanged.
 */
export async function updateOnce(
  context: UpdateContext,
  batch: Batch,
  pass: UpdatePass,
): Promise<{ loss: number; gradientNorm: number }> {
  const { model, kernels: k, buffers, options } = context;
  const { gradients, norm, optimizer, average } = buffers;
  const { tape, update } = pass;
  const noise = { seed: context.seed % WORD, update: update % WORD };
  const loss = options.loss === undefined ? {} : { loss: options.loss };
  const settings = { tape, gradients, from: pass.from, noise, ...loss };
  const { loss: unread } = (await options.gradient?.(model, batch, settings)) ?? model.startGradients(batch, settings);
  if (options.gradientNoise) {
    const { eta, gamma = 0.55 } = options.gradientNoise;
    const std = Math.sqrt(eta / update ** gamma); // the paper counts updates from 0: 1 + t = update
    k.addNormals(gradients.matrix, { ...noise, stream: GRADIENT_NOISE }, std);
  }
  if (options.clipValue !== undefined) k.clipValue(gradients.matrix, options.clipValue);
  k.clipNorm(norm, gradients.matrix, options.clipNorm ?? Number.POSITIVE_INFINITY);
  const [batchLoss, [gradientNorm = 0]] = await Promise.all([unread, k.download(norm)]); // one read on a GPU
  if (!Number.isFinite(batchLoss) || !Number.isFinite(gradientNorm)) {
    const { notFiniteError } = await forensics();
    throw await notFiniteError(k, update, batchLoss, { parameters: model.parameters, tape, gradients });
  }
  optimizer.apply(gradients.matrix, update, options.optimizer.spec.learningRate * pass.rateFactor);
  average?.update(model.parameters, update);
  return { loss: batchLoss, gradientNorm };
}

/** Throws `NOT_FINITE` if a parameter is not finite, as the last update may leave it. */
export async function requireFiniteParameters(context: UpdateContext, update: number): Promise<void> {
  const { model, kernels, buffers } = context;
  kernels.norm(buffers.norm, model.parameters.read());
  if (Number.isFinite((await kernels.download(buffers.norm))[0])) return;
  const { notFinite, notFiniteIn } = await forensics();
  const found = await notFiniteIn(kernels, model.parameters, 'parameter ');
  if (found) throw notFinite(update, found);
}
