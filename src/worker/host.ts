/** The worker's side: one model, with its trainings and streams. */

import { isObject } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { Batch, EvaluateOptions, Model } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import { type FinalState, finalStates } from '../core/start-state.js';
import type { Stream } from '../core/stream.js';
import type { StartState, Tape } from '../core/tape.js';
import { createModel, deserializeModel } from '../create.js';
import { createSource, type SourceMaker } from '../data/description.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import type { BackendOptions } from '../kernels/select.js';
import { evaluate } from '../train/evaluate.js';
import type { TrainingState } from '../train/trainer.js';
import { HostedTraining, TrainingControl } from './hosted-training.js';
import {
  type Call,
  type FitSettings,
  type ModelInfo,
  type PassStart,
  type PredictSettings,
  SENT,
  type WorkerOperations,
} from './protocol.js';
import { SentBatches } from './sent-batches.js';

export class ModelHost implements WorkerOperations {
  private readonly makers: Readonly<Record<string, SourceMaker>>;
  private model: Model | null = null;
  private readonly controls = new Map<number, TrainingControl>();
  private readonly trainings = new Map<number, HostedTraining>();
  private readonly streams = new Map<number, Stream>();
  /** Sends a part of the result of the current call. */
  notify: (notice: unknown) => void = () => {};

  constructor(makers: Readonly<Record<string, SourceMaker>>) {
    this.makers = makers;
  }

  /** Called when a call arrives, before its turn: these three take effect immediately. */
  received({ operation, args: [training] }: Call): void {
    if (operation === 'pause') this.control(training as number).paused = true;
    if (operation === 'resume') this.control(training as number).paused = false;
    if (operation === 'abort') this.control(training as number).stop.abort();
  }

  /** Whether a call has to wait for a paused training; later calls then run before it. */
  mustWait({ operation, args: [training] }: Call): boolean {
    return operation === 'next' && !this.control(training as number).mayContinue;
  }

  async create(spec: ModelSpec, options: BackendOptions): Promise<ModelInfo> {
    this.requireFree();
    this.model = await createModel(spec, options);
    return infoOf(this.model);
  }

  async load(bytes: Uint8Array, options: BackendOptions, file?: string) {
    this.requireFree();
    const { model, vocabulary, metadata, training } = await deserializeModel(bytes, options, file);
    this.model = model;
    return { ...infoOf(model), vocabulary: vocabulary?.characters ?? null, metadata, training };
  }

  async dispose(): Promise<void> {
    this.model?.dispose();
    this.model = null;
    for (const part of [this.controls, this.trainings, this.streams]) part.clear();
  }

  holdLock(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const hold = (): Promise<never> => {
        resolve();
        return new Promise(() => {});
      };
      navigator.locks.request(name, hold).catch(reject);
    });
  }

  async threads(): Promise<number> {
    return this.requireModel().kernels.threads ?? 1;
  }

  async predict(inputs: ArrayLike<number>, settings: PredictSettings) {
    const result = await this.requireModel().predict(inputs, withStart(settings));
    if ('tape' in result) (result.tape as Tape).free();
    const { output, state } = result;
    return { y: output.data, shape: output.shape, state };
  }

  async evaluate(batch: Batch, settings: EvaluateOptions<PassStart | null>) {
    const result = await this.requireModel().evaluate(batch, withStart(settings));
    if (!('tape' in result)) return { ...result, states: null };
    const tape = result.tape as Tape;
    try {
      return { loss: result.loss, states: await tape.downloadStates() };
    } finally {
      tape.free();
    }
  }

  async evaluateSource(
    source: Parameters<WorkerOperations['evaluateSource']>[0],
    loss: LossChoice | undefined,
    watched: boolean,
  ): Promise<number> {
    const data = createSource(source, this.makers);
    return evaluate(this.requireModel(), data, loss, watched ? (output) => this.notify(output) : undefined);
  }

  async download(): Promise<Map<string, FloatArray>> {
    return this.requireModel().parameters.download();
  }

  async set(name: string, values: ArrayLike<number>): Promise<void> {
    this.requireModel().parameters.set(name, values);
  }

  async openStream(stream: number, rows: number): Promise<void> {
    this.streams.set(stream, this.requireModel().stream(rows));
  }

  async step(stream: number, inputs: ArrayLike<number>): Promise<FloatArray> {
    return this.stream(stream).step(inputs);
  }

  async streamState(stream: number): Promise<readonly FinalState[]> {
    return this.stream(stream).state();
  }

  async restoreStream(stream: number, state: PassStart | null | undefined): Promise<void> {
    this.stream(stream).restore(state === undefined ? (state as never) : startOf(state));
  }

  async resetStream(stream: number): Promise<void> {
    this.stream(stream).reset();
  }

  async addRows(stream: number, count: number): Promise<number> {
    this.stream(stream).addRows(count);
    return this.stream(stream).batchSize;
  }

  async removeRows(stream: number, indices: readonly number[]): Promise<number> {
    this.stream(stream).removeRows(indices);
    return this.stream(stream).batchSize;
  }

  async closeStream(stream: number): Promise<void> {
    this.streams.get(stream)?.dispose();
    this.streams.delete(stream);
  }

  async fit(
    training: number,
    data: Parameters<WorkerOperations['fit']>[1],
    settings: FitSettings,
    resume?: TrainingState,
  ): Promise<void> {
    const train = createSource(data.train, { ...this.makers, [SENT]: (parts) => new SentBatches(parts) });
    const validation = data.validation && createSource(data.validation, this.makers);
    const hosted = new HostedTraining(
      this.requireModel(),
      { train, validation },
      settings,
      this.control(training),
      resume,
    );
    this.trainings.set(training, hosted);
  }

  async next(training: number, prefetch: boolean, batches: Parameters<WorkerOperations['next']>[2]) {
    return this.training(training).next(prefetch, batches);
  }

  async leave(training: number): Promise<void> {
    await this.trainings.get(training)?.leave();
  }

  async checkpoint(training: number): Promise<TrainingState> {
    return this.training(training).training.checkpoint();
  }

  async validate(training: number): Promise<number | null> {
    return this.training(training).training.validate();
  }

  async closeTraining(training: number): Promise<void> {
    this.trainings.get(training)?.training.dispose();
    this.trainings.delete(training);
    this.controls.delete(training);
  }

  // `received` has done the work of these three.
  async pause(): Promise<void> {}
  async resume(): Promise<void> {}
  async abort(): Promise<void> {}

  private requireModel(): Model {
    if (this.model) return this.model;
    throw disposed('The model', 'Make a new one.');
  }

  private stream(id: number): Stream {
    const found = this.streams.get(id);
    if (found) return found;
    throw disposed('The stream', 'Make a new one with model.stream().');
  }

  private training(id: number): HostedTraining {
    const found = this.trainings.get(id);
    if (found) return found;
    throw disposed('The training', 'Start another one with fit().');
  }

  private control(training: number): TrainingControl {
    let control = this.controls.get(training);
    if (!control) this.controls.set(training, (control = new TrainingControl()));
    return control;
  }

  private requireFree(): void {
    if (!this.model) return;
    throw invalidSetting('worker', 'has a model already.', 'Use one worker per model.');
  }
}

/** `model` checks the states. */
const startOf = (from: PassStart | null | undefined): StartState =>
  from ? ((from.isFinal ? finalStates(from.states as FinalState[]) : from.states) as StartState) : null;

/** Options of a pass; `model` checks them. */
const withStart = <T extends { readonly from?: PassStart | null }>(settings: T) =>
  (isObject(settings) && settings.from !== undefined
    ? { ...settings, from: startOf(settings.from) }
    : settings) as Omit<T, 'from'> & { readonly from?: StartState };

const infoOf = ({ spec, outputSize, kernels, parameters }: Model): ModelInfo => {
  const { name, variant, precision } = kernels;
  const backend = { name, precision, ...(variant === undefined ? {} : { variant }) };
  return { spec, outputSize, kernels: backend, parameters: parameters.layout.entries };
};

const disposed = (what: string, help: string): UnspoolError => new UnspoolError({ code: 'DISPOSED', what, help });
