/** The interface of learning-rate schedules: a factor on the optimizer's learning rate for each update. */
import { isObject, requireNumber } from '../checks.js';

/** The position of an update within the training. */
export interface ScheduleTime {
  /** Number of the epoch, from 1. */
  readonly epoch: number;
  readonly epochs: number;
}

/** Returns the factor on the learning rate for an update, counted from 1. `updates` is the planned number of updates. */
export type ScheduleFunction = (update: number, updates: number, time: ScheduleTime) => number;

/** Something whose observations are saved in checkpoints. */
export interface Resumable {
  /** Its whole state. */
  readonly observed: readonly number[];
  restore(observed: readonly number[]): void;
}

/** A schedule that depends on the validation loss. Checkpoints contain its state. */
export interface WatchingSchedule extends Resumable {
  readonly factor: ScheduleFunction;
  /** Called with the loss of each validation. */
  observe(loss: number): void;
}

/** A learning-rate schedule. */
export type Schedule = ScheduleFunction | WatchingSchedule;

/** The specs of schedules that a function of unspool created from settings. */
const specs = new WeakMap<object, ScheduleSettings>();

/** A schedule as JSON: a name, or a name with settings. */
export type ScheduleSettings = string | { readonly kind: string; readonly [setting: string]: unknown };

const checkedTimes =
  (schedule: ScheduleFunction): ScheduleFunction =>
  (update, updates, time) => {
    requireNumber('update', update, 0, Number.MAX_VALUE);
    requireNumber('updates', updates, 0, Number.MAX_VALUE);
    return schedule(update, updates, isObject(time) ? time : { epoch: 1, epochs: 1 });
  };

/** Remembers the spec of a schedule, and checks the numbers that its function is called with. */
export function specified<S extends Schedule>(spec: ScheduleSettings, schedule: S): S {
  const checked = typeof schedule === 'function' ? (checkedTimes(schedule) as S) : schedule;
  specs.set(checked, spec);
  return checked;
}

/** The spec of a schedule that `specified` has seen; null for a custom function. */
export const specOf = (schedule: Schedule): ScheduleSettings | null => specs.get(schedule) ?? null;
