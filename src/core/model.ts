/** A model: layers built from a spec, their parameters in one arena, and the passes over them. */

import type { Kernels } from '../contract/kernels.js';
import { requireInteger, UnspoolError } from '../errors.js';
import { buildLayers, layTape, type TapeOptions } from './build.js';
import type { Layer, Noise, PassShape } from './layers/layer.js';
import { outputToTimeMajor, toTimeMajor } from './layout.js';
import { goesBySequence, type LossChoice } from './losses.js';
import { loadForms } from './lstm/forms.js';
import type { BackendTiming } from './measured.js';
import type { Disposed } from './memory/lease.js';
import { Arena, ParameterLayout } from './memory/parameters.js';
import type { NdArray } from './memory/views.js';
import { explained, freeing, type Made } from './out-of-memory.js';
import { createRng } from './rng.js';
import { type ModelSpec, requireCarriedState, requireSpec } from './spec.js';
import { Stream } from './stream.js';
import type { StartState, Tape } from './tape.js';

/**
 * One mini-batch: `rows` (N) sequences of `steps` (T) steps side by side, time-major (element t*N + n is step t of
 * sequence n).
 */
export interface Batch {
  readonly steps: number;
  readonly batchSize: number;
  /** Token numbers [T, N] before an embedding, else values [T, N, inputSize]. */
  readonly inputs: ArrayLike<number>;
  /** Class numbers for `crossEntropy`, else values, for each row of the output. */
  readonly targets: ArrayLike<number>;
  /** How much each row of the output counts in the loss: a sample's weight, or 0 to mask a step. Default: 1 each. */
  readonly weights?: ArrayLike<number>;
  /**
   * Steps of each row, 1 to T, where they differ: outputs past a row's end are 0 and cost no gradient, states are those at
   * its own end, and what stands in the inputs there is not read. Default: all rows have T steps.
   */
  readonly lengths?: ArrayLike<number>;
  /** Inputs, and targets of a model that answers at every step, come sequence by sequence, [N, T, ...]. Default false. */
  readonly batchFirst?: boolean;
}

export interface PassOptions {
  /** Default: `crossEntropy` before class targets (an Int32Array), else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** Start from the state that this tape ended with, or from these states. Default: from zero, or the learned states. */
  readonly from?: StartState;
  /** Drop what the spec says, with the masks of this seed and step, as in training. Default: nothing is dropped. */
  readonly noise?: Noise | null;
  /** Use this tape's memory (its numbers are overwritten). Default: a new tape. */
  readonly tape?: Tape;
}

/** `From` is what a pass can start from. */
export interface PredictOptions<From = StartState> {
  /** Sequences side by side. Default 1. */
  readonly batchSize?: number;
  /** The state to start from. Default: zero, or the learned states. */
  readonly from?: From;
  /** Steps of each row, where they differ. */
  readonly lengths?: ArrayLike<number>;
  /** Inputs and output come sequence by sequence, [N, T, ...]. Default false. */
  readonly batchFirst?: boolean;
}

const DISPOSED: Disposed = { what: 'The model', help: 'Make a new one.' };

export class Model {
  readonly spec: ModelSpec;
  readonly parameters: Arena;
  /** The backends that were measured to choose this model's, fastest first; undefined where none were. */
  declare measured?: readonly BackendTiming[];
  private readonly layers: readonly Layer[];
  private readonly backend: Kernels;
  private readonly shared: boolean;
  private disposed = false;

  /**
   * Builds the layers and draws the parameters. Throws `INVALID_SETTING` where the spec cannot work, `OUT_OF_MEMORY` where
   * the parameters do not fit. `shared`: the backend is others' too, and goes on after `dispose()`.
   */
  constructor(kernels: Kernels, spec: ModelSpec, shared = false) {
    requireSpec(spec);
    this.spec = spec;
    this.backend = kernels;
    this.shared = shared;
    this.layers = buildLayers(spec);
    const parameters = this.layers.flatMap((layer) => layer.parameters);
    kernels.requireFits?.(parameters);
    this.parameters = explained(spec, null, () => new Arena(kernels, new ParameterLayout(parameters)));
    for (const p of parameters) this.parameters.set(p.name, p.start(createRng(spec.seed ?? 1, p.name)));
  }

  /** The backend that it computes on. Throws `DISPOSED`. */
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

  /** A tape of the memory that passes of this shape need, to be used again and again. Throws `OUT_OF_MEMORY`. */
  tape(shape: PassShape, options: TapeOptions = {}): Tape {
    const { spec, layers } = this;
    const { kernels = this.kernels } = options;
    return this.explained(shape, () => layTape(kernels, spec, layers, shape, options));
  }

  /** A zeroed arena in the layout of the parameters: for gradients, or an optimizer's state. Throws `OUT_OF_MEMORY`. */
  arena(): Arena {
    const { kernels, spec } = this;
    return explained(spec, null, () => new Arena(kernels, this.parameters.layout));
  }

  /**
   * Forward pass, loss, and backward pass through all of it (BPTT): the exact gradient of the batch's loss by every
   * parameter and by everything on the tape. With `noise`, of the loss under those masks, and of what activity layers add
   * to it (`tape.penalty()`).
   */
  async gradients(
    batch: Batch,
    options: PassOptions & { readonly gradients?: Arena } = {},
  ): Promise<{ loss: number; tape: Tape; gradients: Arena }> {
    if (batch.lengths) await loadForms();
    const pass = this.gradientsUnread(batch, options);
    return { ...pass, loss: await pass.loss };
  }

  /**
   * The same, and the loss is asked for but not waited for: on a device, what is asked for before anything is awaited is computed
   * and read together. A batch with lengths needs `loadForms()` before.
   */
  gradientsUnread(
    batch: Batch,
    options: PassOptions & { readonly gradients?: Arena } = {},
  ): { loss: Promise<number>; tape: Tape; gradients: Arena } {
    const { tape, gradients } = freeing((mine) => {
      const tape = this.forwardPass(batch, options, true, mine);
      const gradients = options.gradients ?? mine(this.arena());
      gradients.clear();
      this.explained(batch, () => tape.backward(this.parameters, gradients));
      return { tape, gradients };
    });
    const loss = this.readLoss(tape);
    loss.catch(() => {}); // it is for whoever awaits it, which may be nobody where something else is refused before
    return { loss, tape, gradients };
  }

  /** Forward pass and loss. */
  async evaluate(batch: Batch, options: PassOptions = {}): Promise<{ loss: number; tape: Tape }> {
    if (batch.lengths) await loadForms();
    const tape = freeing((mine) => this.forwardPass(batch, options, false, mine));
    return { loss: await this.readLoss(tape), tape };
  }

  /**
   * The output for `inputs` ([T, N] tokens or [T, N, inputSize] values, time-major; [N, T, ...] with `batchFirst`): logits
   * after a linear layer, [steps, N, outputSize] (or [N, steps, outputSize]). The states to go on from are on the tape:
   * pass it as `from` to the next call, or `tape.states`.
   */
  async predict(inputs: ArrayLike<number>, options: PredictOptions = {}): Promise<{ output: NdArray; tape: Tape }> {
    const { batchSize = 1, from = null, lengths, batchFirst = false } = options;
    const width = this.spec.layers[0]?.kind === 'embedding' ? 1 : this.spec.inputSize!;
    requireInteger('steps (numbers in inputs / rows / inputSize)', inputs.length / batchSize / width, 1, 1 << 24);
    const steps = inputs.length / batchSize / width;
    if (lengths) await loadForms();
    const tape = freeing((mine) => {
      const tape = mine(this.tape({ steps, batchSize }, { gradients: false, lengths: lengths !== undefined }));
      if (lengths) tape.setLengths(lengths);
      tape.begin(from);
      const timeMajor = batchFirst ? toTimeMajor(inputs, steps, batchSize) : inputs;
      this.explained({ steps, batchSize }, () => tape.forward(this.parameters, timeMajor));
      return tape;
    });
    return {
      // Made when it is asked for: a policy may forbid ndarray's classes, and the tape is there all the same.
      get output() {
        return batchFirst ? tape.output.transpose(1, 0, 2) : tape.output;
      },
      tape,
    };
  }

  /** One step at a time, with the state carried: for generating and for live data. Uses the weights as they are now. */
  stream(batchSize = 1): Stream {
    requireCarriedState(this.spec);
    return new Stream(this.kernels, this.tape({ steps: 1, batchSize }, { gradients: false }), this.parameters);
  }

  /**
   * Gives the parameters' memory back and, unless the backend is shared, ends its threads. Afterwards every use of the
   * model throws `DISPOSED`; tapes that were not freed can still be looked into.
   */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.parameters.free(DISPOSED);
    if (!this.shared) this.backend.dispose();
  }

  private forwardPass(batch: Batch, options: PassOptions, gradients: boolean, mine: Made): Tape {
    const { steps, batchSize, lengths, batchFirst } = batch;
    const tape = options.tape ?? mine(this.tape(batch, { gradients, lengths: lengths !== undefined }));
    const loss = options.loss ?? this.standardLoss(batch);
    tape.setLengths(lengths ?? null);
    tape.begin(options.from ?? null, options.noise ?? null);
    return this.explained(batch, () => {
      tape.forward(this.parameters, batchFirst ? toTimeMajor(batch.inputs, steps, batchSize) : batch.inputs);
      const { outputSteps } = tape.layers.at(-1)!;
      const ordered = (values: ArrayLike<number>) =>
        batchFirst ? outputToTimeMajor(values, outputSteps, batchSize) : values;
      const targets = goesBySequence(loss) ? batch.targets : ordered(batch.targets);
      tape.measure(loss, targets, batch.weights ? ordered(batch.weights) : null);
      return tape;
    });
  }

  /** `OUT_OF_MEMORY` in a pass of `shape` says what to lower. */
  private explained<T>(shape: PassShape, act: () => T): T {
    return explained(this.spec, shape, act);
  }

  /** What a batch is measured by where nothing else is said. */
  standardLoss(batch: Batch): LossChoice {
    return batch.targets instanceof Int32Array ? 'crossEntropy' : 'meanSquaredError';
  }

  private async readLoss(tape: Tape): Promise<number> {
    return (await this.kernels.download(tape.loss!.value))[0]!;
  }
}
