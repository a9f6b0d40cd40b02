/** A training inside the worker. */

import type { Model } from '../core/model.js';
import { createOptimizer } from '../optim/index.js';
import { createSchedule } from '../optim/schedules.js';
import { Training, type TrainingData, type TrainingEvent, type TrainingState } from '../train/trainer.js';
import type { FitSettings, SentBatch } from './protocol.js';
import { SentBatches } from './sent-batches.js';

/** Pause and abort, which reach a training between two updates, before the calls that wait for their turn. */
export class TrainingControl {
  paused = false;
  readonly stop = new AbortController();

  /** An aborted training may continue even while it is paused: it makes no more updates. */
  get mayContinue(): boolean {
    return !this.paused || this.stop.signal.aborted;
  }
}

export class HostedTraining {
  readonly training: Training;
  /** The source, if its batches are sent one by one. */
  private readonly sent: SentBatches | null;
  private events: AsyncGenerator<TrainingEvent, void, void> | null = null;
  /** Whether no event may be prefetched: the caller may act on the last one, or has left its loop. */
  private isWaiting = false;

  constructor(
    model: Model,
    data: TrainingData,
    settings: FitSettings,
    control: TrainingControl,
    resume?: TrainingState,
  ) {
    const { observed, ...plain } = settings;
    const optimizer = createOptimizer(settings.optimizer);
    const schedule = createSchedule(settings.schedule);
    if (observed && typeof schedule === 'object') schedule.restore(observed);
    this.sent = data.train instanceof SentBatches ? data.train : null;
    const options = { ...plain, optimizer, schedule, signal: control.stop.signal };
    this.training = new Training(model, data, options, resume, this.sent === null); // the caller has compared what it sends
  }

  /** See `WorkerOperations.next`. */
  async next(prefetch: boolean, batches: readonly SentBatch[]): Promise<TrainingEvent | 'later' | null> {
    this.sent?.receive(batches);
    if (prefetch && this.isWaiting) return 'later';
    this.isWaiting = true; // stays so if the next line throws
    this.events ??= this.training[Symbol.asyncIterator]();
    const { value } = await this.events.next();
    if (!value) {
      this.events = null;
      return null;
    }
    if (value.kind === 'update') this.sent?.used();
    this.isWaiting = value.kind !== 'update';
    return value;
  }

  /**
   * Ends the iteration, as leaving a loop over a `Training` does. Prefetched events that the caller has not taken are in its
   * hands: it takes them first when it returns.
   */
  async leave(): Promise<void> {
    this.isWaiting = true; // until the caller returns
    await this.events?.return();
    this.events = null;
  }
}
