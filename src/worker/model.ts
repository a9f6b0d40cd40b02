/** A model that lives in a worker, as it looks from outside: `Model`'s calls, answered from there. */

import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { GivenState } from '../core/lstm/tape.js';
import { ParameterLayout } from '../core/memory/parameters.js';
import { type NdArray, ownArray } from '../core/memory/views.js';
import type { Batch, PredictOptions } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import { describeSource } from '../data/description.js';
import type { BatchSource } from '../data/source.js';
import { Vocabulary } from '../data/vocabulary.js';
import type { ModelFile } from '../interop/model-file.js';
import type { BackendOptions } from '../kernels/select.js';
import type { TrainingData, TrainingState } from '../train/trainer.js';
import { Connection, newNumber } from './connection.js';
import type { WorkerLike } from './line.js';
import type { EndStates, ModelInfo } from './protocol.js';
import { type WorkerFitOptions, WorkerTraining } from './training.js';

export interface WorkerOptions extends BackendOptions {
  /** A worker whose module calls `serve()`. Default: one that is made here, and ended by `dispose()`. */
  readonly worker?: WorkerLike;
}

/** What is kept here of a pass in the worker: where it ended. Give it as `from` to the next pass. */
export interface WorkerTape extends EndStates {
  /** Does nothing, as nothing is kept there: for programs that free the tapes of both kinds of model. */
  free(): void;
}

/** Where a pass starts: where another ended, at given states (as `StartState`), or at the layers' own. */
export type WorkerStart = WorkerTape | readonly (GivenState | null)[] | null;

export interface WorkerPrediction {
  /** As `Model.predict`'s. */
  readonly output: NdArray;
  /** The same numbers, time-major, for pages whose policy forbids ndarray's classes. */
  readonly values: FloatArray;
  readonly tape: WorkerTape;
}

/** One time step at a time in the worker, the state carried. Made by `model.stream()`. */
export interface WorkerStream {
  step(inputs: ArrayLike<number>): Promise<FloatArray>;
  reset(): void;
  dispose(): void;
}

export class WorkerModel {
  readonly spec: ModelSpec;
  /** Width of the output's rows. */
  readonly outputSize: number;
  /** The backend that computes in the worker. */
  readonly kernels: ModelInfo['kernels'];
  readonly parameters: WorkerParameters;
  private readonly connection: Connection;

  /** Made by `createModelInWorker`. */
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
   * Trains in the worker, as `fit(model, data, options, resume)` trains here, with the same events and to the same bits.
   * The data are copied when it is called. Throws `INVALID_SETTING` for an optimizer or schedule, `INVALID_DATA` for data,
   * that is a function of your own and cannot be sent; what is wrong otherwise reaches whoever iterates.
   */
  fit(data: TrainingData, options: WorkerFitOptions, resume?: TrainingState): WorkerTraining {
    return new WorkerTraining(this.connection, data, options, resume);
  }

  /** As `Model.predict`. */
  async predict(inputs: ArrayLike<number>, options: PredictOptions<WorkerStart> = {}): Promise<WorkerPrediction> {
    const settings = { ...options, from: startOf(options.from) };
    const { y, shape, ...end } = await this.connection.call('predict', inputs, settings);
    return {
      get output() {
        const all = ownArray(y, shape);
        return options.batchFirst ? all.transpose(1, 0, 2) : all;
      },
      values: y,
      tape: tapeOf(end),
    };
  }

  /** Forward pass and loss, as `Model.evaluate`. */
  async evaluate(
    batch: Batch,
    options: { readonly loss?: LossChoice; readonly from?: WorkerStart } = {},
  ): Promise<{ loss: number; tape: WorkerTape }> {
    const { loss, ...end } = await this.connection.call('evaluate', batch, options.loss, startOf(options.from));
    return { loss, tape: tapeOf(end) };
  }

  /** Mean loss over all the targets of a source, as `evaluate(model, source, loss)`. */
  async evaluateSource(source: BatchSource, loss?: LossChoice): Promise<number> {
    return this.connection.call('evaluateSource', describeSource(source), loss);
  }

  /** As `Model.stream`. What is wrong with `rows` reaches the first `step()`. */
  stream(rows = 1): WorkerStream {
    const { connection } = this;
    const number = newNumber();
    const opened = connection.call('openStream', number, rows);
    opened.catch(() => {}); // reaches whoever steps
    return {
      step: (inputs) => Promise.all([connection.call('step', number, inputs), opened]).then(([y]) => y),
      reset: () => void connection.call('resetStream', number).catch(() => {}),
      dispose: () => void connection.call('closeStream', number).catch(() => {}),
    };
  }

  /** Threads that share the work at this moment, the worker's own included (`Kernels.threads`). */
  threads(): Promise<number> {
    return this.connection.call('threads');
  }

  /**
   * Ends the model, and the worker where it was not handed in. What is still being waited for is rejected (`DISPOSED`) at
   * once; resolves when the update that is under way is done and the memory is given back.
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

  /** Copies of all parameters by name. */
  download(): Promise<Map<string, FloatArray>> {
    return this.connection.call('download');
  }

  /** Overwrites one parameter. Throws `SHAPE_MISMATCH` where the count of numbers differs. */
  set(name: string, values: ArrayLike<number>): Promise<void> {
    return this.connection.call('set', name, values);
  }
}

const tapeOf = (end: EndStates): WorkerTape => ({ ...end, free() {} });

function startOf(from: WorkerStart | undefined) {
  if (!from) return null;
  return 'states' in from ? { batchSize: from.batchSize, states: from.states } : { states: from };
}

/** A connection and the model that `make` makes over it; without the one, not the other. */
async function open<T>({ worker }: WorkerOptions, make: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = new Connection(worker);
  try {
    return await make(connection);
  } catch (error) {
    connection.giveUp();
    throw error;
  }
}

const backendOf = ({ worker: _, ...backend }: WorkerOptions): BackendOptions => backend;

/**
 * `createModel` in a worker: training and predicting there never keep this thread from its work. Throws as `createModel`
 * does, and `WORKER_LOST` where the worker cannot begin.
 *
 * @example
 * const model = await createModelInWorker({
 *   inputSize: 3,
 *   layers: [{ kind: 'lstm', hiddenSize: 16 }, { kind: 'linear', size: 1 }],
 * });
 * for await (const event of model.fit(data, { optimizer: adam() })) console.log(event);
 */
export function createModelInWorker(spec: ModelSpec, options: WorkerOptions = {}): Promise<WorkerModel> {
  return open(options, async (connection) => {
    const info = await connection.call('create', spec, backendOf(options));
    return new WorkerModel(connection, info);
  });
}

/** What a model file holds, with its model in a worker. */
export interface LoadedWorkerModel extends Omit<ModelFile, 'parameters' | 'precision'> {
  readonly model: WorkerModel;
}

/** `deserializeModel` in a worker: reads what `serializeModel` wrote. Throws `INVALID_FILE`, or `WORKER_LOST`. */
export function deserializeModelInWorker(
  bytes: Uint8Array,
  options: WorkerOptions = {},
  file?: string,
): Promise<LoadedWorkerModel> {
  return open(options, async (connection) => {
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
