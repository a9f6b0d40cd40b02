/** The calling side of a model in a worker. It has the methods of `Model`. */

import { isObject, requireFunction, requireKeys, shown } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import { ParameterLayout } from '../core/memory/parameters.js';
import { ownArray } from '../core/memory/views.js';
import type { Batch, EvaluateOptions } from '../core/model.js';
import type { Prediction, PredictOptions } from '../core/prediction.js';
import type { ModelSpec } from '../core/spec.js';
import { finalStates } from '../core/start-state.js';
import { type BatchSource, copyOfSource } from '../data/source.js';
import { Vocabulary } from '../data/vocabulary.js';
import { invalidSetting } from '../errors.js';
import type { ModelFile } from '../interop/model-file.js';
import type { BackendOptions } from '../kernels/select.js';
import type { TrainingData, TrainingState } from '../train/trainer.js';
import type { WorkerLike } from './channel.js';
import { Connection } from './connection.js';
import type { ModelInfo } from './protocol.js';
import { copiesOf, describeCopied } from './sent-batches.js';
import { sentOptions, tapeOf, type WorkerStart, type WorkerTape } from './states.js';
import { WorkerStream } from './stream.js';
import { type WorkerFitOptions, WorkerTraining } from './training.js';

/** Options of `createModelInWorker`. */
export interface WorkerOptions extends BackendOptions {
  /** A worker whose module calls `serve()`. Default: a new worker, which `dispose()` terminates. */
  readonly worker?: WorkerLike;
}

/** Options of `WorkerModel.evaluate`. With `tape: true`, the result has a `tape` with the final states. */
export type WorkerEvaluateOptions = Omit<EvaluateOptions<WorkerStart>, 'tape'> & { readonly tape?: boolean };

/** Options of `WorkerModel.predict`. With `tape: true`, the result has a `tape` with the final states. */
export type WorkerPredictOptions = PredictOptions<WorkerStart>;

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
    return new WorkerTraining(this.connection, this, data, options, resume);
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
    const wantsTape = options?.tape;
    const { y, shape, state } = await this.connection.call('predict', inputs, sentOptions(options));
    const result = { output: ownArray<number[][][]>(y, shape), state: finalStates(state) };
    return wantsTape === true ? { ...result, tape: tapeOf(state) } : result;
  }

  /** Runs a forward pass and returns its loss, as `Model.evaluate`. */
  evaluate(
    batch: Batch,
    options: WorkerEvaluateOptions & { readonly tape: true },
  ): Promise<{ loss: number; tape: WorkerTape }>;
  evaluate(batch: Batch, options?: WorkerEvaluateOptions): Promise<{ loss: number }>;
  async evaluate(batch: Batch, options: WorkerEvaluateOptions = {}): Promise<{ loss: number; tape?: WorkerTape }> {
    const { loss, states } = await this.connection.call('evaluate', batch, sentOptions(options));
    return states ? { loss, tape: tapeOf(finalStates(states)) } : { loss };
  }

  /**
   * Returns the mean loss over all targets of a source, as `evaluate(model, source, loss, watch)`. All batches are read and copied
   * when this is called; `watch` receives the copies.
   */
  async evaluateSource(
    source: BatchSource,
    loss?: LossChoice,
    watch?: (output: FloatArray, batch: Batch) => void,
  ): Promise<number> {
    const data = copyOfSource('source', source, false);
    if (watch === undefined) {
      return this.connection.call('evaluateSource', describeCopied(data, 'source'), loss, false);
    }
    requireFunction('watch', watch);
    const batches = copiesOf(data);
    const description = { kind: 'batches', stateful: data.stateful, list: batches };
    let next = 0;
    const onNotice = (output: unknown): void => watch(output as FloatArray, batches[next++]!);
    return this.connection.callWithNotices(onNotice, 'evaluateSource', description, loss, true);
  }

  /** Returns a stream over `batchSize` sequences, as `Model.stream`. Its first call throws if it cannot be made. */
  stream(batchSize = 1): WorkerStream {
    return new WorkerStream(this.connection, batchSize);
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

const OPTIONS = ['backend', 'precision', 'threads', 'worker'];

/** What only a model on this thread has, and what to use instead. */
const LOCAL_OPTIONS: Readonly<Record<string, string>> = {
  kernels: 'A worker has its own backend.',
  measure: 'Call measureBackends() of unspool/gpu, and pass the fastest backend.',
};

/** Throws `INVALID_SETTING`. */
function requireWorkerOptions(options: unknown): asserts options is WorkerOptions {
  for (const [name, help] of Object.entries(LOCAL_OPTIONS)) {
    if (!isObject(options) || options[name] === undefined) continue;
    throw invalidSetting(`options.${name}`, 'cannot be sent to a worker.', help);
  }
  requireKeys('options', options, OPTIONS);
  const { worker } = options as WorkerOptions;
  if (worker === undefined) return;
  const has = (name: string): boolean => typeof (worker as unknown as Record<string, unknown>)[name] === 'function';
  const isWorker = isObject(worker) && has('postMessage') && has('terminate') && (has('on') || has('addEventListener'));
  if (!isWorker) throw invalidSetting('options.worker', `must be a worker, got ${shown(worker)}.`);
}

/** Connects to a worker and creates a model over the connection, which is closed if that fails. */
async function connect<T>(
  options: WorkerOptions,
  create: (connection: Connection, backend: BackendOptions) => Promise<T>,
): Promise<T> {
  requireWorkerOptions(options);
  const { worker, ...backend } = options;
  const connection = new Connection(worker);
  try {
    return await create(connection, backend);
  } catch (error) {
    connection.abandon();
    throw error;
  }
}

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
  return connect(options, async (connection, backend) => {
    const info = await connection.call('create', spec, backend);
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
  return connect(options, async (connection, backend) => {
    const { vocabulary, metadata, training, ...rest } = await connection.call('load', bytes, backend, file);
    return {
      model: new WorkerModel(connection, rest),
      spec: rest.spec,
      vocabulary: vocabulary && new Vocabulary(vocabulary),
      metadata,
      training,
    };
  });
}
