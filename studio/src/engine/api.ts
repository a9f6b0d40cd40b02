/** The messages between the page and the engine's worker: plain data, so that it can be posted. */
import type { ModelSpec } from 'unspool';
import type { Gate, LagFlow, Trace } from 'unspool/inspect';
import type { Settings } from '../settings.js';
import type { LessonName } from './lessons/index.js';
import type { UserData } from './tasks/task.js';

export interface ParameterInfo {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Names of the library's optimizers and gradient estimators. */
export interface Choices {
  readonly optimizers: readonly string[];
  readonly estimators: readonly string[];
}

/** The task and the model of a session. */
export interface SessionInfo {
  readonly settings: Settings;
  /** The file that the model was read from; null for a new model. */
  readonly modelFile: string | null;
  readonly description: string;
  readonly spec: ModelSpec;
  /** Such as `wasm, simd`. */
  readonly backend: string;
  readonly parameters: readonly ParameterInfo[];
  readonly parameterCount: number;
  readonly sequenceCount: number;
  readonly outputNames: readonly string[];
  /** `bits`: bits per character of a text; `loss`: the loss itself. */
  readonly lossUnit: 'bits' | 'loss';
  readonly readsText: boolean;
  readonly batchesPerEpoch: number;
}

/** Generated text; or the predictions for a validation sequence. */
export interface Sample {
  readonly update: number;
  readonly text: string;
  /** One entry per time step with a target, for a model with one output. */
  readonly forecast: readonly { readonly step: number; readonly target: number; readonly prediction: number }[];
}

export type UpdatePoint = readonly [update: number, value: number];

/** What has happened in the training run since the last progress message. */
export interface Progress {
  readonly updates: readonly (readonly [update: number, loss: number, gradientNorm: number])[];
  readonly validation: readonly UpdatePoint[];
  readonly epoch: number;
  readonly update: number;
  readonly updatesPerSecond: number;
  /** Null without a new sample. */
  readonly sample: Sample | null;
  readonly state: 'playing' | 'paused' | 'failed';
  /** The error that ended the training run. */
  readonly problem: string | null;
}

/** The trace of a sequence, with a label for the input and the target of each time step. */
export interface TracedSequence {
  /** Identifies the pass. */
  readonly id: number;
  /** Updates that the weights had at the pass. */
  readonly update: number;
  readonly index: number;
  readonly trace: Trace;
  /** The loss without the user's edits; null if there are none. */
  readonly originalLoss: number | null;
  /** Names of the tokens; null for a model that reads numbers. */
  readonly tokenNames: readonly string[] | null;
  readonly inputLabels: readonly string[];
  /** '' where a time step has no target. */
  readonly targetLabels: readonly string[];
  /** How the gradients of single time steps' losses flow back. */
  readonly flows: readonly LagFlow[];
}

/** A weight's gradient, beside a finite difference. All numbers are float64. */
export interface GradientCheck {
  readonly update: number;
  readonly value: number;
  readonly epsilon: number;
  readonly lossAbove: number;
  readonly lossBelow: number;
  /** (lossAbove - lossBelow) / (2 epsilon). */
  readonly finiteDifference: number;
  /** By BPTT. */
  readonly gradient: number;
}

export interface EstimatorResult {
  readonly name: string;
  /** Of the mean estimate and the exact gradient. */
  readonly cosine: number;
  readonly normRatio: number;
  readonly variance: number;
  /** Numbers in memory. */
  readonly floats: number;
  /** Multiply-add operations. */
  readonly macs: number;
  /** Why the estimator does not work for this model; null if it does. */
  readonly problem: string | null;
}

export interface EstimatorComparison {
  readonly update: number;
  readonly results: readonly EstimatorResult[];
}

export interface WeightPosition {
  /** The parameter's name. */
  readonly name: string;
  readonly row: number;
  readonly col: number;
}

/** A gate of one unit that has the same value at all time steps. */
export interface Clamp {
  readonly layer: number;
  readonly gate: Gate;
  readonly unit: number;
  readonly value: number;
}

/** The user's edits to a sequence and the pass over it. */
export interface Edits {
  /** Another token, or other numbers, at a time step. */
  readonly inputs: readonly { readonly t: number; readonly values: readonly number[] }[];
  readonly clamps: readonly Clamp[];
}

export interface SweepResult {
  readonly learningRate: number;
  readonly losses: readonly UpdatePoint[];
  readonly validation: number | null;
}

export type OnProgress = (progress: Progress) => void | Promise<void>;

export interface Engine {
  choices(): Promise<Choices>;
  /** Creates the data and a new model. */
  setUp(settings: Settings, data: UserData): Promise<SessionInfo>;
  /** Trains until `pause`. `updatesPerSecond` may be infinite. */
  play(onProgress: OnProgress, updatesPerSecond: number): Promise<void>;
  /** Changes the speed of a run. */
  setSpeed(updatesPerSecond: number): Promise<void>;
  pause(): Promise<void>;
  /** One update, or all updates up to the end of the epoch. */
  advance(by: 'update' | 'epoch', onProgress: OnProgress): Promise<void>;
  /** Makes a pass over a sequence, which the page shows until the next one. The next four methods are about it. */
  trace(index: number, edits: Edits, lagSteps: readonly number[]): Promise<TracedSequence>;
  /** How the gradient of the loss at time step `t` flows back to earlier steps; null if the page already shows another pass. */
  gradientByLag(pass: number, t: number): Promise<LagFlow | null>;
  setWeight(position: WeightPosition, value: number): Promise<void>;
  checkGradient(position: WeightPosition): Promise<GradientCheck>;
  compareEstimators(names: readonly string[]): Promise<EstimatorComparison>;
  sweepLearningRates(learningRates: readonly number[], updates: number): Promise<readonly SweepResult[]>;
  /** Milliseconds per time step, if the steps are fed one at a time. */
  measureStreaming(steps: number): Promise<number>;
  /** What the model produces with its current weights. */
  sample(): Promise<Sample>;
  /** The data and the model of a figure of the tour: the result of `LESSONS[name](...options)`. */
  lesson(name: LessonName, options: readonly unknown[]): Promise<unknown>;
  /** The bytes of a model file. */
  save(): Promise<Uint8Array>;
  /** Loads a model file, for the preset that it was trained on or for the task of these settings. */
  open(bytes: Uint8Array, name: string, settings: Settings, data: UserData): Promise<SessionInfo>;
  /** Answers immediately, which shows that the worker runs. */
  ping(): Promise<true>;
}
