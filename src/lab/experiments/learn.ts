/**
 * Trains a small LSTM with any estimator: `fit` runs the updates, a gradient function of this file asks the estimator.
 * Over batches of sequences, an update uses all that is emitted over the batch; along a stream, each window of it makes one update.
 */
import type { FloatArray } from '../../contract/kernels.js';
import { hostNumbers } from '../../core/memory/views.js';
import { type Batch, Model } from '../../core/model.js';
import { createRng, type Rng } from '../../core/rng.js';
import type { ModelSpec } from '../../core/spec.js';
import { type EstimatorRun, type GradientEstimator, rowsTaken, unroll } from '../../estimators/estimator.js';
import { bptt } from '../../estimators/methods/backwards.js';
import { type ModelSystem, modelSystem } from '../../estimators/model/system.js';
import type { StepData } from '../../estimators/system.js';
import { addScaled, dot, norm } from '../../estimators/vectors.js';
import { selectKernels } from '../../kernels/select.js';
import type { FitOptions, GradientFunction } from '../../train/options.js';
import { fit } from '../../train/trainer.js';
import { rowOf, type Sequences, stepsToBatch } from '../tasks.js';

export interface LearnOptions extends Pick<FitOptions, 'optimizer' | 'schedule' | 'clipNorm'> {
  readonly seed: number;
  /** Sequences side by side. Default 1. */
  readonly batchSize?: number;
}

/** The losses of one update, in nats: their sum, and their number. The update is of their mean. */
export interface LossSum {
  readonly sum: number;
  readonly count: number;
}

/** An LSTM directly on the input, and a linear readout. */
export const lstmModel = (inputSize: number, hiddenSize: number, outputs: number, seed: number): ModelSpec => ({
  seed,
  inputSize,
  layers: [
    { kind: 'lstm', hiddenSize, bias: 'single' },
    { kind: 'linear', size: outputs },
  ],
});

/** A learner on the fastest float32 backend. */
export async function learner(spec: ModelSpec, estimator: GradientEstimator, options: LearnOptions): Promise<Learner> {
  return new Learner(new Model(await selectKernels(), spec), estimator, options);
}

export class Learner {
  readonly model: Model;
  private readonly estimator: GradientEstimator;
  private readonly options: LearnOptions;
  private readonly batchSize: number;
  private readonly system: ModelSystem;
  private readonly run: EstimatorRun;
  private readonly emitted: FloatArray;

  constructor(model: Model, estimator: GradientEstimator, options: LearnOptions) {
    const { batchSize = 1, seed } = options;
    this.model = model;
    this.estimator = estimator;
    this.options = options;
    this.batchSize = batchSize;
    // An estimator that carries derivatives forward takes the sequences of a batch one after the other.
    this.system = modelSystem(model, { batchSize: rowsTaken(estimator, batchSize), loss: 'crossEntropy' });
    this.run = estimator.start(this.system, createRng(seed, `learning by ${estimator.name}`));
    this.emitted = this.system.newGradient();
  }

  /** Makes `updates` updates, each of the mean loss over the sequences that `next` returns, from the zero state. */
  batches(updates: number, next: () => Sequences): AsyncGenerator<LossSum> {
    return this.train(updates, next, (sequences, gradients) => this.batchGradient(sequences, gradients));
  }

  /**
   * Makes an update for each window of a stream of `steps` steps, of the mean loss over the window. The state and
   * what the estimator carries continue from window to window.
   *
   * @param every steps of a window. Default: the estimator's own.
   */
  async *along(stream: Iterable<StepData>, steps: number, every?: number): AsyncGenerator<LossSum> {
    const length = every ?? this.estimator.every ?? steps;
    const source = stream[Symbol.iterator]();
    const next = (): Sequences =>
      Array.from({ length }, () => source.next()).flatMap(({ done, value }) => (done ? [] : [value as StepData]));
    const carried: { state?: FloatArray } = {};
    yield* this.train(Math.ceil(steps / length), next, (window, gradients) =>
      this.windowGradient(window, carried, gradients),
    );
    this.run.reset();
  }

  /** Cosine of the estimator's gradient of a batch and the exact one, with the parameters as they are. */
  alignment(sequences: Sequences): number {
    const { system, estimator, options } = this;
    const of = (one: GradientEstimator): Float64Array => {
      const sum = new Float64Array(system.parameters.length);
      const run = one.start(system, createRng(options.seed, `alignment of ${one.name}`));
      for (const part of this.parts(sequences)) {
        unroll(system, run, part, { every: one.every }, (gradient) => addScaled(sum, 1, gradient));
        run.reset();
      }
      return sum;
    };
    const [own, exact] = [of(estimator), of(bptt())];
    return dot(own, exact) / (norm(own) * norm(exact));
  }

  /** Frees all memory. */
  dispose(): void {
    this.run.reset();
    this.system.dispose();
    this.model.dispose();
  }

  /** `fit` over the batches that `next` makes, one at each update. */
  private async *train(
    updates: number,
    next: () => Sequences,
    gradientOf: (sequences: Sequences, gradients: FloatArray) => LossSum,
  ): AsyncGenerator<LossSum> {
    const { model, batchSize, options } = this;
    let sequences: Sequences = [];
    const batch = (): Batch => {
      sequences = next();
      return stepsToBatch(sequences, batchSize);
    };
    let losses: LossSum = { sum: 0, count: 0 };
    const gradient: GradientFunction = async (_model, _batch, { gradients }) => {
      losses = gradientOf(sequences, hostNumbers(model.kernels, gradients.matrix));
      return { loss: losses.sum / losses.count };
    };
    const { optimizer, schedule, clipNorm, seed } = options;
    const loss = 'crossEntropy' as const;
    const settings = { optimizer, seed, loss, gradient, ...(schedule && { schedule }), ...(clipNorm && { clipNorm }) };
    const training = fit(model, { train: { stateful: false, length: updates, batch } }, settings);
    try {
      for await (const event of training) {
        if (event.kind === 'update') yield losses;
      }
    } finally {
      training.dispose();
    }
  }

  /** Writes the gradient of the mean loss over a batch. */
  private batchGradient(sequences: Sequences, gradients: FloatArray): LossSum {
    const { system, run, estimator, emitted } = this;
    const parts = this.parts(sequences);
    const count = sequences.filter(({ target }) => target).length * parts.length;
    const { every } = estimator;
    gradients.fill(0);
    let sum = 0;
    for (const part of parts) {
      sum += unroll(system, run, part, { every, gradient: emitted }, (one) => addScaled(gradients, 1, one)).loss;
      run.reset();
    }
    for (let p = 0; p < gradients.length; p++) gradients[p]! /= count;
    return { sum, count };
  }

  /** The same over a window that continues from the carried state. */
  private windowGradient(window: Sequences, carried: { state?: FloatArray }, gradients: FloatArray): LossSum {
    const { system, run, emitted } = this;
    const { loss, state } = unroll(system, run, window, { ...carried, gradient: emitted }, (one) => gradients.set(one));
    carried.state = state;
    for (let p = 0; p < gradients.length; p++) gradients[p]! /= window.length;
    return { sum: loss, count: window.length };
  }

  /** The sequences side by side, or one after the other, as the estimator takes them. */
  private parts(sequences: Sequences): readonly Sequences[] {
    const { batchSize } = this;
    if (this.system.batchSize === batchSize) return [sequences];
    return Array.from({ length: batchSize }, (_, n) => rowOf(sequences, batchSize, n));
  }
}

/** A generator of data for a job. */
export const dataOf = (experiment: string, seed: number): Rng => createRng(seed, `${experiment} data`);
