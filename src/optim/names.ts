/** The names of the built-in optimizers and schedules, without their code: `fit` checks a name before it loads the code. */

/** The names of all optimizers that have settings only. */
export const OPTIMIZER_NAMES = [
  'adadelta',
  'adagrad',
  'adam',
  'adamW',
  'amsgrad',
  'lamb',
  'lion',
  'nadam',
  'radam',
  'rmsprop',
  'sgd',
] as const;
/** Name of an optimizer. */
export type OptimizerKind = (typeof OPTIMIZER_NAMES)[number];

/** The names of all schedules that have no settings. */
export const PLAIN_SCHEDULES = ['constant', 'linear', 'cosine'] as const;
/** The name of a schedule without settings. */
export type ScheduleName = (typeof PLAIN_SCHEDULES)[number];

/** The names of all schedules that have settings, without `chain`. */
export const SCHEDULES_WITH_SETTINGS = [
  'stepDown',
  'exponential',
  'cosineTo',
  'cosineRestarts',
  'oneCycle',
  'linearWarmup',
  'reduceOnPlateau',
] as const;
