/** The calling side of a training in a worker. */

import { isObject, requireInteger } from '../checks.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import { isOptimizer, isSchedule, type OptimizerChoice, type ScheduleChoice } from '../optim/choice.js';
import { createOptimizer } from '../optim/index.js';
import type { Optimizer } from '../optim/optimizer.js';
import { createSchedule, type ScheduleSpec, scheduleSpec } from '../optim/schedules.js';
import { requireSameBatches } from '../train/fingerprint.js';
import {
  copyOfData,
  copyOfOptions,
  type FitOptions,
  plannedUpdates,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from '../train/options.js';
import { type Connection, newId } from './connection.js';
import { BATCH_FAILED, type FitSettings, type WorkerOperations } from './protocol.js';
import { BatchSender, describeCopied } from './sent-batches.js';

/** Options of `WorkerModel.fit`: those of `fit`, and how far the worker may run ahead. */
export interface WorkerFitOptions extends FitOptions {
  /**
   * Number of updates, 0 to 1000, that the worker may make while you handle an event. It never continues past a `validation`,
   * `epoch` or `end` event that you have not taken. With 0 it waits after every event, as `fit` does. Default 2.
   */
  readonly ahead?: number;
}

/** A training in a worker, started by `WorkerModel.fit`. Iterate it for its events, the same as those of `fit`. */
export class WorkerTraining implements AsyncIterable<TrainingEvent> {
  /** Number of updates planned in total. */
  readonly updates: number;
  private readonly connection: Connection;
  private readonly id = newId();
  private readonly ahead: number;
  private readonly signal: AbortSignal | undefined;
  private readonly started: Promise<void>;
  /** Sends the batches of a source that stays here. */
  private readonly sender: BatchSender | null;
  /** Requested events that have not been taken, in order. */
  private readonly requested: ReturnType<WorkerOperations['next']>[] = [];
  /** Number of events taken so far. */
  private taken = 0;
  private iterating = false;

  /** Use `model.fit`. */
  constructor(connection: Connection, data: TrainingData, options: WorkerFitOptions, resume?: TrainingState) {
    const { ahead = 2, ...given } = isObject(options) ? options : { optimizer: options };
    requireInteger('ahead', ahead, 0, 1000);
    const { signal, ...rest } = copyOfOptions(given as FitOptions);
    const checked = copyOfData(data, rest);
    this.updates = plannedUpdates(checked, rest);
    this.connection = connection;
    this.ahead = ahead;
    this.signal = signal;
    const { train, validation } = data;
    this.sender =
      train.describe || train.shuffled ? null : new BatchSender(train, this.updates - (resume?.update ?? 0), resume);
    const sources = {
      train: this.sender ? this.sender.describe(resume) : describeCopied(train, 'train'),
      validation: validation ? describeCopied(validation, 'validation') : null,
    };
    if (this.sender && resume) requireSameBatches(resume, checked); // the worker cannot read them
    this.started = connection.call('fit', this.id, sources, settingsOf(rest), resume);
    this.started.catch(() => {}); // thrown by the first iteration
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    if (this.iterating) throw alreadyIterated();
    this.iterating = true;
    const { connection, id, signal } = this;
    const abort = (): void => void connection.call('abort', id).catch(() => {});
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    try {
      await this.started;
      for (let event = await this.take(); event !== null; event = await this.take()) yield event;
    } finally {
      signal?.removeEventListener('abort', abort);
      await connection.call('leave', id, this.taken).catch(() => {}); // a lost worker has nothing to leave
      this.iterating = false;
    }
  }

  /** Returns copies of everything needed to resume from the worker's current update, which is the state's `update`. */
  async checkpoint(): Promise<TrainingState> {
    await this.started;
    return this.connection.call('checkpoint', this.id);
  }

  /** Returns the mean loss on the validation data with the current weights; null without validation data. */
  async validate(): Promise<number | null> {
    await this.started;
    return this.connection.call('validate', this.id);
  }

  /** Pauses the training until `resume()` or an abort. Resolves when the current update is done. */
  pause(): Promise<void> {
    return this.connection.call('pause', this.id);
  }

  /** Continues a paused training. */
  resume(): void {
    this.connection.call('resume', this.id).catch(() => {}); // the iteration throws if the worker is lost
  }

  /** Frees tapes, gradients and optimizer state; the model stays. */
  dispose(): void {
    this.connection.call('closeTraining', this.id).catch(() => {});
  }

  private async take(): Promise<TrainingEvent | null> {
    if (this.requested.length === 0) this.request(false);
    while (this.requested.length <= this.ahead) this.request(true);
    const event = await this.requested.shift()!.catch((error) => {
      const thrown = error === BATCH_FAILED ? this.sender!.failure!.error : error;
      this.sender?.repeat();
      throw thrown;
    });
    if (event === 'later') {
      this.requested.length = 0; // the requests after it were too early as well
      return this.take();
    }
    if (event) this.taken++;
    if (event?.kind === 'update') this.sender?.used();
    return event;
  }

  private request(prefetch: boolean): void {
    const batches = this.sender?.upTo(this.requested.length + 1) ?? [];
    const event = this.connection.call('next', this.id, prefetch, batches);
    event.catch(() => {}); // thrown when it is taken
    this.requested.push(event);
  }
}

const settingsOf = ({ optimizer, schedule, ...plain }: Omit<FitOptions, 'signal'>): FitSettings => ({
  ...plain,
  optimizer: optimizerOf(optimizer),
  schedule: scheduleOf(schedule),
  ...(isSchedule(schedule) && typeof schedule === 'object' ? { observed: schedule.observed } : {}),
});

function optimizerOf(choice: OptimizerChoice): Optimizer['spec'] {
  if (!isOptimizer(choice)) return createOptimizer(choice).spec;
  try {
    return createOptimizer(choice.spec).spec; // the worker does the same
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    throw invalidSetting('optimizer', `cannot be created in a worker from its spec: ${error.message}`);
  }
}

function scheduleOf(choice: ScheduleChoice | undefined): ScheduleSpec {
  const schedule = isSchedule(choice) ? choice : createSchedule(choice ?? 'constant');
  const spec = scheduleSpec(schedule);
  if (spec) return spec;
  throw invalidSetting(
    'schedule',
    'a custom function cannot be sent to a worker.',
    'Use a schedule of unspool, or a chain of them.',
  );
}

const alreadyIterated = (): UnspoolError => invalidSetting('fit', 'this training is already being iterated.');
