/** Optimizers and schedules as `fit` accepts them: objects, names, or names with settings. */
import { isFunction, isObject, requireChoice, requireFunction, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { OPTIMIZER_NAMES, type OptimizerKind, PLAIN_SCHEDULES, SCHEDULES_WITH_SETTINGS } from './names.js';
import { copyOfOptimizer, jsonCopy, type Optimizer, type OptimizerSettings } from './optimizer.js';
import type { Schedule, WatchingSchedule } from './schedule.js';
import type { ScheduleSpec } from './schedules.js';

/** An optimizer, its name, or its name and settings: `adam()`, `'adam'` or `{ kind: 'adam', learningRate: 0.01 }`. */
export type OptimizerChoice = Optimizer | OptimizerKind | OptimizerSettings;

/** A schedule, its name, or its name and settings: `cosine`, `'cosine'` or `{ kind: 'stepDown', every: 100, factor: 0.5 }`. */
export type ScheduleChoice = Schedule | ScheduleSpec;

const isNamed = (value: unknown, method: string): boolean =>
  typeof value === 'string' || (isObject(value) && 'kind' in value && !(method in value));

const kindIn = (value: unknown): unknown => (isObject(value) ? value.kind : value);

/** A copy that later changes do not reach. Throws `INVALID_SETTING`; the settings of a name are checked by `optimizerFrom`. */
export function copyOfOptimizerChoice(path: string, choice: OptimizerChoice): OptimizerChoice {
  if (!isNamed(choice, 'apply')) return copyOfOptimizer(path, choice as Optimizer);
  requireChoice(path, kindIn(choice), [...OPTIMIZER_NAMES, 'grouped']);
  return jsonCopy(path, choice);
}

/** A copy that later changes do not reach. Throws `INVALID_SETTING`; the settings of a name are checked by `scheduleFrom`. */
export function copyOfScheduleChoice(path: string, choice: ScheduleChoice): ScheduleChoice {
  if (isFunction(choice)) return choice as Schedule;
  if (isNamed(choice, 'factor')) {
    requireChoice(path, kindIn(choice), [...PLAIN_SCHEDULES, ...SCHEDULES_WITH_SETTINGS, 'chain']);
    return jsonCopy(path, choice);
  }
  if (!isObject(choice)) {
    throw invalidSetting(path, `must be a function, a name or {kind}, got ${shown(choice)}.`, "Try 'cosine'.");
  }
  const { factor, observe, restore } = choice as unknown as WatchingSchedule;
  for (const [name, method] of Object.entries({ factor, observe, restore })) requireFunction(`${path}.${name}`, method);
  return choice;
}

/** Whether a schedule depends on the validation loss. */
export const isWatching = (choice: ScheduleChoice | undefined): boolean =>
  (isObject(choice) && 'observe' in choice) || kindIn(choice) === 'reduceOnPlateau';

/** Whether a schedule exists already, in contrast to a name, perhaps with settings. */
export const isSchedule = (choice: ScheduleChoice | undefined): choice is Schedule =>
  choice !== undefined && !isNamed(choice, 'factor');

/** Whether an optimizer exists already, in contrast to a name, perhaps with settings. */
export const isOptimizer = (choice: OptimizerChoice): choice is Optimizer => !isNamed(choice, 'apply');
