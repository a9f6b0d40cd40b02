/** A training in the worker, as the worker sees it. */

import type { Model } from '../core/model.js';
import { createOptimizer } from '../optim/index.js';
import { createSchedule } from '../optim/schedules.js';
import { fit, type Training, type TrainingData, type TrainingEvent, type TrainingState } from '../train/trainer.js';
import type { FitSettings } from './protocol.js';

/** What reaches a training between two updates, whatever waits before it. */
export class Gate {
  paused = false;
  readonly stop = new AbortController();

  /** An abort opens it: there is no update behind it. */
  get open(): boolean {
    return !this.paused || this.stop.signal.aborted;
  }
}

export class HostedTraining {
  readonly training: Training;
  private events: AsyncGenerator<TrainingEvent, void, void> | null = null;
  private produced = 0;
  /** Where nothing is done in advance: at an event that somebody may want to act upon, or with nobody iterating. */
  private standing = false;

  constructor(model: Model, data: TrainingData, settings: FitSettings, gate: Gate, resume?: TrainingState) {
    const { seen, ...plain } = settings;
    const optimizer = createOptimizer(settings.optimizer);
    const schedule = createSchedule(settings.schedule);
    if (seen && typeof schedule === 'object') schedule.restore(seen);
    this.training = fit(model, data, { ...plain, optimizer, schedule, signal: gate.stop.signal }, resume);
  }

  /** As `Host.next`. */
  async next(ahead: boolean): Promise<TrainingEvent | 'later' | null> {
    if (ahead && this.standing) return 'later';
    this.standing = true; // also where this throws
    this.events ??= this.training[Symbol.asyncIterator]();
    const { value } = await this.events.next();
    if (!value) {
      this.events = null;
      return null;
    }
    this.produced++;
    this.standing = value.kind !== 'update';
    return value;
  }

  /**
   * Whoever left at the last event ends the iteration, as leaving the loop over a `Training` does. Behind an earlier one
   * there are events still to be taken, and the iteration that made them goes on after them.
   */
  async leave(taken: number): Promise<void> {
    this.standing = true; // until somebody comes back
    if (taken !== this.produced) return;
    await this.events?.return();
    this.events = null;
  }
}
