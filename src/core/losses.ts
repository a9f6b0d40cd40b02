/** Losses over a model's output, and their settings. */

import {
  isKeyOf,
  requireChoice,
  requireInteger,
  requireKeys,
  requireNumber,
  requireOptional,
  shown,
} from '../checks.js';
import type { CrossEntropyOptions, ValueLoss } from '../contract/kernels.js';
import { invalidSetting } from '../errors.js';

/** Softmax cross-entropy in nats. Targets are class numbers, one per row of the output. */
export interface CrossEntropySpec extends CrossEntropyOptions {
  readonly kind: 'crossEntropy';
}

/**
 * Connectionist temporal classification (Graves et al. 2006) in nats, for a model with an output per step. Targets are N rows
 * of equally many labels, padded with -1. The mean is taken over a sequence's labels, then over the sequences, as in PyTorch.
 * A sequence with fewer steps than its labels need (one per label, and one between equal labels) has an infinite loss and no
 * gradient: a backward pass throws `INVALID_DATA`. With `zeroInfinity` its loss and gradient are 0.
 */
export interface CtcSpec {
  readonly kind: 'ctc';
  /** The class that means "no label". Default 0. */
  readonly blank?: number;
  /** Default 'mean'. */
  readonly reduction?: 'mean' | 'sum';
  /** Default false. */
  readonly zeroInfinity?: boolean;
}

/**
 * A loss with its settings. A `ValueLoss` is a mean over all elements. Its targets have the output's shape, except for
 * `quantile` (one column per Q columns of the output) and `gaussian` (one column per mean and log-variance).
 */
export type LossSpec = CrossEntropySpec | ValueLoss | CtcSpec;

type NeedsNothing = Exclude<LossSpec['kind'], 'huber' | 'quantile'>;

/** A loss: its name, or an object with its settings. */
export type LossChoice = NeedsNothing | LossSpec;

/** The settings of each kind, without `kind`. */
const KEYS: Readonly<Record<LossSpec['kind'], readonly string[]>> = {
  crossEntropy: ['classWeights', 'ignoreIndex', 'labelSmoothing', 'reduction'],
  meanSquaredError: [],
  meanAbsoluteError: [],
  huber: ['delta'],
  quantile: ['quantiles'],
  binaryCrossEntropy: [],
  gaussian: [],
  ctc: ['blank', 'reduction', 'zeroInfinity'],
};

/** Whether the loss has targets and lengths per sequence instead of per row of the output. */
export const goesBySequence = (choice: LossChoice | null | undefined): boolean =>
  (typeof choice === 'string' ? choice : choice?.kind) === 'ctc';

/** Whether a loss is the given one. Throws `INVALID_SETTING` if that cannot work. */
export const isSameLoss = (spec: LossSpec, choice: LossChoice): boolean =>
  JSON.stringify(spec) === JSON.stringify(requireLoss(choice));

/** The losses that need no settings. */
const NAMED = /* @__PURE__ */ (() =>
  Object.fromEntries(
    Object.keys(KEYS)
      .filter((kind) => kind !== 'huber' && kind !== 'quantile')
      .map((kind) => [kind, Object.freeze({ kind })]),
  ) as Readonly<Record<NeedsNothing, LossSpec>>)();

/** Frozen specs that have been checked. A frozen list of class weights is part of one. */
const checked = new WeakSet<LossSpec>();

/** Throws `INVALID_SETTING` unless `choice` is a loss with valid settings. */
export function requireLoss(choice: LossChoice): LossSpec {
  // Most updates name their loss; a training passes the same frozen object to each.
  if (isKeyOf(NAMED, choice)) return NAMED[choice];
  if (checked.has(choice as LossSpec)) return choice as LossSpec;
  const spec = typeof choice === 'string' ? ({ kind: choice } as LossSpec) : choice;
  if (!isKeyOf(KEYS, spec?.kind)) {
    throw invalidSetting('loss', `unknown loss ${shown(choice)}.`, `Use one of ${Object.keys(KEYS).join(', ')}.`);
  }
  requireKeys('loss', spec, ['kind', ...KEYS[spec.kind]]);
  if ((spec.kind === 'crossEntropy' || spec.kind === 'ctc') && spec.reduction !== undefined) {
    requireChoice('loss.reduction', spec.reduction, ['mean', 'sum']);
  }
  if (spec.kind === 'crossEntropy') {
    if (spec.labelSmoothing !== undefined) requireNumber('loss.labelSmoothing', spec.labelSmoothing, 0, 1);
    const { classWeights = [], ignoreIndex = 0 } = spec;
    if (!Array.isArray(classWeights))
      throw invalidSetting('loss.classWeights', 'must be a list with one number per class.');
    classWeights.forEach((w, i) => {
      requireNumber(`loss.classWeights[${i}]`, w, 0, Number.POSITIVE_INFINITY);
    });
    requireInteger('loss.ignoreIndex', ignoreIndex, -(2 ** 31), 2 ** 31 - 1);
  }
  if (spec.kind === 'ctc') {
    if (spec.blank !== undefined) requireInteger('loss.blank', spec.blank, 0, 1 << 24);
    requireOptional('loss.zeroInfinity', spec.zeroInfinity, 'boolean');
  }
  if (spec.kind === 'huber') requireNumber('loss.delta', spec.delta, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  if (spec.kind === 'quantile') {
    if (!Array.isArray(spec.quantiles) || spec.quantiles.length === 0) {
      throw invalidSetting('loss.quantiles', 'must be a list of numbers from 0 to 1.');
    }
    spec.quantiles.forEach((q, i) => {
      requireNumber(`loss.quantiles[${i}]`, q, 0, 1);
    });
  }
  if (Object.isFrozen(spec)) checked.add(spec);
  return spec;
}
