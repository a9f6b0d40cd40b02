/** A model: layers built from a spec, their parameters in one arena, and the passes over them. */
import { requireInteger, UnspoolError } from '../errors.js';
import { activityLayer } from './activity.js';
import { dropoutLayer } from './dropout.js';
import { embeddingLayer } from './embedding.js';
import type { Kernels } from './kernels.js';
import type { Layer, LayerInput, Noise, PassShape, PassState } from './layer.js';
import { outputToTimeMajor, toTimeMajor } from './layout.js';
import { linearLayer } from './linear.js';
import type { LossChoice } from './losses.js';
import { lstmLayer } from './lstm/layer.js';
import { Arena, ParameterLayout } from './params.js';
import { Lengths } from './ragged.js';
import { repeatLayer } from './repeat.js';
import { createRng } from './rng.js';
import { type LayerSpec, type ModelSpec, requireSpec } from './spec.js';
import { Stream } from './stream.js';
import { type AnyLayerTape, type StartState, Tape, type TapeInput } from './tape.js';
import type { NdArray } from './views.js';

/**
 * One mini-batch: `rows` (N) sequences of `steps` (T) steps side by side, time-major (element t*N + n is step t of
 * sequence n).
 */
export interface Batch {
  readonly steps: number;
  readonly rows: number;
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

export interface TapeOptions {
  /** Room for gradients. Default true. */
  readonly gradients?: boolean;
  /** Room for, and computation of, the gradient by the input. Default: as `gradients`. */
  readonly inputGradient?: boolean;
  /** Room for sequences of unequal lengths. Default false. */
  readonly lengths?: boolean;
}

/** Layers with their default names; a name used twice gets a number, but the LSTMs under one name count their levels. */
function buildLayers(spec: ModelSpec): Layer[] {
  const used = new Set<string>();
  const unique = (layer: LayerSpec, standard: string): string => {
    const wanted = layer.name ?? standard;
    let name = wanted;
    for (let n = 2; used.has(name); n++) name = `${wanted}${n}`;
    used.add(name);
    return name;
  };
  const levels = new Map<string, number>();
  const build = (layer: LayerSpec, width: number): Layer => {
    switch (layer.kind) {
      case 'embedding':
        return embeddingLayer(layer, unique(layer, 'embedding'));
      case 'linear':
        return linearLayer(layer, unique(layer, 'head'), width);
      case 'dropout':
        return dropoutLayer(layer, unique(layer, 'dropout'), width);
      case 'repeat':
        return repeatLayer(layer, unique(layer, 'repeat'), width);
      case 'activity':
        return activityLayer(layer, unique(layer, 'activity'), width);
      case 'lstm': {
        const prefix = layer.name ?? 'lstm';
        const level = levels.get(prefix) ?? 0;
        levels.set(prefix, level + 1);
        return lstmLayer(layer, prefix, level, width);
      }
      default:
        return layer satisfies never;
    }
  };
  const layers: Layer[] = [];
  for (const layer of spec.layers) layers.push(build(layer, layers.at(-1)?.outputSize ?? spec.inputSize ?? 0));
  return layers;
}

/** Names and shapes of all parameters of a model, without building it. */
export function parameterLayout(spec: ModelSpec): ParameterLayout {
  requireSpec(spec);
  return new ParameterLayout(buildLayers(spec).flatMap((layer) => layer.parameters));
}

export class Model {
  readonly spec: ModelSpec;
  readonly kernels: Kernels;
  readonly parameters: Arena;
  private readonly layers: readonly Layer[];
  private disposed = false;

  /** Builds the layers and draws the parameters. Throws `INVALID_SETTING` where the spec cannot work. */
  constructor(kernels: Kernels, spec: ModelSpec) {
    requireSpec(spec);
    this.spec = spec;
    this.kernels = kernels;
    this.layers = buildLayers(spec);
    const parameters = this.layers.flatMap((layer) => layer.parameters);
    this.parameters = new Arena(kernels, new ParameterLayout(parameters));
    for (const p of parameters) this.parameters.set(p.name, p.start(createRng(spec.seed ?? 1, p.name)));
  }

  /** Width of the output's rows. */
  get outputSize(): number {
    return this.layers.at(-1)!.outputSize;
  }

  /** Number of parameters. */
  get size(): number {
    return this.parameters.layout.size;
  }

  /** A tape of the memory that passes of this shape need, to be used again and again. */
  tape(shape: PassShape, options: TapeOptions = {}): Tape {
    this.requireAlive();
    requireInteger('steps', shape.steps, 1, 1 << 24);
    requireInteger('rows', shape.rows, 1, 1 << 24);
    const { gradients = true, inputGradient = gradients } = options;
    const { steps, rows } = shape;
    const k = this.kernels;
    const first = this.spec.layers[0]!;
    const room = () => (first.kind === 'embedding' ? null : k.alloc(steps * rows, this.spec.inputSize!));
    const [x, dx] = [room(), inputGradient ? room() : null];
    const pass: PassState = { noise: null };
    const lengths = options.lengths ? new Lengths(k, { steps, rows }) : null;
    let from: LayerInput = { x, dx, steps, ragged: lengths };
    const tapes = this.layers.map((layer) => {
      const tape = layer.tape(k, { steps, rows }, from, gradients, pass) as AnyLayerTape;
      // Where one step is left of all, or was made many again, the rows are equally long.
      const ragged = tape.kind === 'repeat' || tape.outputSteps !== from.steps ? null : from.ragged;
      from = { x: tape.y, dx: tape.dy, steps: tape.outputSteps, ragged };
      return tape;
    });
    const bottom = tapes[0]!;
    const input: TapeInput =
      first.kind === 'embedding' && bottom.kind === 'embedding'
        ? { kind: 'tokens', size: first.size, ids: bottom.ids }
        : { kind: 'values', x: x!, dx };
    return new Tape(k, { steps, rows }, input, tapes, pass, lengths);
  }

  /** A zeroed arena in the layout of the parameters: for gradients, or an optimizer's state. */
  arena(): Arena {
    return new Arena(this.kernels, this.parameters.layout);
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
    const tape = this.forwardPass(batch, options, true);
    const gradients = options.gradients ?? this.arena();
    gradients.clear();
    tape.backward(this.parameters, gradients);
    return { loss: await this.readLoss(tape), tape, gradients };
  }

  /** Forward pass and loss. */
  async evaluate(batch: Batch, options: PassOptions = {}): Promise<{ loss: number; tape: Tape }> {
    const tape = this.forwardPass(batch, options, false);
    return { loss: await this.readLoss(tape), tape };
  }

  /**
   * The output for `inputs` ([T, N] tokens or [T, N, inputSize] values, time-major; [N, T, ...] with `batchFirst`): logits
   * after a linear layer, [steps, N, outputSize] (or [N, steps, outputSize]). The states to go on from are on the tape:
   * pass it as `from` to the next call, or `tape.states`.
   */
  async predict(
    inputs: ArrayLike<number>,
    options: {
      readonly rows?: number;
      readonly from?: StartState;
      readonly lengths?: ArrayLike<number>;
      readonly batchFirst?: boolean;
    } = {},
  ): Promise<{ output: NdArray; tape: Tape }> {
    const { rows = 1, from = null, lengths, batchFirst = false } = options;
    const width = this.spec.layers[0]?.kind === 'embedding' ? 1 : this.spec.inputSize!;
    requireInteger('steps (numbers in inputs / rows / inputSize)', inputs.length / rows / width, 1, 1 << 24);
    const steps = inputs.length / rows / width;
    const tape = this.tape({ steps, rows }, { gradients: false, lengths: lengths !== undefined });
    if (lengths) tape.setLengths(lengths);
    tape.begin(from);
    tape.forward(this.parameters, batchFirst ? toTimeMajor(inputs, steps, rows) : inputs);
    return {
      // Made when it is asked for: a policy may forbid ndarray's classes, and the tape is there all the same.
      get output() {
        return batchFirst ? tape.output.transpose(1, 0, 2) : tape.output;
      },
      tape,
    };
  }

  /** One step at a time, with the state carried: for generating and for live data. Uses the weights as they are now. */
  stream(rows = 1): Stream {
    return new Stream(this.kernels, this.tape({ steps: 1, rows }, { gradients: false }), this.parameters);
  }

  /** Gives the parameters' memory back and ends the backend's threads: a backend is one model's. */
  dispose(): void {
    if (!this.disposed) {
      this.parameters.free();
      this.kernels.dispose();
    }
    this.disposed = true;
  }

  private forwardPass(batch: Batch, options: PassOptions, gradients: boolean): Tape {
    this.requireAlive();
    const { steps, rows, lengths, batchFirst } = batch;
    const tape = options.tape ?? this.tape(batch, { gradients, lengths: lengths !== undefined });
    const loss = options.loss ?? this.standardLoss(batch);
    tape.setLengths(lengths ?? null);
    tape.begin(options.from ?? null, options.noise ?? null);
    tape.forward(this.parameters, batchFirst ? toTimeMajor(batch.inputs, steps, rows) : batch.inputs);
    const { outputSteps } = tape.layers.at(-1)!;
    const ordered = (values: ArrayLike<number>) => (batchFirst ? outputToTimeMajor(values, outputSteps, rows) : values);
    const isCtc = loss === 'ctc' || (typeof loss === 'object' && loss.kind === 'ctc'); // labels stand by the sequence anyway
    const targets = isCtc ? batch.targets : ordered(batch.targets);
    tape.measure(loss, targets, batch.weights ? ordered(batch.weights) : null);
    return tape;
  }

  /** What a batch is measured by where nothing else is said. */
  standardLoss(batch: Batch): LossChoice {
    return batch.targets instanceof Int32Array ? 'crossEntropy' : 'meanSquaredError';
  }

  private async readLoss(tape: Tape): Promise<number> {
    return (await this.kernels.download(tape.loss!.value))[0]!;
  }

  private requireAlive(): void {
    if (this.disposed) throw new UnspoolError({ code: 'DISPOSED', what: 'The model', help: 'Make a new one.' });
  }
}
