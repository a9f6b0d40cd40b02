/** The calling side of a training in a worker. */

import { isObject, requireInteger } from '../checks.js';
import { requireCarriedState } from '../core/spec.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import { isOptimizer, isSchedule, type OptimizerChoice, type ScheduleChoice } from '../optim/choice.js';
import { createOptimizer } from '../optim/index.js';
import { type ScheduleSpec, scheduleSpec } from '../optim/schedules.js';
import { copyOfState } from '../train/checkpoint.js';
import { requireSameBatches, requireSameSettings, settingsOf } from '../train/fingerprint.js';
import {
  copyOfData,
  copyOfOptions,
  type FitOptions,
  loopIsRunning,
  plannedUpdates,
  type ReadyOptions,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from '../train/options.js';
import { type Connection, newId } from './connection.js';
import { freeWhenDropped } from './dropped.js';
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

/** What a training needs to know of its model. */
type TrainedModel = Parameters<typeof settingsOf>[0];

/** A training in a worker, started by `WorkerModel.fit`. Iterate it for its events, the same as those of `fit`. */
export class WorkerTraining implements AsyncIterable<TrainingEvent> {
  /** Number of updates planned in total. */
  readonly updates: number;
  private readonly connection: Connection;
  private readonly id = newId();
  private readonly ahead: number;
  private readonly signal: FitOptions['signal'];
  private readonly started: Promise<void>;
  /** Sends the batches of a source that stays here. */
  private readonly sender: BatchSender | null;
  /** Requested events that have not been taken, in order. */
  private readonly requested: ReturnType<WorkerOperations['next']>[] = [];
  private iterating = false;

  /** Use `model.fit`. */
  constructor(
    connection: Connection,
    model: TrainedModel,
    data: TrainingData,
    options: WorkerFitOptions,
    resume?: TrainingState,
  ) {
    connection.requireOpen();
    if (!isObject(options)) copyOfOptions(options); // throws
    const { ahead = 2, ...given } = options;
    requireInteger('ahead', ahead, 0, 1000);
    const { signal, ...rest } = copyOfOptions(given);
    const checked = copyOfData(data, rest);
    const { train, validation } = checked;
    for (const source of [train, validation]) {
      if (source?.stateful && source.length > 1) requireCarriedState(model.spec);
    }
    const state = resume === undefined ? undefined : copyOfState(resume);
    this.updates = plannedUpdates(checked, rest);
    this.connection = connection;
    this.ahead = ahead;
    this.signal = signal;
    const isSent = !train.describe && !train.shuffled;
    this.sender = isSent ? new BatchSender(train, this.updates - (state?.update ?? 0), state) : null;
    const sources = {
      train: this.sender ? this.sender.describe(state) : describeCopied(train, 'train'),
      validation: validation ? describeCopied(validation, 'validation') : null,
    };
    const started = connection.call('fit', this.id, sources, sentSettings(rest), state);
    this.started = started.then(() => {
      if (!isSent || !state) return;
      requireSettings(model, checked, rest, state);
      requireSameBatches(state, checked); // the worker cannot read them
    });
    this.started.catch(() => {}); // thrown by the first iteration
    freeWhenDropped(this, connection, 'closeTraining', this.id);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    if (this.iterating) throw loopIsRunning(true);
    this.iterating = true;
    const { connection, id, signal } = this;
    const abort = (): void => this.abort();
    signal?.addEventListener?.('abort', abort);
    try {
      await this.started;
      for (let event = await this.take(); event !== null; event = await this.take()) yield event;
    } finally {
      signal?.removeEventListener?.('abort', abort);
      await connection.call('leave', id).catch(() => {}); // a lost worker has nothing to leave
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

  private abort(): void {
    this.connection.call('abort', this.id).catch(() => {}); // the iteration throws if the worker is lost
  }

  private async take(): Promise<TrainingEvent | null> {
    if (this.signal?.aborted) this.abort();
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

/** What is compared before the batches; the rest is compared in the worker. */
function requireSettings(model: TrainedModel, data: TrainingData, options: FitOptions, state: TrainingState): void {
  const { optimizer, schedule } = options;
  if (!state.settings || !isOptimizer(optimizer) || !(schedule === undefined || typeof schedule === 'function')) return;
  const seed = options.seed ?? model.spec.seed ?? 1;
  requireSameSettings(state.settings, settingsOf(model, data, { ...options, optimizer } as ReadyOptions, seed));
}

const sentSettings = ({ optimizer, schedule, ...plain }: Omit<FitOptions, 'signal'>): FitSettings => ({
  ...plain,
  optimizer: optimizerOf(optimizer),
  schedule: scheduleOf(schedule),
  ...(isSchedule(schedule) && typeof schedule === 'object' ? { observed: schedule.observed } : {}),
});

/** A name is sent as it is: the worker creates the optimizer. */
function optimizerOf(choice: OptimizerChoice): FitSettings['optimizer'] {
  if (!isOptimizer(choice)) return choice;
  try {
    return createOptimizer(choice.spec).spec; // the worker does the same
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    throw invalidSetting('optimizer', `cannot be created in a worker from its spec: ${error.message}`);
  }
}

function scheduleOf(choice: ScheduleChoice | undefined): ScheduleSpec {
  if (!isSchedule(choice)) return choice ?? 'constant';
  const spec = scheduleSpec(choice);
  if (spec) return spec;
  throw invalidSetting(
    'schedule',
    'a custom function cannot be sent to a worker.',
    'Use a schedule of unspool, or a chain of them.',
  );
}
