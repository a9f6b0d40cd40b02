/**
 * The training loop: batches in, updates out, an event for each. On streams of text this is stateful truncated BPTT: the
 * state is carried from batch to batch, and the gradient is cut at the first step of a batch.
 */

import { shown } from '../checks.js';
import { Model } from '../core/model.js';
import { restoreRng } from '../core/rng.js';
import { requireCarriedState } from '../core/spec.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import { batchesIn, copyOfState } from './checkpoint.js';
import { yieldToEventLoop } from './event-loop-yield.js';
import { loadMore } from './load-more.js';
import {
  copyOfData,
  copyOfOptions,
  type FitOptions,
  loopIsRunning,
  plannedUpdates,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from './options.js';
import { afterEpoch, epochLoss, firstProgress } from './progress.js';
import { optimizerFrom, scheduleFrom } from './ready.js';
import { Session, type SessionSetup } from './session.js';

export type {
  FitOptions,
  GradientFunction,
  TrainingData,
  TrainingEvent,
  TrainingSettings,
  TrainingState,
} from './options.js';

/** A loop over the events of a training. It does not refer to the training, which may be abandoned within its loop. */
interface Loop {
  isOver: boolean;
}

/** The last loop that each model was in. */
const loops = new WeakMap<Model, Loop>();

const abandoned = /* @__PURE__ */ new FinalizationRegistry<Loop>((loop) => {
  loop.isOver = true;
});

/**
 * A training that `fit` started. Iterate it for its events. Between two events it pauses, and can be saved. It has memory of
 * the backend while it is iterated only; otherwise its state is an object of JavaScript.
 */
export class Training implements AsyncIterable<TrainingEvent> {
  private readonly model: Model;
  private readonly data: TrainingData;
  private readonly options: FitOptions;
  private readonly seed: number;
  /** The state while no session runs; null before the first one. */
  private idle: TrainingState | null;
  /** Whether `idle` is from this training, in contrast to the one to resume from. */
  private isOwn = false;
  private setup: SessionSetup | null = null;
  private session: Session | null = null;
  private loop: Loop | null = null;
  /** Whether the model holds the result, which may be an average or the best weights. */
  private holdsResult = false;
  /** Updates, validations and checkpoints take turns: the last one so far, and the number of those that have not ended. */
  private turn: Promise<unknown> = Promise.resolve();
  private pending = 0;
  private disposed = false;

  /** Whether the batches that a checkpoint was trained on can be read again, to compare them. */
  private readonly checksBatches: boolean;

  /** Use `fit`. */
  constructor(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState, checksBatches = true) {
    this.checksBatches = checksBatches;
    if (!(model instanceof Model)) {
      throw invalidSetting('model', `must be a model of createModel(), got ${shown(model)}.`);
    }
    model.kernels; // throws DISPOSED
    this.model = model;
    this.options = copyOfOptions(options);
    this.data = copyOfData(data, this.options);
    for (const source of [this.data.train, this.data.validation]) {
      if (source?.stateful && source.length > 1) requireCarriedState(model.spec);
    }
    this.seed = this.options.seed ?? model.spec.seed ?? 1;
    this.idle = resume === undefined ? null : copyOfState(resume);
  }

  /** Number of updates planned in total. */
  get updates(): number {
    return plannedUpdates(this.data, this.options);
  }

  /**
   * Returns the mean loss on the validation data, of the averaged weights if there is an average; null without such data.
   * During an update, it waits for its end.
   */
  async validate(): Promise<number | null> {
    return this.inTurn(async () => {
      const { validation } = this.data;
      if (!validation) return null;
      if (this.session) return this.session.validate();
      if (this.options.average && !this.holdsResult) return this.withSession((session) => session.validate());
      const { evaluate } = await loadMore();
      return evaluate(this.model, validation, this.options.loss);
    });
  }

  /** A model can be in one loop of one training at a time; another one throws `INVALID_SETTING`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    this.claim();
    try {
      const session = await this.inTurn(() => this.open());
      const { epochs = 1, signal } = this.options;
      yield* this.validateIfDue(session); // the loop was left, or the state saved, between an update and its validation
      // An epoch that was interrupted after its last update (batch > 0) still ends with its event.
      while (
        session.progress.epoch <= epochs &&
        !session.isStopped &&
        (session.progress.update < this.updates || session.progress.batch > 0)
      ) {
        const rng = restoreRng(session.progress.rng); // a resumed epoch shuffles its data into the same order
        const source = this.data.train.shuffled?.(rng) ?? this.data.train;
        while (session.progress.batch < source.length && session.progress.update < this.updates && !session.isStopped) {
          await yieldToEventLoop();
          if (signal?.aborted) {
            yield { kind: 'end', reason: 'aborted', update: session.progress.update };
            return;
          }
          yield await this.inTurn(() => session.update(source));
          if (session.progress.due !== null) yield* this.validateIfDue(session);
        }
        const { batch, epoch, update } = session.progress;
        if (batch < source.length) break; // stopped within the epoch
        const loss = epochLoss(session.progress);
        session.startEpoch(afterEpoch(session.progress, rng.state()));
        yield { kind: 'epoch', epoch, update, loss };
        yield* this.validateIfDue(session);
      }
      const reason = session.isStopped ? 'stoppedEarly' : 'finished';
      await this.inTurn(() => this.finish(session));
      yield { kind: 'end', reason, update: session.progress.update };
    } finally {
      await this.suspend();
      this.leave();
    }
  }

  /**
   * Returns copies of everything that `fit(..., resume)` needs to continue from here. During an update, it waits for its end.
   */
  async checkpoint(): Promise<TrainingState> {
    return this.inTurn(async () => {
      if (this.session) return this.complete(await this.session.state());
      if (!this.idle) return this.withSession(async (session) => this.complete(await session.state()));
      return this.isOwn ? this.complete(copyOfState(this.idle)) : copyOfState(this.idle);
    });
  }

  /**
   * Frees everything; the model stays. Using the training afterwards throws `DISPOSED`. During an update, it takes effect at
   * its end.
   */
  dispose(): void {
    this.disposed = true;
    this.leave();
    if (this.pending === 0) this.free();
  }

  /** Calls `act` after all that has been started before. */
  private async inTurn<T>(act: () => Promise<T>): Promise<T> {
    this.requireOpen();
    if (this.session?.isCalling) {
      const help = 'Use it between two events.';
      throw invalidSetting('fit', 'this training is in use by its own gradient function.', help);
    }
    const next = (): Promise<T> => {
      this.requireOpen();
      return act();
    };
    const mustWait = this.pending++ > 0;
    try {
      const result = mustWait ? this.turn.then(next, next) : act();
      this.turn = result;
      return await result;
    } finally {
      this.pending--;
      if (this.disposed && this.pending === 0) this.free();
    }
  }

  private requireOpen(): void {
    if (!this.disposed) return;
    const what = 'The training';
    throw new UnspoolError({ code: 'DISPOSED', what, help: 'Start another one with fit().' });
  }

  /** Makes this the training that the model is in. */
  private claim(): void {
    this.requireOpen();
    const other = loops.get(this.model);
    if (other && !other.isOver) throw loopIsRunning(other === this.loop);
    this.loop = { isOver: false };
    loops.set(this.model, this.loop);
    abandoned.register(this, this.loop, this);
  }

  private leave(): void {
    if (this.loop) this.loop.isOver = true;
    abandoned.unregister(this);
  }

  private async open(): Promise<Session> {
    const { model, data, seed, idle, isOwn } = this;
    const { optimizer, schedule, ...others } = this.options;
    this.setup ??= {
      ...{ model, data, seed },
      options: {
        ...others,
        optimizer: await optimizerFrom(optimizer),
        ...(schedule === undefined ? {} : { schedule: await scheduleFrom(schedule) }),
      },
    };
    if (idle?.settings && !isOwn) {
      const { requireSameBatches, requireSameSettings, settingsOf } = await loadMore();
      requireSameSettings(idle.settings, settingsOf(model, data, this.setup.options, seed));
      if (this.checksBatches) requireSameBatches(idle, data);
    }
    this.session = await Session.open(this.setup, idle ?? firstProgress(seed), isOwn);
    this.holdsResult = false;
    return this.session;
  }

  /** Adds what decides the rest of the training. */
  private async complete(state: TrainingState): Promise<TrainingState> {
    const { model, data, setup, seed } = this;
    const { settingsOf, weightsHash } = await loadMore();
    const settings = settingsOf(model, data, setup!.options, seed);
    return {
      ...state,
      settings: { ...settings, 'train.batches': batchesIn(state), weights: await weightsHash(model, state) },
    };
  }

  private async withSession<T>(act: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.open();
    try {
      return await act(session);
    } finally {
      this.free();
    }
  }

  private async finish(session: Session): Promise<void> {
    this.idle = await session.finish();
    this.isOwn = true;
    this.holdsResult = true;
    this.free();
  }

  /** Keeps the state when a loop is left. */
  private async suspend(): Promise<void> {
    if (!this.session) return;
    await this.inTurn(async () => {
      this.idle = await this.session!.state();
      this.isOwn = true;
      this.free();
    }).catch(() => this.free()); // disposed, or the device was lost
  }

  private free(): void {
    this.session?.free();
    this.session = null;
  }

  private async *validateIfDue(session: Session): AsyncGenerator<TrainingEvent, void, void> {
    const { due: epoch, update } = session.progress;
    if (epoch === null) return;
    const loss = await this.inTurn(() => session.observe());
    if (loss !== null) yield { kind: 'validation', epoch, update, loss };
  }
}

/**
 * Trains `model` in place and returns its events to iterate over. `checkpoint()` between two events returns what `resume`
 * needs to continue later, bit for bit. Throws `NOT_FINITE` if a loss or gradient is NaN or infinite; the error names the
 * first such tensor, time step and gate, and the parameters are as before that update. Throws `INVALID_DATA` for a state of
 * another training.
 *
 * @example
 * for await (const event of fit(model, { train }, { optimizer: adam() })) console.log(event);
 */
export function fit(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState): Training {
  return new Training(model, data, options, resume);
}
