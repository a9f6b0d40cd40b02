/**
 * Training: batches in, updates out, an event for each. Over streams of text this is stateful truncated BPTT: the
 * state is carried from batch to batch, the gradient is cut at the batch's first step.
 */
import { requireInteger, requireNumber, UnspoolError } from '../errors.js';
import { Breather } from './breather.js';
import { type BatchSource, evaluate, TapeShelf } from './evaluate.js';
import type { FloatArray, Kernels, Matrix } from './kernels.js';
import type { LossChoice } from './losses.js';
import type { Model } from './model.js';
import { notFinite, notFiniteError, notFiniteIn } from './not-finite.js';
import type { Optimizer, OptimizerState, Schedule } from './optimizer.js';
import type { Arena } from './params.js';
import { createRng, type RngState, restoreRng } from './rng.js';
import type { Tape } from './tape.js';

export interface TrainingData {
  readonly train: BatchSource;
  readonly heldOut?: BatchSource | null;
}

export interface FitOptions {
  readonly optimizer: Optimizer;
  /** Default as in `model.gradients`: `crossEntropy` before class targets, else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** How the learning rate changes over the planned updates. Default: not at all. */
  readonly schedule?: Schedule;
  /** Passes over the data. Default 1. */
  readonly epochs?: number;
  /** Stop after this many updates, counted from the very first. Default: when the epochs are done. */
  readonly maxSteps?: number;
  /** Scale the gradient down where its norm is over this. Default: never. */
  readonly clipNorm?: number;
  /** Cut every element of the gradient to [-clipValue, clipValue], before `clipNorm`. Default: never. */
  readonly clipValue?: number;
  /** Measure the held-out loss every so many updates, besides the end of each epoch. Default: never besides. */
  readonly validateEvery?: number;
  /** Order of the data, and what is dropped. Default: the model's seed. */
  readonly seed?: number;
  /** Ends the training after the update that is under way. */
  readonly signal?: AbortSignal;
}

export type TrainingEvent =
  | {
      readonly kind: 'step';
      /** From 1. */
      readonly epoch: number;
      /** Updates made so far. */
      readonly step: number;
      /** Updates planned in all. */
      readonly steps: number;
      /** Mean loss of the batch before the update. */
      readonly loss: number;
      /** Norm of the gradient before clipping by norm (and after clipping by value, if both are asked for). */
      readonly gradientNorm: number;
      /** Time steps times rows of the batch. */
      readonly count: number;
    }
  /** Mean loss over the held-out data. */
  | { readonly kind: 'validation'; readonly epoch: number; readonly step: number; readonly loss: number }
  /** Mean of the batch losses of one epoch. */
  | { readonly kind: 'epoch'; readonly epoch: number; readonly step: number; readonly loss: number }
  | { readonly kind: 'end'; readonly reason: 'finished' | 'aborted'; readonly step: number };

/** All that a training needs, besides the model, the data and the options, to go on to the bit. */
export interface TrainingState {
  /** Updates made so far. */
  readonly step: number;
  /** The epoch that is under way, from 1, and the batch in it that comes next, from 0. */
  readonly epoch: number;
  readonly batch: number;
  /** Sum of the losses of this epoch's batches so far. */
  readonly lossSum: number;
  /** The generator as it was before this epoch's data were shuffled. */
  readonly rng: RngState;
  /** Name of each optimizer arena, such as `m`, to all its numbers. */
  readonly optimizer: ReadonlyMap<string, FloatArray>;
  /** Carried state of each LSTM layer, bottom first, [N, H] each; null where none is carried. */
  readonly carried: readonly { readonly h: FloatArray; readonly c: FloatArray }[] | null;
}

/** A training under way: iterate it for its events. Between two events it stands still and can be saved. */
export class Training implements AsyncIterable<TrainingEvent> {
  private readonly model: Model;
  private readonly data: TrainingData;
  private readonly options: FitOptions;
  private readonly kernels: Kernels;
  private readonly gradients: Arena;
  private readonly norm: Matrix;
  private readonly optimizerState: OptimizerState;
  private readonly tapes: TapeShelf;
  private readonly seed: number;
  private last: Tape | null = null;
  private epochRng: RngState;
  private step = 0;
  private epoch = 1;
  private batch = 0;
  private lossSum = 0;

  /** Made by `fit`. */
  constructor(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState) {
    requireOptions(options);
    this.model = model;
    this.data = data;
    this.options = options;
    this.kernels = model.kernels;
    this.gradients = model.arena();
    this.norm = this.kernels.alloc(1, 1);
    this.optimizerState = options.optimizer.init(() => model.arena());
    this.tapes = new TapeShelf(model, { inputGradient: false });
    this.seed = options.seed ?? model.spec.seed ?? 1;
    this.epochRng = createRng(this.seed, 'data').state();
    if (resume) this.restore(resume);
  }

  /** Updates planned in all. */
  get steps(): number {
    const planned = this.data.train.length * (this.options.epochs ?? 1);
    return Math.min(planned, this.options.maxSteps ?? Number.POSITIVE_INFINITY);
  }

  /** The mean loss on the held-out data with the parameters as they are; null where there are none. */
  async validate(): Promise<number | null> {
    const { heldOut } = this.data;
    return heldOut ? evaluate(this.model, heldOut, this.options.loss) : null;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, void> {
    const { epochs = 1, signal } = this.options;
    const breather = new Breather();
    // An epoch that was cut off behind its last update (batch > 0) still has its end to tell.
    while (this.epoch <= epochs && (this.step < this.steps || this.batch > 0)) {
      const rng = restoreRng(this.epochRng); // also where an epoch is taken up again: the data in the same order
      const source = this.data.train.shuffled?.(rng) ?? this.data.train;
      const { epoch } = this;
      while (this.batch < source.length && this.step < this.steps) {
        await breather.pause();
        if (signal?.aborted) {
          yield { kind: 'end', reason: 'aborted', step: this.step };
          return;
        }
        yield await this.update(source);
        const { step } = this;
        if (this.options.validateEvery && step % this.options.validateEvery === 0) yield* this.validation(epoch);
      }
      if (this.batch < source.length) break; // maxSteps came first: the epoch is not over
      const loss = this.lossSum / source.length;
      this.epoch++;
      this.batch = 0;
      this.lossSum = 0;
      this.epochRng = rng.state();
      this.last = null; // the next epoch begins at the text's beginning, from the zero state
      yield { kind: 'epoch', epoch, step: this.step, loss };
      yield* this.validation(epoch);
    }
    await this.requireFiniteParameters(); // the last update's work has not been through a loss yet
    yield { kind: 'end', reason: 'finished', step: this.step };
  }

  /** Everything that is needed to go on from here, as copies. */
  async checkpoint(): Promise<TrainingState> {
    const k = this.kernels;
    const optimizer = new Map<string, FloatArray>();
    for (const [name, arena] of Object.entries(this.optimizerState)) {
      optimizer.set(name, await k.download(arena.matrix));
    }
    let carried: { h: FloatArray; c: FloatArray }[] | null = null;
    if (this.last && this.data.train.stateful) {
      carried = [];
      for (const layer of this.last.lstms) {
        const { h, c } = layer.finalState();
        carried.push({ h: await k.download(h), c: await k.download(c) });
      }
    }
    const { step, epoch, batch, lossSum, epochRng: rng } = this;
    return { step, epoch, batch, lossSum, rng, optimizer, carried };
  }

  /** Gives the memory of tapes, gradients and optimizer state back; the model stays. */
  dispose(): void {
    this.tapes.free();
    this.gradients.free();
    for (const arena of Object.values(this.optimizerState)) arena.free();
    this.kernels.free(this.norm);
  }

  private async requireFiniteParameters(): Promise<void> {
    const found = await notFiniteIn(this.kernels, this.model.parameters, 'parameter ');
    if (found) throw notFinite(this.step, found);
  }

  private async update(source: BatchSource): Promise<TrainingEvent> {
    const { model, kernels: k, options, gradients } = this;
    const batch = source.batch(this.batch);
    const tape = this.tapes.take(batch);
    const { loss } = await model.gradients(batch, {
      tape,
      gradients,
      from: source.stateful ? this.last : null,
      noise: { seed: this.seed % 2 ** 32, step: (this.step + 1) % 2 ** 32 },
      ...(options.loss === undefined ? {} : { loss: options.loss }),
    });
    if (options.clipValue !== undefined) k.clipValue(gradients.matrix, options.clipValue);
    k.clipNorm(this.norm, gradients.matrix, options.clipNorm ?? Number.POSITIVE_INFINITY);
    const gradientNorm = (await k.download(this.norm))[0]!;
    const step = this.step + 1;
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw await notFiniteError(k, step, loss, { parameters: model.parameters, tape, gradients });
    }
    options.optimizer.apply({
      kernels: k,
      parameters: model.parameters.matrix,
      gradients: gradients.matrix,
      state: this.optimizerState,
      step,
      rate: options.optimizer.spec.rate * (options.schedule?.(step, this.steps) ?? 1),
    });
    this.last = tape;
    this.step = step;
    this.batch++;
    this.lossSum += loss;
    const { epoch, steps } = this;
    return { kind: 'step', epoch, step, steps, loss, gradientNorm, count: batch.steps * batch.rows };
  }

  private async *validation(epoch: number): AsyncGenerator<TrainingEvent, void, void> {
    const loss = await this.validate();
    if (loss !== null) yield { kind: 'validation', epoch, step: this.step, loss };
  }

  private restore(state: TrainingState): void {
    const k = this.kernels;
    for (const [name, arena] of Object.entries(this.optimizerState)) {
      const values = state.optimizer.get(name);
      if (!values) throw this.foreign(`it holds no optimizer state "${name}"`);
      if (values.length !== arena.layout.size) throw this.foreign(`its optimizer state "${name}" has another size`);
      k.upload(arena.matrix, values);
    }
    this.epochRng = state.rng;
    this.step = state.step;
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
      if (values?.h.length !== h.rows * h.cols || values.c.length !== h.rows * h.cols) {
        throw this.foreign(`its carried state of layer ${layer.name} is not [${h.rows}, ${h.cols}]`);
      }
      this.kernels.upload(h, values.h);
      this.kernels.upload(c, values.c);
    });
    return tape;
  }

  private foreign(problem: string): UnspoolError {
    const help = 'Resume with the model, data, batch size and optimizer that it was saved with.';
    return new UnspoolError({ code: 'INVALID_DATA', what: 'checkpoint', problem: `${problem}.`, help });
  }
}

function requireOptions(options: FitOptions): void {
  const { epochs, maxSteps, clipNorm, clipValue, validateEvery } = options;
  if (epochs !== undefined) requireInteger('epochs', epochs, 1, Number.MAX_SAFE_INTEGER);
  if (maxSteps !== undefined) requireInteger('maxSteps', maxSteps, 1, Number.MAX_SAFE_INTEGER);
  if (validateEvery !== undefined) requireInteger('validateEvery', validateEvery, 1, Number.MAX_SAFE_INTEGER);
  if (clipNorm !== undefined) requireNumber('clipNorm', clipNorm, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  if (clipValue !== undefined) requireNumber('clipValue', clipValue, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
}

/**
 * Trains `model` in place. `for await (const event of fit(...))` shows what happens; `fit(...).checkpoint()` between two
 * events gives all that is needed to go on later with `resume`, bit for bit. Throws `NOT_FINITE` as soon as a loss or a
 * gradient is NaN or infinite, naming the first tensor, time step and gate; the parameters are then as before the update.
 */
export function fit(model: Model, data: TrainingData, options: FitOptions, resume?: TrainingState): Training {
  return new Training(model, data, options, resume);
}
