/** A model: layers built from a spec, their parameters in one arena, and the passes over them. */

import { isObject, requireInteger, requireList, requireOptional, requireOptions } from '../checks.js';
import type { Kernels } from '../contract/kernels.js';
import { UnspoolError } from '../errors.js';
import type { BackendTiming } from './backend-timing.js';
import { type Batch, copyOf, requireBatch } from './batch.js';
import { allocateTape, type BuiltSpec, buildLayers, drawParameters, loadVariants, type TapeOptions } from './build.js';
import { frozenCopy, snapshot } from './copies.js';
import type { Variants } from './layers/layer.js';
import { requireLengths } from './layout.js';
import { goesBySequence, type LossChoice } from './losses.js';
import type { Disposed } from './memory/lease.js';
import { Arena, ParameterLayout, requireOwn } from './memory/parameters.js';
import type { Noise } from './noise.js';
import { explained, freeOnError, type Track } from './out-of-memory.js';
import type { PassShape } from './pass.js';
import { type Prediction, type PredictOptions, readAndFree, readPrediction } from './prediction.js';
import { type ModelSpec, requireCarriedState } from './spec.js';
import { withoutViews } from './start-state.js';
import { Stream } from './stream.js';
import { type StartState, Tape } from './tape.js';

export type { Batch } from './batch.js';

/** Options of `model.gradients` and `model.evaluate`. */
export interface PassOptions<From = StartState> {
  /** Default: `crossEntropy` for class targets (an Int32Array), else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** The state to start from. Default: zero, or the learned states. */
  readonly from?: From;
  /** Apply dropout as in training, with the masks of this seed and update. Default: no dropout. */
  readonly noise?: Noise | null;
  /** A tape to overwrite; its shape must be that of the batch. Default: a new one. */
  readonly tape?: Tape;
}

/** Options of `model.evaluate`. `tape: true` returns a new tape, which you free. Default: none is returned. */
export type EvaluateOptions<From = StartState> = Omit<PassOptions<From>, 'tape'> & { readonly tape?: Tape | boolean };

/** The result of a forward and backward pass of a batch. */
export interface GradientPass<Loss = number> {
  readonly loss: Loss;
  readonly tape: Tape;
  readonly gradients: Arena;
}

type GradientOptions = PassOptions & { readonly gradients?: Arena };

/** Up to so many rows, the tape of a prediction is kept for the next one of the same shape. */
const SPARE_ROWS = 64;

const PASS_KEYS = ['loss', 'from', 'noise', 'tape'];

const DISPOSED: Disposed = { what: 'The model', help: 'Make a new one.' };

/** The loss of a batch unless another is chosen. */
export const defaultLoss = (batch: Pick<Batch, 'targets'>): LossChoice =>
  batch?.targets instanceof Int32Array ? 'crossEntropy' : 'meanSquaredError';

/** A network with its parameters on one backend. Make it with `createModel`. */
export class Model {
  readonly spec: ModelSpec;
  readonly parameters: Arena;
  /** The timings by which this model's backend was chosen, fastest first; undefined if none were measured. */
  declare backendTimings?: readonly BackendTiming[];
  private readonly layers: BuiltSpec['layers'];
  private readonly backend: Kernels;
  private readonly shared: boolean;
  private loaded: Variants | null;
  private disposed = false;
  /** Kept for the next short prediction: to allocate a tape takes as long as to compute it. */
  private spare: Tape | null = null;

  /**
   * Builds the layers and draws the parameters of a checked spec. Throws `OUT_OF_MEMORY` where the parameters do not fit.
   * `shared`: `dispose()` leaves the backend running. `variants`: null for a spec of standard LSTMs.
   */
  constructor(kernels: Kernels, spec: ModelSpec, shared = false, variants: Variants | null = null) {
    this.spec = frozenCopy(spec);
    this.backend = kernels;
    this.shared = shared;
    this.loaded = variants;
    this.layers = buildLayers(spec);
    const parameters = this.layers.flatMap((layer) => layer.parameters);
    kernels.requireFits?.(parameters);
    this.parameters = explained(this, null, () => new Arena(kernels, new ParameterLayout(parameters), 'model'));
    drawParameters(this.parameters, parameters, spec.seed ?? 1, variants?.initializers);
  }

  /** The backend that the model computes on. Throws `DISPOSED`. */
  get kernels(): Kernels {
    if (this.disposed) throw new UnspoolError({ code: 'DISPOSED', ...DISPOSED });
    return this.backend;
  }

  /** Width of the output's rows. */
  get outputSize(): number {
    return this.layers.at(-1)!.outputSize;
  }

  /** Number of parameters. */
  get size(): number {
    return this.parameters.layout.size;
  }

  /** @internal The code of the LSTM variants; null as long as the model does not need it. */
  get variants(): Variants | null {
    return this.loaded;
  }

  /**
   * @internal Loads what a batch needs before `tape` and `startGradients`; other passes do so themselves. Returns the batch or,
   * if the code must be loaded first, a promise of a copy.
   */
  prepare<B extends Partial<Batch>>(batch: B, loss?: LossChoice): B | Promise<B> {
    if (!this.mustLoad(batch, loss)) return batch;
    const copy = copyOf(batch);
    return loadVariants(this.kernels).then((variants) => {
      this.loaded ??= variants;
      return copy;
    });
  }

  /** Allocates a tape for passes of this shape, which many passes can use. Throws `OUT_OF_MEMORY`. */
  tape(shape: PassShape, options: TapeOptions = {}): Tape {
    requireOptions('options', options, ['gradients', 'inputGradient', 'lengths']);
    const { kernels, spec, layers } = this;
    const { layout } = this.parameters;
    const variants = (): Variants | null => this.loaded;
    return explained(this, shape, () => allocateTape(kernels, { spec, layers, layout, variants }, shape, options));
  }

  /** A zeroed arena in the layout of the parameters, for gradients or an optimizer's state. Throws `OUT_OF_MEMORY`. */
  arena(): Arena {
    const { kernels } = this;
    return explained(this, null, () => new Arena(kernels, this.parameters.layout));
  }

  /**
   * Runs the forward pass, the loss and the whole backward pass (BPTT): the exact gradient of the batch's loss for every
   * parameter and everything on the tape. With `noise`, it includes dropout and the penalties of activity layers
   * (`tape.penalty()`), which the returned loss does not.
   */
  async gradients(batch: Batch, options: GradientOptions = {}): Promise<GradientPass> {
    requireOptions('options', options, [...PASS_KEYS, 'gradients']);
    const [read, settings] = this.mustLoad(batch, options.loss) ? await this.load(batch, options) : [batch, options];
    const { loss: unread, tape, gradients } = this.startGradients(read, settings);
    const loss = await unread;
    const relief = tape.relief();
    if (relief) await relief;
    return { loss, tape, gradients };
  }

  /**
   * @internal As `gradients`, without waiting for the loss: a device reads everything that is requested before the first
   * await in one go. Needs `prepare`. `isChecked`: `requireBatch` has seen the batch.
   */
  startGradients(batch: Batch, options: GradientOptions = {}, isChecked = false): GradientPass<Promise<number>> {
    if (!isChecked) requireBatch(this, batch, options.loss ?? defaultLoss(batch));
    const { layout } = this.parameters;
    if (options.gradients !== undefined) requireOwn('gradients', options.gradients, Arena, layout);
    const { tape, gradients } = freeOnError((track) => {
      const tape = this.forwardPass(batch, options, true, track);
      const { gradients = track(this.arena()) } = options;
      gradients.clear();
      explained(this, batch, () => tape.backward(this.parameters, gradients));
      return { tape, gradients };
    });
    const loss = this.readLoss(tape);
    loss.catch(() => {}); // the caller may throw before it awaits the loss
    return { loss, tape, gradients };
  }

  /** Runs the forward pass and the loss. Keeps nothing; returns the tape only if `options.tape` is one, or true. */
  evaluate(
    batch: Batch,
    options: EvaluateOptions & { readonly tape: Tape | true },
  ): Promise<{ loss: number; tape: Tape }>;
  evaluate(batch: Batch, options?: EvaluateOptions): Promise<{ loss: number }>;
  async evaluate(batch: Batch, options: EvaluateOptions = {}): Promise<{ loss: number; tape?: Tape }> {
    requireOptions('options', options, PASS_KEYS);
    const [read, settings] = this.mustLoad(batch, options.loss) ? await this.load(batch, options) : [batch, options];
    requireBatch(this, read, settings.loss ?? defaultLoss(read));
    const tape = freeOnError((track) => this.forwardPass(read, settings, false, track));
    const reading = this.readLoss(tape).then((loss) => ({ loss }));
    return readAndFree(tape, reading, options.tape instanceof Tape ? 'given' : options.tape === true);
  }

  /**
   * The output for `inputs`, and the final state. `inputs`: tokens [T, N] or values [T, N, inputSize], time-major
   * ([N, T, ...] with `batchFirst`). Nothing has to be freed, unless `tape: true` also returns the tape.
   *
   * @example
   * const { output, state } = await model.predict([0.1, 0.2, 0.3]);
   * const next = await model.predict([0.4], { from: state });
   */
  predict(
    inputs: ArrayLike<number>,
    options: PredictOptions & { readonly tape: true },
  ): Promise<Prediction & { readonly tape: Tape }>;
  predict(inputs: ArrayLike<number>, options?: PredictOptions): Promise<Prediction>;
  async predict(inputs: ArrayLike<number>, options: PredictOptions = {}): Promise<Prediction & { tape?: Tape }> {
    requireOptions('options', options, ['batchSize', 'from', 'lengths', 'batchFirst', 'tape']);
    if (this.mustLoad(options)) return this.predict(...(await this.load(inputs, options)));
    const { batchSize = 1, from = null, lengths, batchFirst = false } = options;
    requireList('inputs', inputs);
    requireInteger('batchSize', batchSize, 1, 1 << 24);
    requireOptional('batchFirst', batchFirst, 'boolean');
    requireOptional('tape', options.tape, 'boolean');
    const width = this.spec.layers[0]?.kind === 'embedding' ? 1 : this.spec.inputSize!;
    const steps = inputs.length / batchSize / width;
    requireInteger('steps (numbers in inputs / batchSize / inputSize)', steps, 1, 1 << 24);
    const shape = { steps, batchSize };
    if (lengths !== undefined) requireLengths(lengths, shape);
    const isReused = lengths === undefined && options.tape !== true && steps * batchSize <= SPARE_ROWS;
    const tape = freeOnError((track) => {
      const spare = isReused ? this.takeSpare(shape) : null;
      const tape = track(spare ?? this.tape(shape, { gradients: false, lengths: lengths !== undefined }));
      if (lengths !== undefined) tape.setLengths(lengths);
      tape.begin(from);
      explained(this, shape, () => tape.forward(this.parameters, inputs, batchFirst));
      return tape;
    });
    const reading = readPrediction(tape, batchFirst);
    if (!isReused) return readAndFree(tape, reading, options.tape === true);
    const result = await readAndFree(tape, reading, 'given').catch((error: unknown) => {
      tape.free();
      throw error;
    });
    this.spare?.free();
    this.spare = this.disposed ? null : tape;
    if (this.disposed) tape.free();
    return { output: result.output, state: result.state };
  }

  /** The tape of the last short prediction, if it has this shape and no other prediction is using it. */
  private takeSpare({ steps, batchSize }: PassShape): Tape | null {
    const { spare } = this;
    if (spare?.shape.steps !== steps || spare.shape.batchSize !== batchSize) return null;
    this.spare = null;
    return spare;
  }

  /** Computes one step per call and carries the state, for generating and for live data. Throws `OUT_OF_MEMORY`. */
  stream(batchSize = 1): Stream {
    requireCarriedState(this.spec);
    const allocate = (rows: number): Tape => this.tape({ steps: 1, batchSize: rows }, { gradients: false }).ofStream();
    return new Stream(this.parameters, allocate, batchSize);
  }

  /**
   * Frees the parameters and, unless the backend is shared, ends its threads. Afterwards every use of the model throws
   * `DISPOSED`. Tapes that were not freed can still be read.
   */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.spare?.free();
    this.spare = null;
    this.parameters.free(DISPOSED);
    if (!this.shared) this.backend.dispose();
  }

  private forwardPass(batch: Batch, options: EvaluateOptions, gradients: boolean, track: Track): Tape {
    const { loss = defaultLoss(batch) } = options;
    const { lengths, batchFirst } = batch;
    const { tape: given } = options;
    if (given !== undefined && typeof given !== 'boolean') requireOwn('tape', given, Tape, this.parameters.layout);
    const tape = given instanceof Tape ? given : track(this.tape(batch, { gradients, lengths: lengths !== undefined }));
    tape.setLengths(lengths ?? null);
    tape.begin(options.from ?? null, options.noise ?? null);
    return explained(this, batch, () => {
      tape.forward(this.parameters, batch.inputs, batchFirst);
      tape.measure(loss, batch.targets, batch.weights ?? null, batchFirst);
      return tape;
    });
  }

  /** Whether a pass with these lengths and this loss needs code that is not loaded. */
  private mustLoad(given: { readonly lengths?: unknown } | undefined, loss?: LossChoice): boolean {
    if (this.loaded) return false;
    return (isObject(given) && given.lengths !== undefined) || goesBySequence(loss);
  }

  /** Loads the code for lengths and CTC. Returns the arguments of the call as they were when it was made. */
  private async load<B, O extends { readonly from?: StartState }>(batch: B, options: O): Promise<[B, O]> {
    const { from } = options;
    const read = isObject(batch) && !ArrayBuffer.isView(batch) ? copyOf(batch as Partial<Batch>) : snapshot(batch);
    const settings = snapshot({ ...options, from: from instanceof Tape ? null : withoutViews(from) }, 4);
    const state = from instanceof Tape ? from.downloadStates() : settings.from;
    this.loaded ??= await loadVariants(this.kernels);
    return [read, { ...settings, from: await state }] as [B, O];
  }

  private async readLoss(tape: Tape): Promise<number> {
    return (await this.kernels.download(tape.loss!.value))[0]!;
  }
}
