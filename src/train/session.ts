/** A training while it is iterated: its memory on the backend, and the updates and validations that use it. */

import { requireNumber } from '../checks.js';
import { lossShare } from '../core/batch.js';
import { requireLoss } from '../core/losses.js';
import { Lease } from '../core/memory/lease.js';
import type { Arena } from '../core/memory/parameters.js';
import type { Batch, Model } from '../core/model.js';
import { explained } from '../core/out-of-memory.js';
import type { Tape } from '../core/tape.js';
import type { BatchSource } from '../data/source.js';
import { bufferAllocation } from './buffers.js';
import { batchesIn, downloadArenas, observedBy } from './checkpoint.js';
import type { UpdateContext } from './context.js';
import { batchHash, IDENTIFYING_BATCHES } from './hash.js';
import { loadMore } from './load-more.js';
import {
  type GradientFunction,
  plannedUpdates,
  type ReadyOptions,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from './options.js';
import { afterUpdate, progressOf, type TrainingProgress } from './progress.js';
import { inBatch, takeBatch } from './take-batch.js';
import { TapeCache } from './tape-cache.js';
import { isRisky, requireFiniteParameters, updateOnce } from './update.js';

/** What a training was started with. */
export interface SessionSetup {
  readonly model: Model;
  readonly data: TrainingData;
  readonly options: ReadyOptions;
  readonly seed: number;
}

export class Session {
  progress: TrainingProgress;
  /** Whether a function of the caller computes the gradient at this moment. */
  isCalling = false;
  private readonly setup: SessionSetup;
  private readonly lease: Lease;
  private readonly tapes: TapeCache;
  private readonly context: UpdateContext;
  /** Hashes of the first batches of the training, which identify the data. */
  private batches: readonly number[] = [];
  /** The tape of the last batch, whose final state the next batch starts from; null at the start of an epoch. */
  private lastTape: Tape | null = null;

  private constructor(setup: SessionSetup, context: UpdateContext, lease: Lease, progress: TrainingProgress) {
    this.setup = setup;
    this.context = context;
    this.lease = lease;
    this.progress = progress;
    this.tapes = new TapeCache(setup.model, { inputGradient: false });
  }

  /** Allocates everything, and restores a state: of this training (`isOwn`) or from a checkpoint. Throws `OUT_OF_MEMORY`, and `INVALID_DATA` for another training's state. */
  static async open(setup: SessionSetup, start: TrainingProgress | TrainingState, isOwn: boolean): Promise<Session> {
    const { model, options, seed } = setup;
    const allocate = await bufferAllocation(options);
    const { gradientNoise } = options.gradientNoise ? await loadMore() : {};
    if (gradientNoise) await model.kernels.loadVariants?.();
    const lease = new Lease(model.kernels, 'training');
    const { kernels } = lease;
    let session: Session | null = null;
    try {
      const buffers = explained(model, null, () => allocate(kernels, model.parameters));
      const addNoise = gradientNoise?.(kernels, options.gradientNoise!) ?? null;
      const context = { model, kernels, options, seed, buffers, addNoise, isRisky: isRisky(options.optimizer) };
      session = new Session(setup, context, lease, progressOf(start));
      if ('optimizer' in start) {
        const { restoreState } = await loadMore();
        session.batches = batchesIn(start);
        // The tape that the next update will use.
        session.lastTape = await restoreState(context, start, isOwn, () => session!.take(setup.data.train.batch(0)));
      } else options.gradient?.restore?.([]); // it may have learned in another training
      if (options.gradient?.begin) (await loadMore()).beginGradient(context, setup.data, start.update);
      return session;
    } catch (error) {
      session?.free();
      lease.end(ENDED);
      throw error;
    }
  }

  get isStopped(): boolean {
    return this.context.buffers.earlyStopping?.isOver ?? false;
  }

  /** Makes one update with the next batch of the epoch. */
  async update(source: BatchSource): Promise<TrainingEvent> {
    const { model, data, options } = this.setup;
    const { epochs = 1, schedule, validateEvery } = options;
    const updates = plannedUpdates(data, options);
    const { epoch, batch: index } = this.progress;
    const update = this.progress.update + 1;
    const taken = takeBatch(model, source, index, options.loss);
    const { batch, weight, loss: choice } = taken instanceof Promise ? await taken : taken; // an await takes time
    const isIdentifying = epoch === 1 && index === this.batches.length && index < IDENTIFYING_BATCHES;
    const identity = isIdentifying ? batchHash(batch) : null; // now: the caller may refill its arrays
    const count = batch.steps * batch.batchSize;
    const from = source.stateful ? this.lastTape : null;
    const tape = this.take(batch, from);
    const factor = typeof schedule === 'object' ? schedule.factor : schedule;
    const rateFactor: unknown = factor ? factor(update, updates, { epoch, epochs }) : 1;
    requireNumber(`the schedule's factor for update ${update}`, rateFactor, 0, Number.POSITIVE_INFINITY);
    this.isCalling = options.gradient !== undefined;
    try {
      const result = await updateOnce(this.context, batch, { tape, from, update, rateFactor });
      const { loss, gradientNorm, weight: sum = weight } = result;
      this.lastTape = tape;
      if (identity !== null) this.batches = [...this.batches, identity];
      const isLast = index + 1 >= source.length; // the end of an epoch is validated in any case, once
      const isDue = !!validateEvery && update % validateEvery === 0 && !isLast;
      this.progress = afterUpdate(
        this.progress,
        { share: lossShare(requireLoss(choice), loss, sum), weight: sum },
        isDue,
      );
      return { kind: 'update', epoch, update, updates, loss, gradientNorm, count };
    } catch (error) {
      throw inBatch(error, index);
    } finally {
      this.isCalling = false;
    }
  }

  /** Starts the next epoch at the beginning of the data, with the initial state. */
  startEpoch(progress: TrainingProgress): void {
    this.progress = progress;
    this.lastTape = null;
  }

  /** The mean loss on the validation data of the weights, or of their average if it has started; null without such data. `own` may compute it. */
  async validate(own?: GradientFunction): Promise<number | null> {
    const { data, options } = this.setup;
    if (!data.validation) return null;
    const { evaluate } = own?.evaluate ? own : await loadMore();
    return evaluate!(this.resultModel, data.validation, options.loss);
  }

  /** Validates, and lets the schedule, early stopping and the average observe the loss. */
  async observe(): Promise<number | null> {
    const { options } = this.setup;
    const { average, earlyStopping } = this.context.buffers;
    const loss = await this.validate(options.gradient);
    this.progress = { ...this.progress, due: null };
    if (loss === null) return null;
    if (typeof options.schedule === 'object') options.schedule.observe(loss);
    earlyStopping?.observe(loss, this.resultModel.parameters);
    average?.observe(loss);
    return loss;
  }

  /** Copies of everything that a training needs to continue; of the settings, only the hashes of the first batches. */
  async state(): Promise<TrainingState> {
    const { kernels, buffers } = this.context;
    const { data, options } = this.setup;
    const optimizer = await downloadArenas(kernels, buffers);
    const carried = this.lastTape && data.train.stateful ? await this.lastTape.downloadStates() : null;
    const settings = { 'train.batches': this.batches };
    return { ...this.progress, optimizer, observed: observedBy(buffers, options), carried, settings };
  }

  /**
   * Gives the model its final weights: the average, or the best ones. Returns the state, which has the weights in training if
   * they differ from the result. Throws `NOT_FINITE`.
   */
  async finish(): Promise<TrainingState> {
    const { model, kernels, buffers } = this.context;
    await requireFiniteParameters(this.context, this.progress.update); // no loss has been computed from the last update
    const { average, earlyStopping } = buffers;
    const state = await this.state();
    const best = earlyStopping?.hasBest ? earlyStopping.best : null;
    const result = best ?? (average?.isUsed ? average.weights : null);
    if (!average?.isUsed && !earlyStopping?.best) return state;
    const weights = await kernels.download(model.parameters.read());
    if (result) kernels.copy(model.parameters.write(), result.read());
    return { ...state, optimizer: new Map([...state.optimizer, ['weights', weights]]) };
  }

  /** Frees everything. */
  free(): void {
    this.setup.options.gradient?.dispose?.();
    this.tapes.free();
    this.lease.end(ENDED);
  }

  /** The tape for a batch. */
  private take(batch: Batch, from: Tape | null = null): Tape {
    return this.tapes.take(this.setup.options.gradient?.readsStates ? { ...batch, steps: 1 } : batch, from);
  }

  /** The model with the weights that validation and the result use. */
  private get resultModel(): Model {
    const { model, buffers } = this.context;
    const { average } = buffers;
    return average?.isUsed ? withParameters(model, average.weights) : model;
  }
}

const ENDED = { what: 'The training' };

/** The model with other parameters of the same layout. */
const withParameters = (model: Model, parameters: Arena): Model =>
  Object.create(model, { parameters: { value: parameters } }) as Model;
