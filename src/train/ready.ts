/** Creates the optimizer and the schedule that options name. */
import { isOptimizer, isSchedule, type OptimizerChoice, type ScheduleChoice } from '../optim/choice.js';
import type { Optimizer } from '../optim/optimizer.js';
import { type Schedule, specOf } from '../optim/schedule.js';
import type { ScheduleSpec } from '../optim/schedules.js';
import { loadMore } from './load-more.js';

/** Throws `INVALID_SETTING`. */
export async function optimizerFrom(choice: OptimizerChoice): Promise<Optimizer> {
  return isOptimizer(choice) ? choice : (await loadMore()).createOptimizer(choice);
}

/**
 * A schedule that observes becomes a copy with the same observations, if it is one of unspool. Throws `INVALID_SETTING`.
 */
export async function scheduleFrom(choice: ScheduleChoice): Promise<Schedule> {
  if (typeof choice === 'function') return choice;
  const watching = isSchedule(choice) ? choice : null;
  const spec = watching ? specOf(watching) : choice;
  if (spec === null) return watching!;
  const schedule = (await loadMore()).createSchedule(spec as ScheduleSpec);
  if (typeof watching === 'object' && watching && typeof schedule === 'object') schedule.restore(watching.observed);
  return schedule;
}
