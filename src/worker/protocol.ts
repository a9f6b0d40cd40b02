/**
 * The messages between a thread and the worker that holds its model. A call names one of `WorkerOperations` and its
 * arguments, and is answered once. Calls run one at a time, in the order in which they were made, so results do not depend on
 * the speed of the threads.
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

/** Where a pass starts. With `batchSize`, the states are those that another pass ended with. */
export interface PassStart {
  readonly batchSize?: number;
  readonly states: readonly (GivenState | null)[];
}

export type PredictSettings = PredictOptions<PassStart | null>;

/** The states that a pass over `batchSize` sequences ended with. */
export interface FinalStates {
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
  /** Characters; null if the file has none. */
  readonly vocabulary: readonly string[] | null;
  readonly metadata: Metadata;
  readonly training: TrainingState | null;
}

/** `FitOptions` with the specs of optimizer and schedule, which are code. */
export type FitSettings = Omit<FitOptions, 'optimizer' | 'schedule' | 'signal'> & {
  readonly optimizer: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  /** What a schedule that watches the validation loss has observed before. */
  readonly observed?: readonly number[];
};

/** What a worker can do. The caller numbers trainings and streams. */
export interface WorkerOperations {
  create(spec: ModelSpec, options: BackendOptions): Promise<ModelInfo>;
  load(bytes: Uint8Array, options: BackendOptions, file?: string): Promise<ModelInfo & LoadedFile>;
  dispose(): Promise<void>;
  /** Acquires a lock that is released only when the worker ends. */
  holdLock(name: string): Promise<void>;
  /** The number of threads that currently share the work. */
  threads(): Promise<number>;

  predict(
    inputs: ArrayLike<number>,
    settings: PredictSettings,
  ): Promise<FinalStates & { y: FloatArray; shape: number[] }>;
  evaluate(batch: Batch, loss?: LossChoice, from?: PassStart | null): Promise<FinalStates & { loss: number }>;
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
   * Returns the next event; null after the last one. A call with `prefetch` is made before the caller has taken the previous
   * event. It returns `later` if that event is not an update, because the training then waits until the event is taken.
   */
  next(training: number, prefetch: boolean): Promise<TrainingEvent | 'later' | null>;
  /** The caller has left its loop, after it has taken this many events since the start. */
  leave(training: number, taken: number): Promise<void>;
  checkpoint(training: number): Promise<TrainingState>;
  validate(training: number): Promise<number | null>;
  closeTraining(training: number): Promise<void>;
  /** These three take effect when they arrive, between two updates. They are answered after the current update. */
  pause(training: number): Promise<void>;
  resume(training: number): Promise<void>;
  abort(training: number): Promise<void>;
}

export type Operation = keyof WorkerOperations;

/** `unspool` is the id of the call, and marks the message as one of this protocol. */
export interface Call {
  readonly unspool: number;
  readonly operation: Operation;
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly unspool: number; readonly result: unknown }
  | { readonly unspool: number; readonly problem: Problem }
  | { readonly unspool: number; readonly error: unknown };

export const isUnspoolMessage = (message: unknown): message is { readonly unspool: number } =>
  typeof message === 'object' && message !== null && typeof (message as Partial<Call>).unspool === 'number';

/** The answer to a call that threw. Messages do not keep classes, so an `UnspoolError` is sent as its problem. */
export const failure = (call: number, error: unknown): Answer =>
  error instanceof UnspoolError ? { unspool: call, problem: error.problem } : { unspool: call, error };

/** Also for a `Map` of another realm, such as a frame. */
const isMap = (v: object): v is Map<unknown, unknown> => Object.prototype.toString.call(v) === '[object Map]';

/**
 * Copies plain data, each array of numbers into a new buffer, and returns those buffers to be transferred. The caller's
 * buffers stay its own, and a view of a large buffer is sent without the rest of it.
 */
export function copyForTransfer<T>(value: T): { readonly copy: T; readonly buffers: ArrayBuffer[] } {
  const buffers: ArrayBuffer[] = [];
  const copies = new Map<object, unknown>(); // a batch that occurs several times is sent once
  const copied = (v: unknown): unknown => {
    if (typeof v !== 'object' || v === null) return v;
    if (!copies.has(v)) copies.set(v, copyOf(v));
    return copies.get(v);
  };
  const copyOf = (v: object): unknown => {
    if (ArrayBuffer.isView(v)) {
      const copy = Uint8Array.prototype.slice.call(v); // works for all typed arrays, and copies Node's Buffers too
      buffers.push(copy.buffer);
      return copy;
    }
    if (Array.isArray(v)) return typeof v[0] === 'number' ? v : v.map(copied);
    if (isMap(v)) return new Map([...v].map(([key, part]) => [key, copied(part)]));
    return Object.fromEntries(Object.entries(v).map(([key, part]) => [key, copied(part)]));
  };
  return { copy: copied(value) as T, buffers };
}
