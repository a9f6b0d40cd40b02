/** The calling side of a model in a worker. It has the methods of `Model`. */

import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import { ParameterLayout } from '../core/memory/parameters.js';
import { ownArray } from '../core/memory/views.js';
import type { Batch, EvaluateOptions } from '../core/model.js';
import type { Prediction, PredictOptions } from '../core/prediction.js';
import type { ModelSpec } from '../core/spec.js';
import { type FinalState, finalStates, type GivenState, isFinal, withoutViews } from '../core/start-state.js';
import type { BatchSource } from '../data/source.js';
import { Vocabulary } from '../data/vocabulary.js';
import type { ModelFile } from '../interop/model-file.js';
import type { BackendOptions } from '../kernels/select.js';
import type { TrainingData, TrainingState } from '../train/trainer.js';
import type { WorkerLike } from './channel.js';
import { Connection, newId } from './connection.js';
import type { ModelInfo, PassStart } from './protocol.js';
import { describeCopied } from './sent-batches.js';
import { type WorkerFitOptions, WorkerTraining } from './training.js';

/** Options of `createModelInWorker`. */
export interface WorkerOptions extends BackendOptions {
  /** A worker whose module calls `serve()`. Default: a new worker, which `dispose()` terminates. */
  readonly worker?: WorkerLike;
}

/** What remains of a tape in a worker: the states that the pass ended with. Pass it as `from` to the next pass to continue. */
export interface WorkerTape {
  readonly states: readonly FinalState[];
  /** Does nothing. It exists for programs that free the tapes of both kinds of model. */
  free(): void;
}

/** Where a pass starts: at the end of another pass, at given states (as `StartState`), or at the initial states (null). */
export type WorkerStart = WorkerTape | GivenState | readonly (GivenState | null)[] | null;

/** Options of `WorkerModel.evaluate`. With `tape: true`, the result has a `tape` with the final states. */
export type WorkerEvaluateOptions = Omit<EvaluateOptions<WorkerStart>, 'tape'> & { readonly tape?: boolean };

/** Options of `WorkerModel.predict`. With `tape: true`, the result has a `tape` with the final states. */
export type WorkerPredictOptions = PredictOptions<WorkerStart>;

/** Runs a model in a worker one time step at a time and carries the state. Use `model.stream()`. */
export interface WorkerStream {
  /** Returns the output of one time step. */
  step(inputs: ArrayLike<number>): Promise<FloatArray>;
  /** Returns to the initial state. */
  reset(): void;
  /** Frees the stream's memory in the worker. */
  dispose(): void;
}

/** A model in a worker. Its methods correspond to those of `Model` and `fit`. */
export class WorkerModel {
  readonly spec: ModelSpec;
  /** Number of output values per row. */
  readonly outputSize: number;
  /** The worker's backend. */
  readonly kernels: ModelInfo['kernels'];
  readonly parameters: WorkerParameters;
  private readonly connection: Connection;

  /** Use `createModelInWorker`. */
  constructor(connection: Connection, { spec, outputSize, kernels, parameters }: ModelInfo) {
    this.connection = connection;
    this.spec = spec;
    this.outputSize = outputSize;
    this.kernels = kernels;
    this.parameters = new WorkerParameters(connection, new ParameterLayout(parameters));
  }

  /** Number of parameters. */
  get size(): number {
    return this.parameters.layout.size;
  }

  /**
   * Trains in the worker. Events and numbers are bit-identical to those of `fit(model, data, options, resume)`. The data are
   * copied when this is called. Throws `INVALID_SETTING` if the optimizer or schedule is a custom function, and
   * `INVALID_DATA` if the data cannot be sent; other errors are thrown by the iteration.
   */
  fit(data: TrainingData, options: WorkerFitOptions, resume?: TrainingState): WorkerTraining {
    return new WorkerTraining(this.connection, data, options, resume);
  }

  /** Runs a forward pass, as `Model.predict`. */
  predict(
    inputs: ArrayLike<number>,
    options: WorkerPredictOptions & { readonly tape: true },
  ): Promise<Prediction & { readonly tape: WorkerTape }>;
  predict(inputs: ArrayLike<number>, options?: WorkerPredictOptions): Promise<Prediction>;
  async predict(
    inputs: ArrayLike<number>,
    options: WorkerPredictOptions = {},
  ): Promise<Prediction & { tape?: WorkerTape }> {
    const settings = { ...options, from: startOf(options.from) };
    const { y, shape, state } = await this.connection.call('predict', inputs, settings);
    const result = { output: ownArray<number[][][]>(y, shape), state: finalStates(state) };
    return options.tape === true ? { ...result, tape: tapeOf(state) } : result;
  }

  /** Runs a forward pass and returns its loss, as `Model.evaluate`. */
  evaluate(
    batch: Batch,
    options: WorkerEvaluateOptions & { readonly tape: true },
  ): Promise<{ loss: number; tape: WorkerTape }>;
  evaluate(batch: Batch, options?: WorkerEvaluateOptions): Promise<{ loss: number }>;
  async evaluate(batch: Batch, options: WorkerEvaluateOptions = {}): Promise<{ loss: number; tape?: WorkerTape }> {
    const settings = { ...options, from: startOf(options.from) };
    const { loss, states } = await this.connection.call('evaluate', batch, settings);
    return states ? { loss, tape: tapeOf(finalStates(states)) } : { loss };
  }

  /** Returns the mean loss over all targets of a source, as `evaluate(model, source, loss)`. */
  async evaluateSource(source: BatchSource, loss?: LossChoice): Promise<number> {
    return this.connection.call('evaluateSource', describeCopied(source, 'source'), loss);
  }

  /** Returns a stream over `batchSize` sequences, as `Model.stream`. The first `step()` throws if `batchSize` is invalid. */
  stream(batchSize = 1): WorkerStream {
    const { connection } = this;
    const id = newId();
    const opened = connection.call('openStream', id, batchSize);
    opened.catch(() => {}); // thrown by the first step
    return {
      step: (inputs) => Promise.all([connection.call('step', id, inputs), opened]).then(([y]) => y),
      reset: () => void connection.call('resetStream', id).catch(() => {}),
      dispose: () => void connection.call('closeStream', id).catch(() => {}),
    };
  }

  /** Returns the number of threads that currently share the work, including the worker itself (`Kernels.threads`). */
  threads(): Promise<number> {
    return this.connection.call('threads');
  }

  /**
   * Disposes of the model, and terminates the worker unless you passed it in. Pending calls are rejected immediately with
   * `DISPOSED`. Resolves when the current update is done and the memory is freed.
   */
  dispose(): Promise<void> {
    return this.connection.dispose();
  }
}

/** The parameters of a model in a worker. */
export class WorkerParameters {
  readonly layout: ParameterLayout;
  private readonly connection: Connection;

  constructor(connection: Connection, layout: ParameterLayout) {
    this.connection = connection;
    this.layout = layout;
  }

  /** Returns copies of all parameters by name. */
  download(): Promise<Map<string, FloatArray>> {
    return this.connection.call('download');
  }

  /** Overwrites one parameter. Throws `SHAPE_MISMATCH` if the number of values differs. */
  set(name: string, values: ArrayLike<number>): Promise<void> {
    return this.connection.call('set', name, values);
  }
}

const tapeOf = (states: readonly FinalState[]): WorkerTape => ({ states, free() {} });

function startOf(from: WorkerStart | undefined): PassStart | null {
  if (from === undefined || from === null) return null;
  const states = typeof from === 'object' && 'states' in from ? from.states : from;
  return { isFinal: isFinal(states), states: withoutViews(states) };
}

/** Connects to a worker and creates a model over the connection, which is closed if that fails. */
async function connect<T>({ worker }: WorkerOptions, create: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = new Connection(worker);
  try {
    return await create(connection);
  } catch (error) {
    connection.abandon();
    throw error;
  }
}

const backendOf = ({ worker: _, ...backend }: WorkerOptions): BackendOptions => backend;

/**
 * Creates a model in a worker, so that training and prediction do not block the calling thread. Throws as `createModel` does,
 * and `WORKER_LOST` if the worker cannot start.
 *
 * @example
 * const model = await createModelInWorker({
 *   inputSize: 3,
 *   layers: [{ kind: 'lstm', hiddenSize: 16 }, { kind: 'linear', size: 1 }],
 * });
 * for await (const event of model.fit(data, { optimizer: adam() })) console.log(event);
 */
export function createModelInWorker(spec: ModelSpec, options: WorkerOptions = {}): Promise<WorkerModel> {
  return connect(options, async (connection) => {
    const info = await connection.call('create', spec, backendOf(options));
    return new WorkerModel(connection, info);
  });
}

/** The content of a model file, with its model in a worker. */
export interface LoadedWorkerModel extends Omit<ModelFile, 'parameters' | 'precision'> {
  readonly model: WorkerModel;
}

/** Loads the bytes of a model file into a worker, as `deserializeModel`. Throws `INVALID_FILE` or `WORKER_LOST`. */
export function deserializeModelInWorker(
  bytes: Uint8Array,
  options: WorkerOptions = {},
  file?: string,
): Promise<LoadedWorkerModel> {
  return connect(options, async (connection) => {
    const { vocabulary, metadata, training, ...rest } = await connection.call('load', bytes, backendOf(options), file);
    return {
      model: new WorkerModel(connection, rest),
      spec: rest.spec,
      vocabulary: vocabulary && new Vocabulary(vocabulary),
      metadata,
      training,
    };
  });
}
