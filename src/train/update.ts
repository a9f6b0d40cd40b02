/** One optimizer update: gradient, noise, clipping, the check for numbers that are not finite, and the optimizer's rule. */

import { isObject, requireNumber, shown } from '../checks.js';
import type { Batch } from '../core/model.js';
import type { Tape } from '../core/tape.js';
import { invalidSetting } from '../errors.js';
import { OPTIMIZER_NAMES, type OptimizerKind } from '../optim/names.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { UpdateContext } from './context.js';
import { loadMore } from './load-more.js';

const WORD = 2 ** 32;

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
): Promise<{ loss: number; gradientNorm: number; weight?: number | undefined }> {
  const { model, kernels: k, buffers, options } = context;
  const { gradients, norm, optimizer, average } = buffers;
  const { tape, update } = pass;
  const noise = { seed: context.seed % WORD, update: update % WORD };
  const { from } = pass;
  const { loss } = options;
  const settings = loss === undefined ? { tape, gradients, from, noise } : { tape, gradients, from, noise, loss };
  // Without an await before a pass of the model, which reads the batch as it is now.
  const { loss: unread, weight } = options.gradient
    ? requireResult(await options.gradient(model, batch, settings))
    : (model.startGradients(batch, settings, true) as { loss: Promise<number>; weight?: number });
  context.addNoise?.(gradients.write(), noise, update);
  if (options.clipValue !== undefined) k.clipValue(gradients.write(), options.clipValue);
  k.clipNorm(norm, gradients.write(), options.clipNorm ?? Number.POSITIVE_INFINITY);
  const [batchLoss, [gradientNorm = 0]] = await Promise.all([unread, k.download(norm)]); // one read on a GPU
  if (!Number.isFinite(batchLoss) || !Number.isFinite(gradientNorm)) {
    const { notFiniteError } = await loadMore();
    throw await notFiniteError(k, update, batchLoss, { parameters: model.parameters, tape, gradients });
  }
  const rate = options.optimizer.spec.learningRate * pass.rateFactor;
  requireNumber('the learning rate', rate, 0, Number.POSITIVE_INFINITY);
  if (context.isRisky || rate * Math.max(1, gradientNorm) > LARGE) {
    const { applyOrUndo } = await loadMore();
    await applyOrUndo(context, update, rate);
  } else optimizer.apply(gradients.write(), update, rate);
  average?.update(model.parameters, update);
  return { loss: batchLoss, gradientNorm, weight };
}

/** A larger move of a weight may overflow float32. */
const LARGE = 1e30;

const isKnown = (kind: unknown) => kind === 'grouped' || OPTIMIZER_NAMES.includes(kind as OptimizerKind);

function requireResult(result: unknown): { readonly loss: number; readonly weight?: number } {
  if (isObject(result) && typeof result.loss === 'number')
    return result as { readonly loss: number; readonly weight?: number };
  throw invalidSetting('gradient', `must return { loss }, a number, got ${shown(result)}.`);
}

/**
 * Whether an optimizer can make weights NaN although its gradients are finite: one that is not part of unspool, or a division
 * by 0.
 */
export function isRisky({ spec }: Optimizer): boolean {
  let isRisky = false;
  JSON.stringify(spec, (key, value: unknown) => {
    if (key === 'eps' && typeof value === 'number' && value < 1e-30) isRisky = true; // 0 in float32
    if (key === 'centered' && value) isRisky = true; // v - m^2 may be less than 0 by rounding
    if (key === 'kind' && !isKnown(value)) isRisky = true;
    return value;
  });
  return isRisky;
}

/** Throws `NOT_FINITE` if a parameter is not finite, as the last update may leave it. */
export async function requireFiniteParameters(context: UpdateContext, update: number): Promise<void> {
  const { model, kernels, buffers } = context;
  kernels.norm(buffers.norm, model.parameters.read());
  if (Number.isFinite((await kernels.download(buffers.norm))[0])) return;
  const { notFinite, notFiniteIn } = await loadMore();
  const found = await notFiniteIn(kernels, model.parameters, 'parameter ');
  if (found) throw notFinite(update, found);
}
