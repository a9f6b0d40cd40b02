/** A training in a worker, as it looks from outside. */

import { describeSource } from '../data/description.js';
import type { BatchSource } from '../data/source.js';
import { invalidSetting, requireInteger, UnspoolError } from '../errors.js';
import { createOptimizer } from '../optim/index.js';
import type { Optimizer } from '../optim/optimizer.js';
import type { Schedule } from '../optim/schedule.js';
import { type ScheduleSpec, scheduleSpec } from '../optim/schedules.js';
import {
  type FitOptions,
  plannedUpdates,
  requireOptions,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from '../train/options.js';
import { type Connection, newNumber } from './connection.js';
import type { FitSettings, Host } from './protocol.js';

export interface WorkerFitOptions extends FitOptions {
  /**
   * Updates that the worker may make in advance, while an event is being looked at. It never goes past a `validation`,
   * `epoch` or `end` that has not been taken. 0: it stands still between any two events, as `fit` does. Default 2.
   */
  readonly ahead?: number;
}

/** A training under way in a worker: iterate it for its events, which are those of `fit`. */
export class WorkerTraining implements AsyncIterable<TrainingEvent> {
  /** Updates planned in all. */
  readonly updates: number;
  private readonly connection: Connection;
  private readonly number = newNumber();
  private readonly ahead: number;
  private readonly signal: AbortSignal | undefined;
  private readonly begun: Promise<void>;
  /** What was asked for and not yet taken, in order. */
  private readonly asked: ReturnType<Host['next']>[] = [];
  private taken = 0;
  private iterating = false;

  /** Made by `model.fit`. */
  constructor(connection: Connection, data: TrainingData, options: WorkerFitOptions, resume?: TrainingState) {
    const { ahead = 2, signal, ...rest } = options;
    requireInteger('ahead', ahead, 0, 1000);
    requireOptions(options, data);
    this.updates = plannedUpdates(data, options);
    this.connection = connection;
    this.ahead = ahead;
    this.signal = signal;
    const sources = { train: describeSource(data.train), validation: describeOptional(data.validation) };
    this.begun = connection.call('fit', this.number, sources, settingsOf(rest), resume);
    this.begun.catch(() => {}); // whoever iterates gets it
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    if (this.iterating) throw iteratedTwice();
    this.iterating = true;
    const { connection, number, signal } = this;
    const abort = (): void => void connection.call('abort', number).catch(() => {});
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    try {
      await this.begun;
      for (let event = await this.take(); event !== null; event = await this.take()) yield event;
    } finally {
      signal?.removeEventListener('abort', abort);
      await connection.call('leave', number, this.taken).catch(() => {}); // without a worker there is nothing to leave
      this.iterating = false;
    }
  }

  /** Everything that is needed to go on from where the worker stands, as copies; its `update` says where that is. */
  async checkpoint(): Promise<TrainingState> {
    await this.begun;
    return this.connection.call('checkpoint', this.number);
  }

  /** The mean loss on the held-out data with the parameters as they are; null where there are none. */
  async validate(): Promise<number | null> {
    await this.begun;
    return this.connection.call('validate', this.number);
  }

  /** Resolves when the update that is under way is done and the worker stands still; until `resume()`, or an abort. */
  pause(): Promise<void> {
    return this.connection.call('pause', this.number);
  }

  resume(): void {
    this.connection.call('resume', this.number).catch(() => {}); // who iterates gets to know that there is no worker
  }

  /** Gives the memory of tapes, gradients and optimizer state back; the model stays. */
  dispose(): void {
    this.connection.call('closeTraining', this.number).catch(() => {});
  }

  private async take(): Promise<TrainingEvent | null> {
    if (this.asked.length === 0) this.ask(false);
    while (this.asked.length <= this.ahead) this.ask(true);
    const event = await this.asked.shift()!;
    if (event === 'later') {
      this.asked.length = 0; // what was asked for after it came too early as well
      return this.take();
    }
    if (event) this.taken++;
    return event;
  }

  private ask(ahead: boolean): void {
    const event = this.connection.call('next', this.number, ahead);
    event.catch(() => {}); // whoever takes it gets it
    this.asked.push(event);
  }
}

const describeOptional = (source: BatchSource | null | undefined) => (source ? describeSource(source) : null);

const settingsOf = ({ optimizer, schedule, ...plain }: Omit<FitOptions, 'signal'>): FitSettings => ({
  ...plain,
  optimizer: optimizerOf(optimizer),
  schedule: scheduleOf(schedule),
  ...(typeof schedule === 'object' ? { seen: schedule.observed } : {}),
});

function optimizerOf({ spec }: Optimizer): Optimizer['spec'] {
  try {
    return createOptimizer(spec).spec; // as the worker will
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    throw invalidSetting('optimizer', `a worker cannot make this one again from its spec: ${error.message}`);
  }
}

function scheduleOf(schedule: Schedule | undefined): ScheduleSpec {
  const spec = schedule ? scheduleSpec(schedule) : 'constant';
  if (spec) return spec;
  throw invalidSetting(
    'schedule',
    'a function of your own cannot be sent to a worker.',
    'Use, or chain, those of unspool.',
  );
}

const iteratedTwice = (): UnspoolError => invalidSetting('fit', 'this training is being iterated already.');
