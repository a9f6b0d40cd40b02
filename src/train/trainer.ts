/**
 * Training: batches in, updates out, an event for each. Over streams of text this is stateful truncated BPTT: the
 * state is carried from batch to batch, the gradient is cut at the batch's first step.
 */

import type { FloatArray, Kernels } from '../contract/kernels.js';
import { streamOf } from '../core/layers/layer.js';
import { loadForms } from '../core/lstm/forms.js';
import { Lease } from '../core/memory/lease.js';
import type { Model } from '../core/model.js';
import { explained } from '../core/out-of-memory.js';
import { createRng, type RngState, restoreRng } from '../core/rng.js';
import { requireCarriedState } from '../core/spec.js';
import type { Tape } from '../core/tape.js';
import type { BatchSource } from '../data/source.js';
import { invalidData, type UnspoolError } from '../errors.js';
import { arenasOf, memoryOf, remember, type TrainingRoom, trainingRoom } from './buffers.js';
import { evaluate, TapeCache } from './evaluate.js';
import { EventLoopYield } from './event-loop-yield.js';
import {
  type FitOptions,
  plannedUpdates,
  requireOptions,
  type TrainingData,
  type TrainingEvent,
  type TrainingState,
} from './options.js';

export type { FitOptions, GradientFunction, TrainingData, TrainingEvent, TrainingState } from './options.js';

/** Loaded when it is needed: once at the end of a training, or when something went wrong. */
const forensics = () => import('./not-finite.js');

const WORD = 2 ** 32;
const GRADIENT_NOISE = streamOf('gradient noise');

/** A training under way: iterate it for its events. Between two events it stands still and can be saved. */
export class Training implements AsyncIterable<TrainingEvent> {
  private readonly model: Model;
  private readonly data: TrainingData;
  private readonly options: FitOptions;
  private readonly lease: Lease;
  private readonly kernels: Kernels;
  private readonly room: TrainingRoom;
  private readonly tapes: TapeCache;
  private readonly seed: number;
  private last: Tape | null = null;
  private epochRng: RngState;
  private update = 0;
  private epoch = 1;
  private batch = 0;
  private lossSum = 0;
  /** The epoch whose held-out loss is to be measured before anything else; null where no measurement is due. */
  private due: number | null = null;
  /** The training is over, and the model holds what it ends with: an average, or the best weights. */
  private settled = false;

  /** Made by `fit`. */
  constructor(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState) {
    requireOptions(options, data);
    for (const source of [data.train, data.validation]) {
      if (source?.stateful && source.length > 1) requireCarriedState(model.spec);
    }
    this.model = model;
    this.data = data;
    this.options = options;
    this.lease = new Lease(model.kernels);
    this.kernels = this.lease.kernels;
    this.tapes = new TapeCache(model, { inputGradient: false });
    this.seed = options.seed ?? model.spec.seed ?? 1;
    this.epochRng = createRng(this.seed, 'data').state();
    try {
      const { spec, parameters } = model;
      this.room = explained(spec, null, () => trainingRoom(this.kernels, parameters, options));
      if (resume) this.restore(resume);
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Updates planned in all. */
  get updates(): number {
    return plannedUpdates(this.data, this.options);
  }

  /** The mean loss on the held-out data with the parameters as they are, or their average; null where there are none. */
  async validate(): Promise<number | null> {
    const { validation } = this.data;
    if (!validation) return null;
    return this.averaged(() => evaluate(this.model, validation, this.options.loss));
  }

  /** Acts while the model holds what it would end with: the average, where one is kept. */
  private async averaged<T>(act: () => T | Promise<T>): Promise<T> {
    const average = this.settled ? null : this.room.average;
    average?.swapIn(this.model.parameters);
    try {
      return await act();
    } finally {
      average?.swapOut(this.model.parameters);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    const { epochs = 1, signal } = this.options;
    const breather = new EventLoopYield();
    yield* this.validation(); // where it was left, or saved, between an update and the measurement behind it
    // An epoch that was cut off behind its last update (batch > 0) still has its end to tell.
    while (this.epoch <= epochs && !this.room.stopping?.isOver && (this.update < this.updates || this.batch > 0)) {
      const rng = restoreRng(this.epochRng); // also where an epoch is taken up again: the data in the same order
      const source = this.data.train.shuffled?.(rng) ?? this.data.train;
      const { epoch } = this;
      while (this.batch < source.length && this.update < this.updates && !this.room.stopping?.isOver) {
        await breather.pause();
        if (signal?.aborted) {
          yield { kind: 'end', reason: 'aborted', update: this.update };
          return;
        }
        yield await this.runUpdate(source);
        yield* this.validation();
      }
      if (this.batch < source.length) break; // maxUpdates came first, or it was stopped: the epoch is not over
      const loss = this.lossSum / source.length;
      this.epoch++;
      this.batch = 0;
      this.lossSum = 0;
      this.due = epoch;
      this.epochRng = rng.state();
      this.last = null; // the next epoch begins at the text's beginning, from the zero state
      yield { kind: 'epoch', epoch, update: this.update, loss };
      yield* this.validation();
    }
    await this.requireFiniteParameters(); // the last update's work has not been through a loss yet
    this.settle();
    yield { kind: 'end', reason: this.room.stopping?.isOver ? 'stoppedEarly' : 'finished', update: this.update };
  }

  /** Everything that is needed to go on from here, as copies. */
  async checkpoint(): Promise<TrainingState> {
    const k = this.kernels;
    const optimizer = new Map<string, FloatArray>();
    for (const [name, arena] of arenasOf(this.room, this.settled)) optimizer.set(name, await k.download(arena.matrix));
    const carried = this.last && this.data.train.stateful ? await this.last.downloadStates() : null;
    const { update, epoch, batch, lossSum, epochRng: rng } = this;
    const due = this.due === null ? {} : { due: [this.due] };
    const observed = { ...memoryOf(this.room, this.options), ...due };
    return { update, epoch, batch, lossSum, rng, optimizer, observed, carried };
  }

  /** Gives the memory of tapes, gradients and optimizer state back; the model stays. Going on throws `DISPOSED`. */
  dispose(): void {
    this.tapes.free();
    this.lease.end({ what: 'The training', help: 'Begin another one with fit().' });
  }

  /** The model gets the weights that the training ends with; a checkpoint goes on from those that it was training. */
  private settle(): void {
    if (this.settled) return;
    const { average, stopping, gradients } = this.room;
    const { parameters } = this.model;
    this.kernels.copy(gradients.matrix, parameters.matrix);
    average?.swapIn(parameters);
    stopping?.settle(parameters);
    this.settled = true;
  }

  private async requireFiniteParameters(): Promise<void> {
    const { norm } = this.room;
    this.kernels.clipNorm(norm, this.model.parameters.matrix, Number.POSITIVE_INFINITY);
    if (Number.isFinite((await this.kernels.download(norm))[0])) return;
    const { notFinite, notFiniteIn } = await forensics();
    const found = await notFiniteIn(this.kernels, this.model.parameters, 'parameter ');
    if (found) throw notFinite(this.update, found);
  }

  private async runUpdate(source: BatchSource): Promise<TrainingEvent> {
    this.lease.requireOpen();
    const { model, kernels: k, options } = this;
    const { gradients, norm, optimizer, average } = this.room;
    const batch = source.batch(this.batch);
    if (batch.lengths) await loadForms();
    const tape = this.tapes.take(batch);
    const update = this.update + 1;
    const noise = { seed: this.seed % WORD, update: update % WORD };
    const pass = {
      tape,
      gradients,
      from: source.stateful ? this.last : null,
      noise,
      ...(options.loss === undefined ? {} : { loss: options.loss }),
    };
    const { loss: unread } = (await options.gradient?.(model, batch, pass)) ?? model.gradientsUnread(batch, pass);
    if (options.gradientNoise) {
      const { eta, gamma = 0.55 } = options.gradientNoise;
      const std = Math.sqrt(eta / (1 + this.update) ** gamma);
      k.addNormals(gradients.matrix, { ...noise, stream: GRADIENT_NOISE }, std);
    }
    if (options.clipValue !== undefined) k.clipValue(gradients.matrix, options.clipValue);
    k.clipNorm(norm, gradients.matrix, options.clipNorm ?? Number.POSITIVE_INFINITY);
    const [loss, [gradientNorm = 0]] = await Promise.all([unread, k.download(norm)]); // read in one
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      const { notFiniteError } = await forensics();
      throw await notFiniteError(k, update, loss, { parameters: model.parameters, tape, gradients });
    }
    optimizer.apply(gradients.matrix, update, options.optimizer.spec.learningRate * this.rateFactor(update));
    average?.update(model.parameters, update);
    this.last = tape;
    this.update = update;
    this.batch++;
    this.lossSum += loss;
    const { epoch, updates } = this;
    // The end of an epoch is measured anyway, once.
    if (options.validateEvery && update % options.validateEvery === 0 && this.batch < source.length) this.due = epoch;
    return { kind: 'update', epoch, update, updates, loss, gradientNorm, count: batch.steps * batch.batchSize };
  }

  private rateFactor(step: number): number {
    const { schedule, epochs = 1 } = this.options;
    if (!schedule) return 1;
    const factor = typeof schedule === 'function' ? schedule : schedule.factor;
    return factor(step, this.updates, { epoch: this.epoch, epochs });
  }

  /** The measurement that is due, if one is. */
  private async *validation(): AsyncGenerator<TrainingEvent, void, void> {
    const { model, due: epoch } = this;
    const { average, stopping } = this.room;
    const { schedule } = this.options;
    const loss = epoch === null ? null : await this.validate();
    this.due = null;
    if (loss === null || epoch === null) return;
    if (typeof schedule === 'object') schedule.observe(loss);
    await this.averaged(() => stopping?.observe(loss, model.parameters));
    average?.observe(loss);
    yield { kind: 'validation', epoch, update: this.update, loss };
  }

  private restore(state: TrainingState): void {
    const k = this.kernels;
    for (const [name, arena] of arenasOf(this.room, this.settled)) {
      const values = state.optimizer.get(name);
      if (!values) throw this.foreign(`it holds no optimizer state "${name}"`);
      if (values.length !== arena.layout.size) throw this.foreign(`its optimizer state "${name}" has another size`);
      k.upload(arena.matrix, values);
    }
    const weights = state.optimizer.get('weights');
    if (weights?.length === this.model.size) k.upload(this.model.parameters.matrix, weights);
    remember(this.room, this.options, state.observed);
    this.due = state.observed?.due?.[0] ?? null;
    this.epochRng = state.rng;
    this.update = state.update;
    this.epoch = state.epoch;
    this.batch = state.batch;
    this.lossSum = state.lossSum;
    if (state.carried) this.last = this.carriedTape(state.carried);
  }

  /** A tape that ended with the carried state: the tape of a batch, so that it is the one that is used next. */
  private carriedTape(carried: NonNullable<TrainingState['carried']>): Tape {
    const tape = this.tapes.take(this.data.train.batch(0));
    tape.lstms.forEach((layer, i) => {
      const { h, c } = layer.finalState();
      const values = carried[i];
      if (values?.h.length !== h.rows * h.cols || values.c.length !== c.rows * c.cols) {
        throw this.foreign(`its carried state of layer ${layer.name} is not [${h.rows}, ${h.cols}]`);
      }
      this.kernels.upload(h, values.h);
      this.kernels.upload(c, values.c);
    });
    return tape;
  }

  private foreign(problem: string): UnspoolError {
    const help = 'Resume with the model, data, batch size and optimizer that it was saved with.';
    return invalidData('checkpoint', `${problem}.`, help);
  }
}

/**
 * Trains `model` in place. `for await (const event of fit(...))` shows what happens; `fit(...).checkpoint()` between two
 * events gives all that is needed to go on later with `resume`, bit for bit. Throws `NOT_FINITE` as soon as a loss or a
 * gradient is NaN or infinite, naming the first tensor, time step and gate; the parameters are then as before the update.
 */
export function fit(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState): Training {
  return new Training(model, data, options, resume);
}
