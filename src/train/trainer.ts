/**
 * The training loop: batches in, updates out, an event for each. On streams of text this is stateful truncated BPTT: the
 * state is carried from batch to batch, and the gradient is cut at the first step of a batch.
 */

import { Lease } from '../core/memory/lease.js';
import type { Model } from '../core/model.js';
import { explained } from '../core/out-of-memory.js';
import { restoreRng } from '../core/rng.js';
import { requireCarriedState } from '../core/spec.js';
import type { Tape } from '../core/tape.js';
import { type BatchSource, copyOfSource } from '../data/source.js';
import { allocateBuffers, type TrainingBuffers } from './buffers.js';
import { downloadArenas, observedBy, restoreBuffers, restoreCarried } from './checkpoint.js';
import { evaluate } from './evaluate.js';
import { EventLoopYield } from './event-loop-yield.js';
import {
  type FitOptions,
  plannedUpdates,
  requireOptions,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from './options.js';
import { afterEpoch, afterUpdate, firstProgress, type TrainingProgress } from './progress.js';
import { inBatch, takeBatch } from './take-batch.js';
import { TapeCache } from './tape-cache.js';
import { requireFiniteParameters, type UpdateContext, updateOnce } from './update.js';

export type { FitOptions, GradientFunction, TrainingData, TrainingEvent, TrainingState } from './options.js';

/** A training that `fit` started. Iterate it for its events. Between two events it pauses, and can be saved. */
export class Training implements AsyncIterable<TrainingEvent> {
  private readonly data: TrainingData;
  private readonly lease: Lease;
  private readonly tapes: TapeCache;
  private readonly context: UpdateContext;
  private progress: TrainingProgress;
  /** The tape of the last batch, whose final state the next batch starts from; null at the start of an epoch. */
  private lastTape: Tape | null = null;
  /** Whether the training is over and the model holds its result, which may be an average or the best weights. */
  private holdsResult = false;

  /** Use `fit`. */
  constructor(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState) {
    requireOptions(options, data);
    for (const source of [data.train, data.validation]) {
      if (source?.stateful && source.length > 1) requireCarriedState(model.spec);
    }
    this.data = {
      train: copyOfSource('train', data.train, true),
      validation: data.validation ? copyOfSource('validation', data.validation, false) : null,
    };
    this.lease = new Lease(model.kernels);
    this.tapes = new TapeCache(model, { inputGradient: false });
    const { kernels } = this.lease;
    const seed = options.seed ?? model.spec.seed ?? 1;
    this.progress = firstProgress(seed);
    try {
      const allocate = (): TrainingBuffers => allocateBuffers(kernels, model.parameters, options);
      this.context = { model, kernels, options, seed, buffers: explained(model.spec, null, allocate) };
      if (resume) this.restore(resume);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Number of updates planned in total. */
  get updates(): number {
    return plannedUpdates(this.data, this.context.options);
  }

  /** Returns the mean loss on the validation data, of the averaged weights if there is an average; null without such data. */
  async validate(): Promise<number | null> {
    const { model, options } = this.context;
    const { validation } = this.data;
    if (!validation) return null;
    return this.withResult(() => evaluate(model, validation, options.loss));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    const { options } = this.context;
    const { epochs = 1, signal } = options;
    const eventLoop = new EventLoopYield();
    yield* this.validateIfDue(); // the loop was left, or the state saved, between an update and its validation
    // An epoch that was interrupted after its last update (batch > 0) still ends with its event.
    while (
      this.progress.epoch <= epochs &&
      !this.isStopped &&
      (this.progress.update < this.updates || this.progress.batch > 0)
    ) {
      const rng = restoreRng(this.progress.rng); // a resumed epoch shuffles its data into the same order
      const source = this.data.train.shuffled?.(rng) ?? this.data.train;
      while (this.progress.batch < source.length && this.progress.update < this.updates && !this.isStopped) {
        await eventLoop.pause();
        if (signal?.aborted) {
          yield { kind: 'end', reason: 'aborted', update: this.progress.update };
          return;
        }
        yield await this.runUpdate(source);
        if (this.progress.due !== null) yield* this.validateIfDue();
      }
      const { batch, epoch, update, lossSum } = this.progress;
      if (batch < source.length) break; // stopped within the epoch
      this.progress = afterEpoch(this.progress, rng.state());
      this.lastTape = null; // the next epoch starts at the beginning of the text, with the initial state
      yield { kind: 'epoch', epoch, update, loss: lossSum / source.length };
      yield* this.validateIfDue();
    }
    await requireFiniteParameters(this.context, this.progress.update); // no loss has been computed from the last update
    this.applyResult();
    yield { kind: 'end', reason: this.isStopped ? 'stoppedEarly' : 'finished', update: this.progress.update };
  }

  /** Returns copies of everything that `fit(..., resume)` needs to continue from here. */
  async checkpoint(): Promise<TrainingState> {
    const { kernels, buffers, options } = this.context;
    const optimizer = await downloadArenas(kernels, buffers, this.holdsResult);
    const carried = this.lastTape && this.data.train.stateful ? await this.lastTape.downloadStates() : null;
    return { ...this.progress, optimizer, observed: observedBy(buffers, options), carried };
  }

  /** Frees tapes, gradients and optimizer state; the model stays. Using the training afterwards throws `DISPOSED`. */
  dispose(): void {
    this.tapes.free();
    this.lease.end({ what: 'The training', help: 'Start another one with fit().' });
  }

  private get isStopped(): boolean {
    return this.context.buffers.earlyStopping?.isOver ?? false;
  }

  private async runUpdate(source: BatchSource): Promise<TrainingEvent> {
    this.lease.requireOpen();
    const { epochs = 1, schedule, validateEvery } = this.context.options;
    const { updates } = this;
    const { epoch } = this.progress;
    const update = this.progress.update + 1;
    const index = this.progress.batch;
    const taken = takeBatch(this.context.model, source, index, this.context.options.loss);
    const { batch } = taken instanceof Promise ? await taken : taken; // an await costs as much as a few instructions
    const count = batch.steps * batch.batchSize;
    const tape = this.tapes.take(batch);
    const factor = typeof schedule === 'object' ? schedule.factor : schedule;
    const rateFactor = factor?.(update, updates, { epoch, epochs }) ?? 1;
    const from = source.stateful ? this.lastTape : null;
    const pass = { tape, from, update, rateFactor };
    const { loss, gradientNorm } = await updateOnce(this.context, batch, pass).catch((error) => {
      throw inBatch(error, index);
    });
    this.lastTape = tape;
    const isLast = index + 1 >= source.length; // the end of an epoch is validated in any case, once
    const isDue = !!validateEvery && update % validateEvery === 0 && !isLast;
    this.progress = afterUpdate(this.progress, loss, isDue);
    return { kind: 'update', epoch, update, updates, loss, gradientNorm, count };
  }

  private async *validateIfDue(): AsyncGenerator<TrainingEvent, void, void> {
    const { model, buffers, options } = this.context;
    const { average, earlyStopping } = buffers;
    const { due: epoch, update } = this.progress;
    const loss = epoch === null ? null : await this.validate();
    this.progress = { ...this.progress, due: null };
    if (loss === null || epoch === null) return;
    if (typeof options.schedule === 'object') options.schedule.observe(loss);
    await this.withResult(() => earlyStopping?.observe(loss, model.parameters));
    average?.observe(loss);
    yield { kind: 'validation', epoch, update, loss };
  }

  /** Calls `act` while the model holds the average of its weights, if it has started. */
  private async withResult<T>(act: () => T | Promise<T>): Promise<T> {
    const { model, kernels, buffers } = this.context;
    const { average, trained } = buffers;
    if (this.holdsResult || !average?.isUsed || !trained) return act();
    const { parameters } = model;
    kernels.copy(trained.write(), parameters.read());
    kernels.copy(parameters.write(), average.weights.read());
    try {
      return await act();
    } finally {
      kernels.copy(parameters.write(), trained.read());
    }
  }

  /** Gives the model its final weights, and keeps those in training for a checkpoint. */
  private applyResult(): void {
    if (this.holdsResult) return;
    const { model, kernels, buffers } = this.context;
    const { average, earlyStopping, trained } = buffers;
    const { parameters } = model;
    if (trained) kernels.copy(trained.write(), parameters.read());
    if (average?.isUsed) kernels.copy(parameters.write(), average.weights.read());
    if (earlyStopping?.best && earlyStopping.hasBest) kernels.copy(parameters.write(), earlyStopping.best.read());
    this.holdsResult = true;
  }

  private restore(state: TrainingState): void {
    const { model, kernels, buffers, options } = this.context;
    restoreBuffers(kernels, buffers, options, state);
    const weights = state.optimizer.get('weights');
    if (weights?.length === model.size) kernels.upload(model.parameters.write(), weights);
    const { update, epoch, batch, lossSum, due, rng, carried } = state;
    this.progress = { update, epoch, batch, lossSum, due, rng };
    if (!carried) return;
    const tape = this.tapes.take(this.data.train.batch(0)); // the tape that the next update will use
    restoreCarried(kernels, tape, carried);
    this.lastTape = tape;
  }
}

/**
 * Trains `model` in place and returns its events to iterate over. `checkpoint()` between two events returns what `resume`
 * needs to continue later, bit for bit. Throws `NOT_FINITE` if a loss or gradient is NaN or infinite; the error names the
 * first such tensor, time step and gate, and the parameters are as before that update.
 *
 * @example
 * for await (const event of fit(model, { train }, { optimizer: adam() })) console.log(event);
 */
export function fit(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState): Training {
  return new Training(model, data, options, resume);
}
