/** What the worker does: a model, its trainings and its streams. One model a worker. */

import type { FloatArray } from '../contract/kernels.js';
import type { LossChoice } from '../core/losses.js';
import type { Batch, Model } from '../core/model.js';
import type { ModelSpec } from '../core/spec.js';
import type { Stream } from '../core/stream.js';
import { type StartState, Tape } from '../core/tape.js';
import { createModel, deserializeModel } from '../create.js';
import { createSource, type SourceMaker } from '../data/description.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import type { BackendOptions } from '../kernels/select.js';
import { evaluate } from '../train/evaluate.js';
import type { TrainingState } from '../train/trainer.js';
import { Gate, HostedTraining } from './hosted-training.js';
import type { Call, EndStates, FitSettings, Host, ModelInfo, PredictSettings, Start } from './protocol.js';

export class ModelHost implements Host {
  private readonly makers: Readonly<Record<string, SourceMaker>>;
  private model: Model | null = null;
  private readonly gates = new Map<number, Gate>();
  private readonly trainings = new Map<number, HostedTraining>();
  private readonly streams = new Map<number, Stream>();
  /** The training that is being iterated. */
  private current: number | null = null;

  constructor(makers: Readonly<Record<string, SourceMaker>>) {
    this.makers = makers;
  }

  /** What a call does before its turn. */
  arrive({ operation, args: [training] }: Call): void {
    if (operation === 'pause') this.gate(training as number).paused = true;
    if (operation === 'resume') this.gate(training as number).paused = false;
    if (operation === 'abort') this.gate(training as number).stop.abort();
  }

  /** Whether a call has to wait, and those behind it may overtake it. */
  holdsBack({ operation, args: [training] }: Call): boolean {
    return operation === 'next' && !this.gate(training as number).open;
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
    this.current = null;
    for (const part of [this.gates, this.trainings, this.streams]) part.clear();
  }

  live(lock: string): Promise<void> {
    return new Promise((held, fail) => {
      const hold = (): Promise<never> => {
        held();
        return new Promise(() => {});
      };
      navigator.locks.request(lock, hold).catch(fail);
    });
  }

  async threads(): Promise<number> {
    return this.alive().kernels.threads ?? 1;
  }

  predict(inputs: ArrayLike<number>, { from, ...settings }: PredictSettings) {
    const run = async (start: StartState): Promise<Tape> =>
      (await this.alive().predict(inputs, { ...settings, from: start })).tape;
    return this.pass(from, run, async (tape) => {
      const { y, outputSteps } = tape.layers.at(-1)!;
      return { y: await this.alive().kernels.download(y), shape: [outputSteps, tape.shape.batchSize, y.cols] };
    });
  }

  async evaluate(batch: Batch, loss?: LossChoice, from?: Start | null) {
    let value = Number.NaN;
    const run = async (start: StartState): Promise<Tape> => {
      const result = await this.alive().evaluate(batch, { from: start, ...(loss === undefined ? {} : { loss }) });
      value = result.loss;
      return result.tape;
    };
    return this.pass(from, run, async () => ({ loss: value }));
  }

  async evaluateSource(source: Parameters<Host['evaluateSource']>[0], loss?: LossChoice): Promise<number> {
    return evaluate(this.alive(), createSource(source, this.makers), loss);
  }

  async download(): Promise<Map<string, FloatArray>> {
    return this.alive().parameters.download();
  }

  async set(name: string, values: ArrayLike<number>): Promise<void> {
    this.alive().parameters.set(name, values);
  }

  async openStream(stream: number, rows: number): Promise<void> {
    this.streams.set(stream, this.alive().stream(rows));
  }

  async step(stream: number, inputs: ArrayLike<number>): Promise<FloatArray> {
    return found(this.streams, stream, 'The stream').step(inputs);
  }

  async resetStream(stream: number): Promise<void> {
    this.streams.get(stream)?.reset();
  }

  async closeStream(stream: number): Promise<void> {
    this.streams.get(stream)?.dispose();
    this.streams.delete(stream);
  }

  async fit(
    training: number,
    data: Parameters<Host['fit']>[1],
    settings: FitSettings,
    resume?: TrainingState,
  ): Promise<void> {
    const train = createSource(data.train, this.makers);
    const validation = data.validation && createSource(data.validation, this.makers);
    const hosted = new HostedTraining(this.alive(), { train, validation }, settings, this.gate(training), resume);
    this.trainings.set(training, hosted);
  }

  async next(training: number, ahead: boolean) {
    const hosted = this.training(training);
    if (this.current !== null && this.current !== training) throw underWay();
    this.current = training;
    return hosted.next(ahead);
  }

  async leave(training: number, taken: number): Promise<void> {
    if (this.current === training) this.current = null;
    await this.trainings.get(training)?.leave(taken);
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
    this.gates.delete(training);
    if (this.current === training) this.current = null;
  }

  // What these do, they did when they arrived.
  async pause(): Promise<void> {}
  async resume(): Promise<void> {}
  async abort(): Promise<void> {}

  private alive(): Model {
    if (this.model) return this.model;
    throw disposed('The model');
  }

  private training(number: number): HostedTraining {
    return found(this.trainings, number, 'The training');
  }

  private gate(training: number): Gate {
    let gate = this.gates.get(training);
    if (!gate) this.gates.set(training, (gate = new Gate()));
    return gate;
  }

  private requireFree(): void {
    if (!this.model) return;
    const [path, problem] = ['worker', 'it holds a model already.'];
    throw invalidSetting(path, problem, 'Make a worker for each model.');
  }

  /** A pass from `from`; its tape is given back once `read` has taken what is wanted. */
  private async pass<T>(
    from: Start | null | undefined,
    run: (start: StartState) => Promise<Tape>,
    read: (tape: Tape) => Promise<T>,
  ): Promise<T & EndStates> {
    const start = from ? this.startAt(from) : null;
    try {
      const tape = await run(start);
      const result = { ...(await read(tape)), ...(await this.endOf(tape)) };
      tape.free();
      return result;
    } finally {
      if (start instanceof Tape) start.free();
    }
  }

  /** Given states as they are; those of a pass as a tape that ended with them, so that what holds for tapes holds here. */
  private startAt({ batchSize, states }: Start): StartState {
    if (batchSize === undefined) return states;
    const { kernels: k } = this.alive();
    const tape = this.alive().tape({ steps: 1, batchSize }, { gradients: false });
    tape.begin(states);
    for (const lstm of tape.lstms) {
      const [first, last] = [lstm.initialState(), lstm.finalState()];
      k.copy(last.h, first.h);
      k.copy(last.c, first.c);
    }
    return tape;
  }

  private async endOf(tape: Tape): Promise<EndStates> {
    this.alive();
    return { batchSize: tape.shape.batchSize, states: await tape.downloadStates() };
  }
}

const infoOf = ({ spec, outputSize, kernels, parameters }: Model): ModelInfo => {
  const { name, variant, precision } = kernels;
  const backend = { name, precision, ...(variant === undefined ? {} : { variant }) };
  return { spec, outputSize, kernels: backend, parameters: parameters.layout.entries };
};

function found<T>(all: ReadonlyMap<number, T>, number: number, what: string): T {
  const one = all.get(number);
  if (one) return one;
  throw disposed(what);
}

const disposed = (what: string): UnspoolError => new UnspoolError({ code: 'DISPOSED', what, help: 'Make a new one.' });

const underWay = (): UnspoolError =>
  invalidSetting(
    'fit',
    'another training of this model is under way.',
    'Leave the loop over its events first (break, or a signal), or train another model.',
  );
