/**
 * Learning with any estimator: a model, an optimizer over its parameters, and updates out of what the estimator emits. Over batches of
 * sequences an update is made of all that was emitted over the batch; along a stream each emission makes one.
 */
import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import { Model } from '../../core/model.js';
import { createRng, type Rng } from '../../core/rng.js';
import type { ModelSpec } from '../../core/spec.js';
import {
  type EstimatorRun,
  type GradientEstimator,
  rowsTaken,
  type UnrollResult,
  unroll,
} from '../../estimators/estimator.js';
import { bptt } from '../../estimators/methods/backwards.js';
import { type ModelSystem, modelSystem } from '../../estimators/model/system.js';
import type { StepData } from '../../estimators/system.js';
import { addScaled, dot, norm } from '../../estimators/vectors.js';
import { selectKernels } from '../../kernels/select.js';
import { type Optimizer, OptimizerRun } from '../../optim/optimizer.js';
import { rowOf, type Sequences } from '../tasks.js';

export interface LearnOptions {
  readonly optimizer: Optimizer;
  /** The learning rate of an update, from 1. Default: the optimizer's own. */
  readonly rate?: (update: number) => number;
  /** Largest norm of a gradient. Default: none. */
  readonly clip?: number;
  readonly seed: number;
  /** Sequences side by side. Default 1. */
  readonly rows?: number;
}

/** An LSTM right over the input, and a linear readout. */
export const lstmModel = (inputSize: number, hiddenSize: number, outputs: number, seed: number): ModelSpec => ({
  seed,
  inputSize,
  layers: [
    { kind: 'lstm', hiddenSize, bias: 'single' },
    { kind: 'linear', size: outputs },
  ],
});

/** A learner on a backend of its own: in float32, which is the fastest there is. */
export async function learner(spec: ModelSpec, estimator: GradientEstimator, options: LearnOptions): Promise<Learner> {
  return new Learner(new Model(await selectKernels(), spec), estimator, options);
}

export class Learner {
  readonly model: Model;
  /** Updates made so far. */
  updates = 0;
  private readonly kernels: Kernels;
  private readonly estimator: GradientEstimator;
  private readonly options: LearnOptions;
  private readonly rows: number;
  private readonly system: ModelSystem;
  private readonly run: EstimatorRun;
  private readonly optimizer: OptimizerRun;
  /** What is emitted is written to the one, and added up in the other. */
  private readonly emitted: FloatArray;
  private readonly sum: FloatArray;
  private readonly norm: Matrix;

  constructor(model: Model, estimator: GradientEstimator, options: LearnOptions) {
    const { optimizer, rows = 1, seed } = options;
    this.model = model;
    this.kernels = model.kernels;
    this.estimator = estimator;
    this.options = options;
    this.rows = rows;
    // What looks forwards carries a trace a sequence, and so takes them one after the other.
    this.system = modelSystem(model, { batchSize: rowsTaken(estimator, rows), loss: 'crossEntropy' });
    this.run = estimator.start(this.system, createRng(seed, `learning by ${estimator.name}`));
    this.optimizer = new OptimizerRun(this.kernels, optimizer, model.parameters);
    this.emitted = this.system.newGradient();
    this.sum = this.system.newGradient();
    this.norm = this.kernels.alloc(1, 1);
  }

  /** One update of a batch's gradient, from the zero state: of the mean over its losses. Returns that mean, in nats. */
  batch(sequences: Sequences): number {
    const { rows, sum } = this;
    const together = this.system.batchSize === rows;
    const parts = together ? [sequences] : Array.from({ length: rows }, (_, n) => rowOf(sequences, rows, n));
    const losses = sequences.filter(({ target }) => target).length * parts.length;
    sum.fill(0);
    let loss = 0;
    for (const part of parts) {
      loss += this.unrolled(part, null, (gradient) => {
        addScaled(sum, 1, gradient);
      }).loss;
      this.run.reset();
    }
    this.update(sum, losses);
    return loss / losses;
  }

  /** Cosine of what the estimator makes of a batch and the exact gradient of it, with theta as it is. */
  alignment(sequences: Sequences): number {
    const { system, rows, estimator, options } = this;
    const parts =
      system.batchSize === rows ? [sequences] : Array.from({ length: rows }, (_, n) => rowOf(sequences, rows, n));
    const of = (one: GradientEstimator): Float64Array => {
      const sum = new Float64Array(system.parameters.length);
      const run = one.start(system, createRng(options.seed, `alignment of ${one.name}`));
      for (const part of parts) {
        unroll(system, run, part, { every: one.every }, (gradient) => addScaled(sum, 1, gradient));
        run.reset();
      }
      return sum;
    };
    const [own, exact] = [of(estimator), of(bptt())];
    return dot(own, exact) / (norm(own) * norm(exact));
  }

  /**
   * Goes along a stream until it ends, with an update at every emission, of the mean over its losses.
   *
   * @param every steps between two updates; null for the estimator's own.
   * @param seen called after each update with the sum of the losses, in nats, and the number of steps that it is of.
   */
  along(stream: Iterable<StepData>, every: number | null, seen: (loss: number, steps: number) => void): void {
    this.unrolled(stream, every, (gradient, { from, to, loss }) => {
      this.update(gradient, to - from);
      seen(loss, to - from);
    });
    this.run.reset();
  }

  /** Gives all memory back. */
  dispose(): void {
    this.run.reset();
    this.optimizer.free();
    this.kernels.free(this.norm);
    this.system.dispose();
    this.model.dispose();
  }

  private unrolled(
    steps: Iterable<StepData>,
    every: number | null,
    emitted: Parameters<typeof unroll>[4],
  ): UnrollResult {
    const { system, run, estimator, emitted: gradient } = this;
    return unroll(system, run, steps, { every: every ?? estimator.every, gradient }, emitted);
  }

  /** Of a gradient that is a sum over so many losses. */
  private update(gradient: FloatArray, losses: number): void {
    const { kernels, system, options } = this;
    for (let p = 0; p < gradient.length; p++) gradient[p]! /= losses;
    const matrix = system.matrixOf(gradient);
    kernels.clipNorm(this.norm, matrix, options.clip ?? Number.POSITIVE_INFINITY);
    this.updates++;
    this.optimizer.apply(matrix, this.updates, options.rate?.(this.updates) ?? options.optimizer.spec.learningRate);
    system.changed();
  }
}

/** A generator of data for a job. */
export const dataOf = (experiment: string, seed: number): Rng => createRng(seed, `${experiment} data`);
