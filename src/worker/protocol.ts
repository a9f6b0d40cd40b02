/**
 * The messages between a thread and the worker that holds its model. A call names one of `WorkerOperations` and its
 * arguments, and is answered once. Calls run one at a time, in the order in which they were made, so results do not depend on
 * the speed of the threads.
 */

import { isMap, shown } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { ParameterEntry } from '../core/memory/parameters.js';
import type { Batch, EvaluateOptions } from '../core/model.js';
import type { PredictOptions } from '../core/prediction.js';
import type { ModelSpec } from '../core/spec.js';
import type { FinalState } from '../core/start-state.js';
import type { SourceDescription } from '../data/source.js';
import { invalidSetting, type Problem, UnspoolError } from '../errors.js';
import type { Metadata } from '../interop/model-file.js';
import type { BackendOptions } from '../kernels/select.js';
import type { createOptimizer } from '../optim/index.js';
import type { ScheduleSpec } from '../optim/schedules.js';
import type { FitOptions, TrainingEvent, TrainingState } from '../train/options.js';

/** Where a pass starts. `isFinal`: another pass ended with these states. The worker checks them. */
export interface PassStart {
  readonly isFinal: boolean;
  readonly states: unknown;
}

export type PredictSettings = PredictOptions<PassStart | null>;

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

/** `FitOptions` with the names or specs of optimizer and schedule, which are code. */
export type FitSettings = Omit<FitOptions, 'optimizer' | 'schedule' | 'signal'> & {
  readonly optimizer: Parameters<typeof createOptimizer>[0];
  readonly schedule: ScheduleSpec;
  /** What a schedule that watches the validation loss has observed before. */
  readonly observed?: readonly number[];
};

/** The kind of a source that stays with the caller, which sends its batches one by one: see `SentBatches`. */
export const SENT = 'sent';

/** A batch of such a source. */
export interface SentBatch {
  /** The number of the update that it is for, from 0 at the start or at the resumed checkpoint. */
  readonly update: number;
  /** Its number in the source. */
  readonly index: number;
  /** Missing if the source threw an error, which the caller keeps. */
  readonly batch?: unknown;
}

/** What a call rejects with if the caller's source has thrown an error. */
export const BATCH_FAILED = 'unspool: the source failed';

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
  ): Promise<{ y: FloatArray; shape: number[]; state: readonly FinalState[] }>;
  /** `tape`: also returns the final states. */
  evaluate(
    batch: Batch,
    settings: EvaluateOptions<PassStart | null>,
  ): Promise<{ loss: number; states: readonly FinalState[] | null }>;
  /** `watched`: sends a notice with the output of each batch before the answer. */
  evaluateSource(source: SourceDescription, loss: LossChoice | undefined, watched: boolean): Promise<number>;
  download(): Promise<Map<string, FloatArray>>;
  set(name: string, values: ArrayLike<number>): Promise<void>;

  openStream(stream: number, batchSize: number): Promise<void>;
  step(stream: number, inputs: ArrayLike<number>): Promise<FloatArray>;
  streamState(stream: number): Promise<readonly FinalState[]>;
  /** Undefined is rejected. */
  restoreStream(stream: number, state: PassStart | null | undefined): Promise<void>;
  resetStream(stream: number): Promise<void>;
  /** These two return the new number of sequences. */
  addRows(stream: number, count: number): Promise<number>;
  removeRows(stream: number, indices: readonly number[]): Promise<number>;
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
   * `batches` are those of the next updates, if the caller has the source. Rejects with `BATCH_FAILED` if one has no batch.
   */
  next(training: number, prefetch: boolean, batches: readonly SentBatch[]): Promise<TrainingEvent | 'later' | null>;
  /** The caller has left its loop. */
  leave(training: number): Promise<void>;
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
  | { readonly unspool: number; readonly notice: unknown }
  | { readonly unspool: number; readonly result: unknown }
  | { readonly unspool: number; readonly problem: Problem }
  | { readonly unspool: number; readonly error: unknown };

export const isUnspoolMessage = (message: unknown): message is { readonly unspool: number } =>
  typeof message === 'object' && message !== null && typeof (message as Partial<Call>).unspool === 'number';

/** The answer to a call that threw. Messages do not keep classes, so an `UnspoolError` is sent as its problem. */
export const failure = (call: number, error: unknown): Answer =>
  error instanceof UnspoolError ? { unspool: call, problem: error.problem } : { unspool: call, error };

/** Names of the arguments of an operation for messages; settings have no prefix, as in the errors of `fit`. */
const ARGUMENTS: Partial<Record<Operation, readonly string[]>> = {
  create: ['spec', 'options'],
  load: ['bytes', 'options', 'file'],
  predict: ['inputs', 'options'],
  evaluate: ['batch', 'loss', 'from'],
  evaluateSource: ['source', 'loss'],
  set: ['name', 'values'],
  openStream: ['stream', 'batchSize'],
  step: ['stream', 'inputs'],
  restoreStream: ['stream', 'state'],
  addRows: ['stream', 'count'],
  removeRows: ['stream', 'indices'],
  fit: ['training', 'data', '', 'resume'],
};

/** A call whose arguments are copied now. Throws `INVALID_SETTING` for what cannot be sent. */
export function callMessage(unspool: number, operation: Operation, args: readonly unknown[]) {
  const buffers: ArrayBuffer[] = [];
  const names = ARGUMENTS[operation] ?? [];
  const copies = args.map((value, i) => copyInto(buffers, value, names[i] ?? operation));
  const message: Call = { unspool, operation, args: copies };
  return { message, buffers };
}

/** Deepest nesting of what is sent. Data are not deeper, and an engine's own limit ends in a message that gets lost. */
const MAX_DEPTH = 100;

/** A copy that is ready to be sent: `callMessage` does not copy it again. Its buffers are transferred, so it can be sent once. */
export class Packed {
  readonly copy: unknown;
  readonly buffers: ArrayBuffer[] = [];

  constructor(value: unknown, path: string) {
    this.copy = copyInto(this.buffers, value, path);
  }
}

/**
 * Copies plain data, each array of numbers into a new buffer that is added to `buffers`, to be transferred. The caller's buffers
 * stay its own, and a view of a large buffer is sent without the rest of it. Throws `INVALID_SETTING` for a function or symbol.
 */
export function copyInto<T>(buffers: ArrayBuffer[], value: T, root: string): T {
  const copies = new Map<object, unknown>(); // what occurs several times is sent once
  const copied = (v: unknown, path: string, depth: number): unknown => {
    if (typeof v === 'function' || typeof v === 'symbol') throw notSendable(path, `is ${shown(v)}`);
    if (typeof v !== 'object' || v === null) return v;
    if (depth > MAX_DEPTH) throw notSendable(root || path, `is nested more than ${MAX_DEPTH} deep`);
    return copies.get(v) ?? copyOf(v, path, depth + 1);
  };
  const fill = (to: object, from: object, path: string, depth: number): object => {
    copies.set(from, to); // before its parts: an object may contain itself
    for (const [key, part] of Object.entries(from)) {
      const place = Array.isArray(from) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
      const copy = copied(part, place, depth);
      Object.defineProperty(to, key, { value: copy, writable: true, enumerable: true, configurable: true });
    }
    return to;
  };
  const copyOf = (v: object, path: string, depth: number): unknown => {
    if (v instanceof Packed) {
      buffers.push(...v.buffers);
      return v.copy;
    }
    if (ArrayBuffer.isView(v)) {
      const copy = copyView(v);
      buffers.push(copy.buffer as ArrayBuffer);
      copies.set(v, copy);
      return copy;
    }
    if (Array.isArray(v)) {
      if (typeof v[0] === 'number' && v.every((part) => typeof part === 'number')) return v.slice();
      return Object.assign(fill([], v, path, depth), { length: v.length });
    }
    if (isMap(v)) return new Map([...v].map(([key, part]) => [key, copied(part, `${path} ${shown(key)}`, depth)]));
    return fill({}, v, path, depth);
  };
  return copied(value, root, 0) as T;
}

/** Works for all typed arrays and for Node's Buffers. An array whose buffer was transferred is empty. */
function copyView(v: ArrayBufferView): ArrayBufferView {
  try {
    if (!(v instanceof DataView)) return Uint8Array.prototype.slice.call(v);
    return new DataView(new Uint8Array(v.buffer, v.byteOffset, v.byteLength).slice().buffer);
  } catch {
    return new Float32Array(0);
  }
}

const notSendable = (path: string, problem: string): UnspoolError =>
  invalidSetting(
    path,
    `${problem}, which cannot be sent to a worker.`,
    'Pass plain data: numbers, strings, arrays and objects of them.',
  );
