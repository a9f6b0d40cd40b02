/** The options `average` and `earlyStopping` of `fit`. Their code is loaded by trainings that use them. */
import { requireChoice, requireInteger, requireKeys, requireNumber, requireOptional } from '../checks.js';

const MAX = Number.MAX_SAFE_INTEGER;

/** An average of the weights, as `fit`'s option `average`. */
export type AverageSpec =
  /** Exponential moving average: a = decay a + (1 - decay) w after each update, starting from the weights after update 1. */
  | { readonly kind: 'ema'; readonly decay: number }
  /**
   * The mean of the weights after each update from `start` (default 1) on (Polyak & Juditsky 1992). With `patience`, it starts
   * when the validation loss is worse than the best one before the last `patience` validations (NT-ASGD, Merity et al. 2018).
   */
  | { readonly kind: 'polyak'; readonly start?: number; readonly patience?: number };

/** `fit`'s option `earlyStopping`. */
export interface EarlyStoppingSpec {
  /** The training ends after this many validations without an improvement. */
  readonly patience: number;
  /** An improvement lowers the loss by more than this. Default 0. */
  readonly minDelta?: number;
  /** Whether the model ends with the weights of the best validation. Default true. */
  readonly restoreBest?: boolean;
}

/** Throws `INVALID_SETTING`. */
export function copyOfAverage(spec: AverageSpec): AverageSpec {
  requireKeys('average', spec, spec?.kind === 'ema' ? ['kind', 'decay'] : ['kind', 'start', 'patience', 'decay']);
  requireChoice('average', spec.kind, ['ema', 'polyak']);
  if (spec.kind === 'ema') requireNumber('average.decay', spec.decay, 0, 1 - Number.EPSILON);
  else {
    requireKeys('average', spec, ['kind', 'start', 'patience']);
    if (spec.start !== undefined) requireInteger('average.start', spec.start, 1, MAX);
    if (spec.patience !== undefined) requireInteger('average.patience', spec.patience, 1, MAX);
  }
  return { ...spec };
}

/** Throws `INVALID_SETTING`. */
export function copyOfEarlyStopping(spec: EarlyStoppingSpec): EarlyStoppingSpec {
  requireKeys('earlyStopping', spec, ['patience', 'minDelta', 'restoreBest']);
  const { patience, minDelta = 0, restoreBest } = spec;
  requireInteger('earlyStopping.patience', patience, 1, MAX);
  requireNumber('earlyStopping.minDelta', minDelta, 0, Number.POSITIVE_INFINITY);
  requireOptional('earlyStopping.restoreBest', restoreBest, 'boolean');
  return { ...spec };
}
