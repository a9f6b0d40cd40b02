/**
 * The schedules. Training loads the same code on demand. index.ts exports it through these constants and not directly, because a
 * bundler would otherwise put it into every page that imports index.ts.
 */
import {
  chain as chainCode,
  constant as constantCode,
  cosine as cosineCode,
  cosineRestarts as cosineRestartsCode,
  cosineTo as cosineToCode,
  createSchedule as createScheduleCode,
  exponential as exponentialCode,
  linear as linearCode,
  linearWarmup as linearWarmupCode,
  oneCycle as oneCycleCode,
  reduceOnPlateau as reduceOnPlateauCode,
  SCHEDULES as SCHEDULESCode,
  scheduleSpec as scheduleSpecCode,
  stepDown as stepDownCode,
} from './schedules.js';

export type { ScheduleName, ScheduleSpec } from './schedules.js';

/** Runs schedules one after another, each for its number of `steps`; the last one runs until the end. */
export const chain = chainCode;

/** A constant learning rate. */
export const constant = constantCode;

/** Cosine decay from 1 to almost 0 (Loshchilov & Hutter 2017, without restarts). */
export const cosine = cosineCode;

/** Repeated cosine decay from 1 to `min`. */
export const cosineRestarts = cosineRestartsCode;

/** Cosine decay from 1 to `min` over `steps` updates, then back up to 1 (PyTorch: CosineAnnealingLR). */
export const cosineTo = cosineToCode;

/** Creates a schedule from its spec. */
export const createSchedule = createScheduleCode;

/** Multiplies by `factor` after each update, or after each epoch with `every: 'epoch'` (PyTorch: ExponentialLR). */
export const exponential = exponentialCode;

/** Linear decay: from 1 at the first update to 1/steps at the last. */
export const linear = linearCode;

/** Linear warmup: from `from` (default 0) to 1 over `steps` updates, then constant (PyTorch: LinearLR). */
export const linearWarmup = linearWarmupCode;

/** One-cycle schedule: a cosine from 1/25 up to 1 in the first `share` (default 0.3) of `steps` updates (default: all of the training), then a cosine down to 1/250,000 (Smith & Topin 2018; PyTorch: OneCycleLR with its defaults). */
export const oneCycle = oneCycleCode;

/** Multiplies by `factor` (default 0.1) when the validation loss has not decreased by the fraction `threshold` (default 1e-4) in more than `patience` (default 10) validations (PyTorch: ReduceLROnPlateau). */
export const reduceOnPlateau = reduceOnPlateauCode;

/** The schedules without settings, by name. */
export const SCHEDULES = SCHEDULESCode;

/** The spec from which `createSchedule` recreates this schedule. */
export const scheduleSpec = scheduleSpecCode;

/** Multiplies by `factor` after every `every` updates, or after each epoch with `every: 'epoch'` (PyTorch: StepLR). */
export const stepDown = stepDownCode;
