/** The optimizer and the schedule that settings name. */
import { createOptimizer, createSchedule, type Optimizer, type OptimizerSpec, type ScheduleSpec } from '../../index.js';

/** An optimizer by name, with `lr` as its learning rate, or from its spec. Throws `INVALID_SETTING`. */
export function optimizerOf(optimizer: string | OptimizerSpec, learningRate: number): Optimizer {
  if (typeof optimizer === 'object') return createOptimizer(optimizer);
  return createOptimizer(
    optimizer === 'sgd' ? { kind: 'sgd', learningRate, momentum: 0.9 } : { kind: optimizer, learningRate },
  );
}

/** A schedule by name or from its spec. Throws `INVALID_SETTING`. */
export const scheduleOf = (schedule: string | ScheduleSpec) => createSchedule(schedule as ScheduleSpec);
