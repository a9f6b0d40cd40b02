/**
 * What crosses between a thread and the worker that holds its model. A call is the name of one of `Host`'s methods and its
 * arguments; it is answered once. Calls are taken in the order in which they were made, one at a time, so what a program
 * does to a model does not depend on how fast the threads are.
 */

import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { GivenState } from '../core/lstm/tape.js';
import type { ParameterEntry } from '../core/memory/parameters.js';
import type { Batch, PredictOptions } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import type { SourceDescription } from '../data/source.js';
import { type Problem, UnspoolError } from '../errors.js';
import type { Metadata } from '../interop/model-file.js';
import type { BackendOptions } from '../kernels/select.js';
import type { OptimizerSpec } from '../optim/optimizer.js';
import type { ScheduleSpec } from '../optim/schedules.js';
import type { FitOptions, TrainingEvent, TrainingState } from '../train/options.js';

/** Where a pass starts: `rows` only where the states are those that another pass ended with. */
export interface Start {
  readonly batchSize?: number;
  readonly states: readonly (GivenState | null)[];
}

export type PredictSettings = PredictOptions<Start | null>;

/** The states that a pass of `rows` sequences ended with. */
export interface EndStates {
  readonly batchSize: number;
  readonly states: readonly { readonly h: FloatArray; readonly c: FloatArray }[];
}

export interface ModelInfo {
  readonly spec: ModelSpec;
  readonly outputSize: number;
  readonly parameters: readonly ParameterEntry[];
  readonly kernels: { readonly name: string; readonly variant?: string; readonly precision: 'float32' | 'float64' };
}

export interface LoadedFile {
  /** Characters; null where the file has none. */
  readonly vocabulary: readonly string[] | null;
  readonly metadata: Metadata;
  readonly training: TrainingState | null;
}

/** `FitOptions` with the specs of what is code. */
export type FitSettings = Omit<FitOptions, 'optimizer' | 'schedule' | 'signal'> & {
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** What the schedule has seen already, where it is one that watches. */
  readonly seen?: readonly number[];
};

/** What the worker does. Trainings and streams have numbers, given by the caller. */
export interface Host {
  create(spec: ModelSpec, options: BackendOptions): Promise<ModelInfo>;
  load(bytes: Uint8Array, options: BackendOptions, file?: string): Promise<ModelInfo & LoadedFile>;
  dispose(): Promise<void>;
  /** Holds a lock of this name for as long as the worker lives. */
  live(lock: string): Promise<void>;
  /** That share the work at this moment. */
  threads(): Promise<number>;

  predict(
    inputs: ArrayLike<number>,
    settings: PredictSettings,
  ): Promise<EndStates & { y: FloatArray; shape: number[] }>;
  evaluate(batch: Batch, loss?: LossChoice, from?: Start | null): Promise<EndStates & { loss: number }>;
  evaluateSource(source: SourceDescription, loss?: LossChoice): Promise<number>;
  download(): Promise<Map<string, FloatArray>>;
  set(name: string, values: ArrayLike<number>): Promise<void>;

  openStream(stream: number, batchSize: number): Promise<void>;
  step(stream: number, inputs: ArrayLike<number>): Promise<FloatArray>;
  resetStream(stream: number): Promise<void>;
  closeStream(stream: number): Promise<void>;

  fit(
    training: number,
    data: { readonly train: SourceDescription; readonly validation: SourceDescription | null },
    settings: FitSettings,
    resume?: TrainingState,
  ): Promise<void>;
  /**
   * The next event; null at the end. `ahead`: it is asked for in advance, so it is `later` where the event before is one to
   * stand still at until somebody has seen it: anything but a step.
   */
  next(training: number, ahead: boolean): Promise<TrainingEvent | 'later' | null>;
  /** The one who iterates has left, after so many events since the beginning. */
  leave(training: number, taken: number): Promise<void>;
  checkpoint(training: number): Promise<TrainingState>;
  validate(training: number): Promise<number | null>;
  closeTraining(training: number): Promise<void>;
  /** These three work as they arrive, between two updates; they are answered once the update under way is done. */
  pause(training: number): Promise<void>;
  resume(training: number): Promise<void>;
  abort(training: number): Promise<void>;
}

export type Operation = keyof Host;

/** `unspool` is the number of the call, and tells these messages from those of others. */
export interface Call {
  readonly unspool: number;
  readonly operation: Operation;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly unspool: number; readonly result: unknown }
  | { readonly unspool: number; readonly problem: Problem }
  | { readonly unspool: number; readonly error: unknown };

export const isOurs = (message: unknown): message is { readonly unspool: number } =>
  typeof message === 'object' && message !== null && typeof (message as Partial<Call>).unspool === 'number';

/** A class of ours does not survive the crossing, so what makes its instances again does. */
export const failure = (call: number, error: unknown): Answer =>
  error instanceof UnspoolError ? { unspool: call, problem: error.problem } : { unspool: call, error };

/** Of whatever frame: each has a `Map` of its own. */
const isMap = (v: object): v is Map<unknown, unknown> => Object.prototype.toString.call(v) === '[object Map]';

/**
 * A copy of plain data whose arrays of numbers have buffers of their own, and those buffers: to be handed over, so that
 * nobody's own are taken away, and no array drags along the large buffer that it is a window of.
 */
export function parcel<T>(value: T): { readonly copy: T; readonly buffers: ArrayBuffer[] } {
  const buffers: ArrayBuffer[] = [];
  const copies = new Map<object, unknown>(); // a batch that stands in a list many times crosses once
  const copied = (v: unknown): unknown => {
    if (typeof v !== 'object' || v === null) return v;
    if (!copies.has(v)) copies.set(v, copyOf(v));
    return copies.get(v);
  };
  const copyOf = (v: object): unknown => {
    if (ArrayBuffer.isView(v)) {
      const own = Uint8Array.prototype.slice.call(v); // that of all typed arrays: of v's own type (Node's Buffers too)
      buffers.push(own.buffer);
      return own;
    }
    if (Array.isArray(v)) return typeof v[0] === 'number' ? v : v.map(copied);
    if (isMap(v)) return new Map([...v].map(([key, part]) => [key, copied(part)]));
    return Object.fromEntries(Object.entries(v).map(([key, part]) => [key, copied(part)]));
  };
  return { copy: copied(value) as T, buffers };
}
