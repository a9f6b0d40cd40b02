/** How the learning rate changes: the factor on the optimizer's rate at each update. */

/** Where a training stands when a factor is asked for. */
export interface ScheduleTime {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
}

/** The factor at update `step` (from 1) of `steps`. Any function will do. */
export type ScheduleFunction = (step: number, steps: number, time: ScheduleTime) => number;

/** What a checkpoint keeps of something that goes on from what it has seen. */
export interface Resumable {
  /** All that it remembers. */
  readonly observed: readonly number[];
  restore(observed: readonly number[]): void;
}

/** A schedule that watches the held-out loss: what it has seen is part of a checkpoint. */
export interface WatchingSchedule extends Resumable {
  readonly factor: ScheduleFunction;
  /** Told after each measurement of the held-out loss. */
  observe(loss: number): void;
}

export type Schedule = ScheduleFunction | WatchingSchedule;
