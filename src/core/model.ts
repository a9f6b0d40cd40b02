/** A model: layers built from a spec, their parameters in one arena, and the passes over them. */
import { requireInteger, UnspoolError } from '../errors.js';
import { embeddingLayer } from './embedding.js';
import type { Kernels } from './kernels.js';
import type { Layer, LayerInput, PassShape } from './layer.js';
import { linearLayer } from './linear.js';
import type { LossChoice } from './losses.js';
import { lstmLayer } from './lstm-layer.js';
import { Arena, ParameterLayout } from './params.js';
import { createRng } from './rng.js';
import { type LayerSpec, type ModelSpec, requireSpec } from './spec.js';
import { Stream } from './stream.js';
import { type AnyLayerTape, Tape, type TapeInput } from './tape.js';
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
}

export interface PassOptions {
  /** Default: `crossEntropy` before class targets (an Int32Array), else `meanSquaredError`. */
  readonly loss?: LossChoice;
  /** Start from the state that this tape ended with. Default: from zero. */
  readonly from?: Tape | null;
  /** Use this tape's memory (its numbers are overwritten). Default: a new tape. */
  readonly tape?: Tape;
}

export interface TapeOptions {
  /** Room for gradients. Default true. */
  readonly gradients?: boolean;
  /** Room for, and computation of, the gradient by the input. Default: as `gradients`. */
  readonly inputGradient?: boolean;
}

/** Layers with their default names: `embedding`, `lstm` (its levels counted), `head`; a name used twice gets a number. */
function buildLayers(spec: ModelSpec): Layer[] {
  const used = new Set<string>();
  const unique = (layer: LayerSpec, standard: string): string => {
    const wanted = layer.name ?? standard;
    let name = wanted;
    for (let n = 2; used.has(name); n++) name = `${wanted}${n}`;
    used.add(name);
    return name;
  };
  const layers: Layer[] = [];
  const levels = new Map<string, number>();
  let width = spec.inputSize ?? 0;
  for (const layer of spec.layers) {
    if (layer.kind === 'embedding') layers.push(embeddingLayer(layer, unique(layer, 'embedding')));
    else if (layer.kind === 'linear') layers.push(linearLayer(layer, unique(layer, 'head'), width));
    else {
      const prefix = layer.name ?? 'lstm';
      const level = levels.get(prefix) ?? 0;
      levels.set(prefix, level + 1);
      layers.push(lstmLayer(layer, prefix, level, width));
    }
    width = layers.at(-1)!.outputSize;
  }
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
    let from: LayerInput = { x, dx, steps };
    const tapes = this.layers.map((layer) => {
      const tape = layer.tape(k, { steps, rows }, from, gradients);
      from = { x: tape.y, dx: tape.dy, steps: tape.outputSteps };
      return tape as AnyLayerTape;
    });
    const bottom = tapes[0]!;
    const input: TapeInput =
      first.kind === 'embedding' && bottom.kind === 'embedding'
        ? { kind: 'tokens', size: first.size, ids: bottom.ids }
        : { kind: 'values', x: x!, dx };
    return new Tape(k, { steps, rows }, input, tapes);
  }

  /** A zeroed arena in the layout of the parameters: for gradients, or an optimizer's state. */
  arena(): Arena {
    return new Arena(this.kernels, this.parameters.layout);
  }

  /**
   * Forward pass, loss, and backward pass through all of it (BPTT): the exact gradient of the batch's loss by every
   * parameter and by everything on the tape.
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
   * The output for `inputs` ([T, N] tokens or [T, N, inputSize] values, time-major): logits after a linear layer,
   * [steps, N, outputSize]. The state to go on from is on the tape: pass it as `from` to the next call.
   */
  async predict(
    inputs: ArrayLike<number>,
    options: { readonly rows?: number; readonly from?: Tape | null } = {},
  ): Promise<{ output: NdArray; tape: Tape }> {
    const { rows = 1, from = null } = options;
    const width = this.spec.layers[0]?.kind === 'embedding' ? 1 : this.spec.inputSize!;
    requireInteger('steps (numbers in inputs / rows / inputSize)', inputs.length / rows / width, 1, 1 << 24);
    const tape = this.tape({ steps: inputs.length / rows / width, rows }, { gradients: false });
    tape.begin(from);
    tape.forward(this.parameters, inputs);
    return { output: tape.output, tape };
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
    const tape = options.tape ?? this.tape(batch, { gradients });
    const loss = options.loss ?? this.standardLoss(batch);
    tape.begin(options.from ?? null);
    tape.forward(this.parameters, batch.inputs);
    tape.measure(loss, batch.targets);
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
