/** A model in training: one at a time, in the worker. */
import {
  bitsPerCharacter,
  createModel,
  createOptimizer,
  createRng,
  fit,
  generate,
  type Model,
  parseModel,
  serializeModel,
  type Training,
  type TrainingEvent,
} from 'unspool';
import { gradientByLag, type LagFlow, trace } from 'unspool/inspect';
import { batchToSteps, compare, estimatorGradient, modelSystem, parseEstimator } from 'unspool/lab';
import type { Settings } from '../settings.js';
import type { Changes, Difference, Estimated, Facts, Look, Place, Sample, Sweep } from './api.js';
import { clamped, withInputs } from './changes.js';
import { type Own, specOf, type Task, taskOf } from './tasks.js';

const EXACT = { backend: 'reference', precision: 'float64' } as const;
const CLIP = 1;
/** Held-out losses are measured this often besides the ends of epochs. */
const MEASURED_EVERY = 100;

const fetchText = async (file: string): Promise<string> => {
  // Built, the worker's script stands in assets/, beside which the data are one folder up; while developing they are at the root.
  const from = import.meta.env.DEV ? self.location.origin : new URL('..', self.location.href);
  const found = await fetch(new URL(file, from)).catch(() => null);
  if (!found?.ok) throw new Error(`${file} could not be loaded. Choose another preset, or reload.`);
  return found.text();
};

export class Session {
  readonly settings: Settings;
  readonly task: Task;
  readonly model: Model;
  private readonly training: Training;
  private readonly events: AsyncGenerator<TrainingEvent, void, void>;

  private constructor(settings: Settings, task: Task, model: Model) {
    this.settings = settings;
    this.task = task;
    this.model = model;
    const estimator =
      settings.estimator === 'bptt' ? {} : { gradient: estimatorGradient(parseEstimator(settings.estimator)) };
    this.training = fit(model, task.data, {
      optimizer: createOptimizer({ kind: settings.optimizer, learningRate: settings.rate }),
      loss: task.loss,
      clipNorm: CLIP,
      epochs: 1e6,
      seed: settings.seed,
      validateEvery: MEASURED_EVERY,
      ...estimator,
    });
    this.events = this.training[Symbol.asyncIterator]();
  }

  static async begin(settings: Settings, own: Own): Promise<Session> {
    const task = await taskOf(settings, own, fetchText);
    const { backend } = settings;
    const precision = backend === 'reference' ? { precision: 'float64' as const } : {};
    return Session.over(settings, task, await createModel(specOf(settings, task), { backend, ...precision }));
  }

  /** Where no training can be begun, the model goes too. */
  private static over(settings: Settings, task: Task, model: Model): Session {
    try {
      return new Session(settings, task, model);
    } catch (error) {
      model.dispose();
      throw error;
    }
  }

  /** A session with a file's weights. The task is what is set up; the model has to fit it. */
  static async open(bytes: Uint8Array, name: string, settings: Settings, own: Own): Promise<Session> {
    const file = parseModel(bytes, name);
    const task = await taskOf(settings, own, fetchText);
    if (
      file.vocabulary &&
      task.vocabulary &&
      file.vocabulary.characters.join('') !== task.vocabulary.characters.join('')
    )
      throw new Error(
        `${name} knows ${file.vocabulary.size} characters, and this text has ${task.vocabulary.size} others. Choose the text that it was trained on, then open it again.`,
      );
    const model = await createModel(file.spec, { backend: settings.backend });
    const answersOnce = file.spec.layers.some(
      (layer) => layer.kind === 'repeat' || (layer.kind === 'lstm' && layer.returns === 'last'),
    );
    if (
      answersOnce ||
      model.outputSize !== task.outputs ||
      (file.spec.inputSize ?? null) !== (task.inputSize ?? null)
    ) {
      model.dispose();
      throw new Error(
        answersOnce
          ? `${name} does not answer at every step, which the Studio’s data want. Look into it with: npx unspool inspect ${name}`
          : `${name} is a model of ${file.spec.inputSize ?? 'tokens'} to ${model.outputSize}, and the data are ${task.inputSize ?? 'tokens'} to ${task.outputs}. Choose the preset or the data that it was trained on, then open it again.`,
      );
    }
    for (const [parameter, values] of file.parameters) model.parameters.set(parameter, values);
    return Session.over(settings, task, model);
  }

  get facts(): Facts {
    const { task, model } = this;
    const { kernels, spec, parameters } = model;
    return {
      about: task.about,
      spec,
      backend: [kernels.name, kernels.variant, kernels.precision].filter(Boolean).join(', '),
      parameters: parameters.layout.entries.map(({ name, shape }) => ({ name, shape })),
      count: parameters.layout.size,
      sequences: task.sequences,
      outputNames: task.outputNames,
      unit: task.loss === 'crossEntropy' && task.vocabulary ? 'bits' : 'loss',
      readsText: task.vocabulary !== null,
      batchesPerEpoch: task.data.train.length,
    };
  }

  /** In bits for a text. */
  measure(loss: number): number {
    return this.facts.unit === 'bits' ? bitsPerCharacter(loss) : loss;
  }

  /** The next thing that happens in the training; null when it is over. */
  async next(): Promise<TrainingEvent | null> {
    const { value, done } = await this.events.next();
    return done || !value ? null : value;
  }

  async look(index: number, changes: Changes): Promise<Look> {
    const { task, model } = this;
    const { batch, read, wanted } = task.sequence(index);
    const alphabet = task.vocabulary && task.outputNames;
    const found = await trace(model, batch, { loss: task.loss });
    if (changes.inputs.length + changes.clamps.length === 0) {
      return { index, read, wanted, alphabet, trace: found, lossBefore: null };
    }
    const edited = withInputs(batch, changes);
    const words = read.map((word, t) => {
      const change = changes.inputs.find((one) => one.t === t);
      return change ? (alphabet?.[change.values[0]!] ?? change.values.join(' · ')) : word;
    });
    const changed = await clamped(model, changes.clamps, (other) => trace(other, edited, { loss: task.loss }));
    return { index, read: words, wanted, alphabet, trace: changed, lossBefore: found.loss };
  }

  reach(index: number, t: number): Promise<LagFlow> {
    return gradientByLag(this.model, this.task.sequence(index).batch, { step: t, loss: this.task.loss });
  }

  async sample(): Promise<Sample> {
    const { task, model } = this;
    if (!task.vocabulary) return this.forecast();
    const { characters } = task.vocabulary;
    const first = task.vocabulary.encode(characters.includes('\n') ? '\n' : characters[0]!);
    let text = '';
    for await (const token of generate(model, first, createRng(this.settings.seed, 'sample'), { temperature: 0.7 })) {
      text += characters[token];
      if (text.length >= 240) break;
    }
    return { text, forecast: [] };
  }

  /** What it says to the first held-out sequence: the largest of the classes, or the number. */
  private async forecast(): Promise<Sample> {
    const { task, model } = this;
    const { batch, wanted } = task.sequence(0);
    const { output, tape } = await model.predict(batch.inputs, { batchSize: 1 });
    const C = task.outputs;
    const row = (t: number): number[] => Array.from({ length: C }, (_, c) => output.get(t, 0, c));
    const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values));
    const steps = wanted.flatMap((want, t) => (want ? [{ t, want, values: row(t) }] : []));
    tape.free();
    if (C > 1) {
      const words = steps.map(({ want, values }) => `${want} → ${task.outputNames[largest(values)]}`);
      return { text: `wanted → said: ${words.join('   ')}`, forecast: [] };
    }
    const forecast = steps.map(({ t, values }) => ({ step: t, wanted: batch.targets[t]!, said: values[0]! }));
    const last = forecast.at(-1);
    return {
      text: last ? `at the last step: wanted ${last.wanted.toPrecision(3)}, said ${last.said.toPrecision(3)}` : '',
      forecast,
    };
  }

  setWeight({ name, row, col }: Place, value: number): Promise<void> {
    return this.withParameter(name, (values, cols) => {
      values[row * cols + col] = value;
    });
  }

  private async withParameter(
    name: string,
    act: (values: Float32Array | Float64Array, cols: number) => void,
  ): Promise<void> {
    const { parameters } = this.model;
    const { shape } = parameters.layout.entry(name);
    const values = (await parameters.download()).get(name)!;
    act(values, shape.at(-1)!);
    parameters.set(name, values);
  }

  /** The same model in float64, where differences of a millionth can be trusted. */
  private async exact<T>(act: (model: Model) => Promise<T>): Promise<T> {
    const copy = await createModel(this.model.spec, EXACT);
    try {
      for (const [name, values] of await this.model.parameters.download()) copy.parameters.set(name, values);
      return await act(copy);
    } finally {
      copy.dispose();
    }
  }

  difference(index: number, { name, row, col }: Place): Promise<Difference> {
    return this.exact(async (model) => {
      const { batch } = this.task.sequence(index);
      const { loss } = this.task;
      const { offset, shape } = model.parameters.layout.entry(name);
      const at = offset + row * shape.at(-1)! + col;
      const theta = model.kernels.host(model.parameters.matrix)!;
      const value = theta[at]!;
      const { gradients, tape } = await model.gradients(batch, { loss });
      const gradient = model.kernels.host(gradients.matrix)![at]!;
      const step = 1e-5 * Math.max(1, Math.abs(value));
      const lossAt = async (moved: number): Promise<number> => {
        theta[at] = moved;
        const found = await model.evaluate(batch, { loss });
        found.tape.free();
        return found.loss;
      };
      const [lossAbove, lossBelow] = [await lossAt(value + step), await lossAt(value - step)];
      gradients.free();
      tape.free();
      return { value, step, lossAbove, lossBelow, difference: (lossAbove - lossBelow) / (2 * step), gradient };
    });
  }

  estimate(index: number, names: readonly string[]): Promise<Estimated[]> {
    return this.exact(async (model) => {
      const { batch } = this.task.sequence(index);
      const system = modelSystem(model, { loss: this.task.loss });
      const sequence = batchToSteps(batch, this.task.loss);
      const found = names.map((name): Estimated => {
        const none = { name, cosine: 0, normRatio: 0, variance: 0, floats: 0, macs: 0 };
        try {
          const { total, floats, macs } = compare([parseEstimator(name)], system, sequence, { draws: 24 })
            .comparisons[0]!;
          const { cosine, normRatio, variance } = total;
          return { name, cosine, normRatio, variance, floats, macs, problem: null };
        } catch (error) {
          return { ...none, problem: error instanceof Error ? error.message : String(error) };
        }
      });
      system.dispose();
      return found;
    });
  }

  async sweep(rates: readonly number[], updates: number): Promise<Sweep[]> {
    const all: Sweep[] = [];
    for (const learningRate of rates) {
      const model = await createModel(this.model.spec, { backend: this.settings.backend });
      const losses: [number, number][] = [];
      let validation: number | null = null;
      try {
        const optimizer = createOptimizer({ kind: this.settings.optimizer, learningRate });
        const { loss, data } = this.task;
        const options = {
          optimizer,
          loss,
          clipNorm: CLIP,
          maxUpdates: updates,
          validateEvery: updates,
          epochs: 1e6,
          seed: 1,
        };
        for await (const event of fit(model, data, options)) {
          if (event.kind === 'update') losses.push([event.update, this.measure(event.loss)]);
          if (event.kind === 'validation') validation = this.measure(event.loss);
        }
      } catch {
        // A rate that is too high ends in numbers that are none: its curve ends there.
      } finally {
        model.dispose();
      }
      all.push({ rate: learningRate, losses, validation });
    }
    return all;
  }

  async streamed(steps: number): Promise<number> {
    const { batch } = this.task.sequence(0);
    const width = batch.inputs.length / batch.steps;
    const stream = this.model.stream(1);
    try {
      const input = (t: number): number[] =>
        Array.prototype.slice.call(batch.inputs, (t % batch.steps) * width, ((t % batch.steps) + 1) * width);
      for (let t = 0; t < 20; t++) await stream.step(input(t));
      const begin = performance.now();
      for (let t = 0; t < steps; t++) await stream.step(input(t));
      return (performance.now() - begin) / steps;
    } finally {
      stream.dispose();
    }
  }

  async save(): Promise<Uint8Array> {
    const { settings, task, model } = this;
    const { preset, batch, steps, optimizer, rate } = settings;
    return serializeModel(model, {
      vocabulary: task.vocabulary,
      metadata: { madeBy: 'Unspool Studio', preset, settings: { batch, steps, optimizer, rate } },
    });
  }

  dispose(): void {
    this.training.dispose();
    this.model.dispose();
  }
}
