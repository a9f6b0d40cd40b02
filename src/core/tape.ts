/**
 * The tape stores the values of a pass, layer by layer, and their gradients.
 *
 * Memory: an LSTM layer of H units keeps 6H floats per step and row (i f g o c h), and another 6H for the gradients. A
 * layer's input is the output of the previous layer and is not copied.
 */

import { requireTokens, requireValues, shown } from '../checks.js';
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import { requireInputCount } from './batch.js';
import type { AnyLayerTape } from './layers/registry.js';
import { placeIn, type RowOrder, rowAt, toTimeMajor } from './layout.js';
import type { LossTape } from './loss-tape.js';
import { isSameLoss, type LossChoice } from './losses.js';
import type { LstmState } from './lstm/blocks.js';
import type { LstmStepView } from './lstm/step-view.js';
import type { LstmTape } from './lstm/tape.js';
import type { Disposed, Lease } from './memory/lease.js';
import { Arena, type ParameterLayout, requireOwn } from './memory/parameters.js';
import { hostArray, type LiveArray } from './memory/views.js';
import { type Noise, requireNoise } from './noise.js';
import type { PassShape, PassState } from './pass.js';
import type { SequenceLengths } from './sequence-lengths.js';
import { type FinalState, finalStates, type GivenState, requireStateGradients, startNumbers } from './start-state.js';

/**
 * The state that a pass starts from: the final state of a tape; `{ h, c }` of the model's only LSTM; a list with one per LSTM,
 * bottom first, such as the `state` of a prediction or `tape.states`; or null for the layers' initial states.
 */
export type StartState = Tape | GivenState | readonly (GivenState | null)[] | null;

/** The input of a pass: token numbers, or rows of values and their gradient. */
export type TapeInput =
  | { readonly kind: 'tokens'; readonly size: number; readonly ids: Int32Array }
  | { readonly kind: 'values'; readonly x: Matrix; readonly dx: Matrix | null };

/** What a tape consists of. */
type TapeParts = Pick<Tape, 'shape' | 'input' | 'layers'> & {
  readonly layout: ParameterLayout;
  readonly pass: PassState;
  readonly lengths: SequenceLengths | null;
  /** Allocates the buffers of a loss. */
  readonly makeLoss: (choice: LossChoice) => LossTape;
};

const FREED: Disposed = { what: 'The tape', after: 'free()', help: 'Make a new one, or keep a copy of what you need.' };

/**
 * What a pass over T steps of N sequences computed, and after a backward pass the gradient of the loss for each value. Made by
 * `model.tape()`.
 */
export class Tape {
  readonly shape: PassShape;
  readonly layers: readonly AnyLayerTape[];
  /** All LSTMs, bottom first. A bidirectional layer has two: forward, then reverse. */
  readonly lstms: readonly LstmTape[];
  /** Null until `measure` or `allocateLoss` is called. */
  loss: LossTape | null = null;
  readonly input: TapeInput;
  /** @internal Of the parameters of its model. */
  readonly layout: ParameterLayout;
  private readonly lease: Lease;
  private readonly kernels: Kernels;
  private usual: Parameters<typeof requireValues>[2];
  private choice: LossChoice | null = null;
  private readonly pass: PassState;
  /** Null on a tape for sequences of one length. */
  private readonly lengths: SequenceLengths | null;
  private readonly makeLoss: TapeParts['makeLoss'];

  /** Made by `model.tape()`. */
  constructor(lease: Lease, parts: TapeParts) {
    const { layers } = parts;
    this.lease = lease;
    this.kernels = lease.kernels;
    this.layout = parts.layout;
    this.shape = parts.shape;
    this.input = parts.input;
    this.layers = layers;
    this.pass = parts.pass;
    this.lengths = parts.lengths;
    this.makeLoss = parts.makeLoss;
    this.lstms = layers.flatMap((layer) =>
      layer.kind === 'lstm' ? [layer] : layer.kind === 'bidirectional' ? [layer.forwards, layer.backwards] : [],
    );
  }

  /** @internal See `Lease.relief`. */
  relief(): Promise<void> | undefined {
    return this.lease.relief();
  }

  /** @internal The tape is a stream's. */
  ofStream(): this {
    this.lease.rename('stream');
    return this;
  }

  /** @internal Throws `DISPOSED` after `free()`. */
  requireOpen(): void {
    this.lease.requireOpen();
  }

  /** The LSTM number `index`, counted from 0 at the bottom. Throws `INVALID_SETTING` for another number. */
  lstm(index = 0): LstmTape {
    this.lease.requireOpen();
    const found = typeof index === 'number' ? this.lstms[index] : undefined;
    if (found) return found;
    throw invalidSetting(`lstm(${shown(index)})`, `the model has ${this.lstms.length} LSTMs, numbered from 0.`);
  }

  /** The time steps of the first LSTM layer: `tape.steps[t].gates.f`. For another layer: `tape.lstm(index).step(t)`. */
  get steps(): readonly LstmStepView[] {
    const layer = this.lstm(0);
    return Array.from({ length: layer.shape.steps }, (_, t) => layer.step(t));
  }

  /** The model's output, [steps, N, width]; steps is 1 after `returns: 'last'`. A live view. */
  get output(): LiveArray<number[][][]> {
    return hostArray(this.kernels, this.top.y, this.outputShape);
  }

  /** The shape of the output, [steps, N, width]. */
  get outputShape(): readonly [steps: number, batchSize: number, width: number] {
    const { y, outputSteps } = this.top;
    return [outputSteps, this.shape.batchSize, y.cols];
  }

  /** dL/dx of the model's input, [T, N, inputSize]; a live view, null before an embedding. */
  get inputGrad(): LiveArray<number[][][]> | null {
    const { input, shape } = this;
    if (input.kind === 'tokens' || !input.dx) return null;
    return hostArray(this.kernels, input.dx, [shape.steps, shape.batchSize, input.dx.cols]);
  }

  /** Whether the output has the same steps as the input, so that the same lengths apply. */
  private get hasOutputPerStep(): boolean {
    return this.layers.every(({ kind, outputSteps }) => kind !== 'repeat' && outputSteps === this.shape.steps);
  }

  private get top(): AnyLayerTape {
    return this.layers.at(-1)!;
  }

  /** Live views of h [N, R] and c [N, H] after the last step of every LSTM (of unequal lengths: at each sequence's end). */
  get states(): readonly { readonly h: LiveArray<number[][]>; readonly c: LiveArray<number[][]> }[] {
    const view = (m: Matrix): LiveArray<number[][]> => hostArray(this.kernels, m, [m.rows, m.cols]);
    return this.lstms.map((layer) => ({ h: view(layer.finalState().h), c: view(layer.finalState().c) }));
  }

  /** A copy of the output's numbers, [steps, N, width]. */
  downloadOutput(): Promise<FloatArray> {
    return this.kernels.download(this.top.y);
  }

  /** Copies of `states`, which `begin` accepts. */
  async downloadStates(): Promise<readonly FinalState[]> {
    const { kernels } = this;
    // All reads start before the first await, so that a device answers them together.
    const copies = this.lstms.map(async (layer) => {
      const { h, c } = layer.finalState();
      const parts = [kernels.download(h), kernels.download(c)] as const;
      return { h: await parts[0], c: await parts[1] };
    });
    return finalStates(await Promise.all(copies));
  }

  /**
   * Sets every LSTM's state before the first step, and the dropout masks. `from` may be this tape, or one with another number
   * of steps; the state carries over, the gradient does not. `noise`: null for no dropout, as outside of training.
   */
  begin(from: StartState = null, noise: Noise | null = null): void {
    this.lease.requireOpen();
    requireNoise(noise);
    if (from instanceof Tape && from !== this) this.requireSameRows(from);
    const given = from === null || from instanceof Tape ? null : startNumbers(from, this.lstms);
    this.pass.noise = noise;
    const source = from instanceof Tape ? from.lstms : given;
    for (let i = 0; i < this.lstms.length; i++) this.lstms[i]!.begin(source?.[i] ?? null);
  }

  /** Sets the steps of each sequence, 1 to T; null: all have T. Needs a tape made with `lengths: true`. */
  setLengths(lengths: ArrayLike<number> | null): void {
    if (this.lengths) this.lengths.set(lengths);
    else if (lengths) {
      throw invalidSetting(
        'lengths',
        'this tape holds sequences of one length only.',
        'Make it with model.tape(shape, {lengths: true}).',
      );
    }
  }

  /**
   * Runs every layer. `inputs`: T*N tokens, or T*N*inputSize values; time-major, or by sequence with
   * `batchFirst`. Throws `SHAPE_MISMATCH` or `INVALID_DATA`.
   */
  forward(parameters: Arena, inputs: ArrayLike<number>, batchFirst = false): void {
    requireOwn('parameters', parameters, Arena, this.layout);
    parameters.startPass();
    this.load(inputs, batchFirst);
    for (const layer of this.layers) layer.forward(parameters);
  }

  /** @internal As `forward`, but does not look for weights that were written through memory that an arena has handed out. */
  forwardPacked(parameters: Arena, inputs: ArrayLike<number>): void {
    this.load(inputs, false);
    for (const layer of this.layers) layer.forward(parameters);
  }

  /**
   * Computes the loss of the output into `tape.loss.value`. `weights`: the weight of each row of the output; default 1, and
   * 0 past a sequence's end.
   */
  measure(
    choice: LossChoice,
    targets: ArrayLike<number>,
    weights: ArrayLike<number> | null = null,
    batchFirst = false,
  ): void {
    const loss = this.allocateLoss(choice);
    const lengths = this.hasOutputPerStep ? this.lengths : null;
    loss.forward(targets, weights, { batchFirst, lengths });
  }

  /** Allocates the buffers of a loss, or returns those of the same loss. Throws `OUT_OF_MEMORY`. */
  allocateLoss(choice: LossChoice): LossTape {
    let { loss } = this;
    if (!loss || !(choice === this.choice || isSameLoss(loss.spec, choice))) {
      loss?.free();
      this.loss = null;
      this.loss = loss = this.makeLoss(choice);
    }
    this.choice = choice;
    return loss;
  }

  /**
   * Runs the backward pass from the loss through every layer: adds to `gradients`, and fills the gradients of the tape.
   * `after`: for each LSTM, in the order of `lstms`, the gradient of its final state from a following tape
   * (`initialStateGrad()`). Without a loss, the caller has written dL/dy to the last layer's `dy`.
   */
  backward(parameters: Arena, gradients: Arena, after: readonly LstmState[] = []): void {
    if (!this.top.dy) {
      throw invalidSetting('tape', 'this tape has no buffers for gradients.', 'Make it with model.tape(shape).');
    }
    requireOwn('parameters', parameters, Arena, this.layout);
    requireOwn('gradients', gradients, Arena, this.layout);
    requireStateGradients(this.lstms, after);
    parameters.startPass();
    this.loss?.backward();
    for (let i = 0; i < this.lstms.length; i++) this.lstms[i]!.after = after[i] ?? null;
    for (let i = this.layers.length - 1; i >= 0; i--) this.layers[i]!.backward(parameters, gradients);
  }

  /** The penalties of the activity layers in this pass; 0 outside of training. */
  async penalty(): Promise<number> {
    let sum = 0;
    for (const layer of this.layers) if (layer.kind === 'activity') sum += (await layer.penalty()) ?? 0;
    return sum;
  }

  /** Frees the memory. Afterwards every use of the tape, and of arrays from it, throws `DISPOSED`. */
  free(why: Disposed = FREED): void {
    this.lease.end(why);
  }

  private requireSameRows(from: Tape): void {
    requireOwn('from', from, Tape, this.layout, 'Pass its state as numbers: await tape.downloadStates().');
    from.requireOpen();
    const [expected, actual] = [this.shape.batchSize, from.shape.batchSize];
    if (expected === actual) return;
    const tensor = 'the tape to start from (its number of sequences)';
    throw new UnspoolError({ code: 'SHAPE_MISMATCH', op: 'begin', tensor, expected: [expected], actual: [actual] });
  }

  /** How the numbers of the inputs are checked. */
  private rules(order: RowOrder, width: number): Parameters<typeof requireValues>[2] {
    const active = this.lengths?.active;
    if (order === this.shape && !active) return (this.usual ??= { place: placeIn('inputs', order, width) });
    const unread = active ? (i: number) => active[rowAt(order, width, i)] === 0 : undefined;
    return { place: placeIn('inputs', order, width), unread };
  }

  private load(inputs: ArrayLike<number>, batchFirst: boolean): void {
    const { input, lengths } = this;
    const width = input.kind === 'tokens' ? 1 : input.x.cols;
    const order = batchFirst ? { ...this.shape, batchFirst } : this.shape;
    requireInputCount(inputs, order, input.kind === 'tokens' ? null : width);
    const rules = this.rules(order, width);
    if (input.kind === 'tokens') requireTokens('inputs', inputs, input.size, rules);
    else requireValues('inputs', inputs, rules);
    const ordered = toTimeMajor(inputs, order);
    // Inputs past a sequence's end may be anything: they are set to 0.
    const counted = lengths?.masked(ordered, width) ?? ordered;
    if (input.kind === 'tokens') input.ids.set(counted);
    else this.kernels.upload(input.x, counted);
  }
}
