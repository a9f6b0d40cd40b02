/**
 * The tape: everything that one pass over T steps of N sequences computed, layer by layer, and after a backward pass
 * the gradient of the loss by each of those things. A public object: people look into it, estimators walk it.
 *
 * Memory: an LSTM layer of H units keeps 6H floats a step and row (i f g o c h), and as many again for the gradients;
 * a layer's input is the output of the layer before it and is not kept twice.
 */

import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import { invalidSetting, UnspoolError } from '../errors.js';
import type { AnyLayerTape } from './layers/registry.js';
import { goesBySequence, type LossChoice, type LossTape, lossTape, requireTokens } from './losses.js';
import type { LstmState } from './lstm/blocks.js';
import type { LstmStepView } from './lstm/step-view.js';
import type { GivenState, LstmTape } from './lstm/tape.js';
import type { Disposed, Lease } from './memory/lease.js';
import type { Arena } from './memory/parameters.js';
import { hostArray, type NdArray } from './memory/views.js';
import type { Noise } from './noise.js';
import type { PassShape, PassState } from './pass.js';
import type { SequenceLengths } from './sequence-lengths.js';

/** Where a pass starts from: the state that another tape (or this one) ended with, given states, or null for the layers' own. */
export type StartState = Tape | readonly (GivenState | null)[] | null;

/** Where the numbers of a pass come in: token numbers, or rows of values with room for their gradient. */
export type TapeInput =
  | { readonly kind: 'tokens'; readonly size: number; readonly ids: Int32Array }
  | { readonly kind: 'values'; readonly x: Matrix; readonly dx: Matrix | null };

const FREED: Disposed = { what: 'The tape', after: 'free()', help: 'Make a new one, or keep a copy of what you need.' };

export class Tape {
  readonly shape: PassShape;
  readonly layers: readonly AnyLayerTape[];
  /** All LSTMs, bottom first; of a bidirectional layer first the one that reads forwards. */
  readonly lstms: readonly LstmTape[];
  /** Null until a loss has been laid over the output. */
  loss: LossTape | null = null;
  readonly input: TapeInput;
  private readonly lease: Lease;
  private readonly kernels: Kernels;
  private choice: LossChoice | null = null;
  private readonly pass: PassState;
  /** Room for the lengths of the sequences; null on a tape of whole ones. */
  private readonly lengths: SequenceLengths | null;

  /** Made by `model.tape()`. */
  constructor(
    lease: Lease,
    shape: PassShape,
    input: TapeInput,
    layers: readonly AnyLayerTape[],
    pass: PassState,
    lengths: SequenceLengths | null,
  ) {
    this.lease = lease;
    this.kernels = lease.kernels;
    this.shape = shape;
    this.input = input;
    this.layers = layers;
    this.pass = pass;
    this.lengths = lengths;
    this.lstms = layers.flatMap((layer) =>
      layer.kind === 'lstm' ? [layer] : layer.kind === 'bidirectional' ? [layer.forwards, layer.backwards] : [],
    );
  }

  /** The `index`-th LSTM, from the bottom. Throws `INVALID_SETTING` where there is none. */
  lstm(index = 0): LstmTape {
    this.lease.requireOpen();
    const found = this.lstms[index];
    if (found) return found;
    throw invalidSetting(`lstm(${index})`, `the model has ${this.lstms.length} LSTMs, numbered from 0.`);
  }

  /** The time steps of the first LSTM layer: `tape.steps[t].gates.f`. For another layer: `tape.lstm(index).step(t)`. */
  get steps(): readonly LstmStepView[] {
    const layer = this.lstm(0);
    return Array.from({ length: layer.shape.steps }, (_, t) => layer.step(t));
  }

  /** The model's output, [steps, N, width]; steps is 1 after `returns: 'last'`. A live view. */
  get output(): NdArray {
    const { y, outputSteps } = this.top;
    return hostArray(this.kernels, y, [outputSteps, this.shape.batchSize, y.cols]);
  }

  /** dL/dx of the model's input, [T, N, inputSize]; a live view, null before an embedding. */
  get inputGrad(): NdArray | null {
    const { input, shape } = this;
    if (input.kind === 'tokens' || !input.dx) return null;
    return hostArray(this.kernels, input.dx, [shape.steps, shape.batchSize, input.dx.cols]);
  }

  /** Whether the rows of the output are those of the input, so that lengths of the one are lengths of the other. */
  private get answersEachStep(): boolean {
    return this.layers.every(({ kind, outputSteps }) => kind !== 'repeat' && outputSteps === this.shape.steps);
  }

  /** How much each row of the output counts in a loss, where lengths or `weights` say so. */
  weightsOf(weights: ArrayLike<number> | null): ArrayLike<number> | null {
    return this.answersEachStep ? (this.lengths?.weigh(weights) ?? weights) : weights;
  }

  private get top(): AnyLayerTape {
    return this.layers.at(-1)!;
  }

  /** h and c after the last step (of ragged sequences: at each row's own end) of every LSTM, [N, R] and [N, H]. Live views. */
  get states(): readonly { readonly h: NdArray; readonly c: NdArray }[] {
    const view = (m: Matrix): NdArray => hostArray(this.kernels, m, [m.rows, m.cols]);
    return this.lstms.map((layer) => ({ h: view(layer.finalState().h), c: view(layer.finalState().c) }));
  }

  /** `states` as copies, to go on from later: what `begin` takes. */
  async downloadStates(): Promise<{ h: FloatArray; c: FloatArray }[]> {
    const copies: { h: FloatArray; c: FloatArray }[] = [];
    for (const layer of this.lstms) {
      const { h, c } = layer.finalState();
      copies.push({ h: await this.kernels.download(h), c: await this.kernels.download(c) });
    }
    return copies;
  }

  /**
   * Sets every LSTM's state before the first step, and what the pass drops. `from` may be this very tape (the state is
   * carried on, the gradient is not), or one of another number of steps. `noise`: which masks; null, as outside of
   * training, for none.
   */
  begin(from: StartState = null, noise: Noise | null = null): void {
    this.lease.requireOpen();
    this.pass.noise = noise;
    if (from instanceof Tape && from !== this) this.requireSameState(from);
    if (from && !(from instanceof Tape)) this.requireStates(from);
    for (const [i, layer] of this.lstms.entries()) {
      layer.begin(from instanceof Tape ? from.lstm(i) : (from?.[i] ?? null));
    }
  }

  /** For sequences of unequal lengths, on a tape made with room for them: the steps of each row, 1 to T; null for all. */
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

  /** Runs every layer. `inputs`: T*N tokens, or T*N*inputSize values; time-major. */
  forward(parameters: Arena, inputs: ArrayLike<number>): void {
    for (const layer of this.layers) layer.pack(parameters);
    this.forwardPacked(parameters, inputs);
  }

  /** As `forward`, with the weights as the last `forward` laid them out: right while none of them has changed. */
  forwardPacked(parameters: Arena, inputs: ArrayLike<number>): void {
    this.load(inputs);
    for (const layer of this.layers) layer.forward(parameters);
  }

  /**
   * Computes the loss of the output; `tape.loss.value` holds it. `weights`: how much each row of the output counts, by
   * default 1, and 0 past the end of a row that has a length of its own.
   */
  measure(choice: LossChoice, targets: ArrayLike<number>, weights: ArrayLike<number> | null = null): void {
    const loss = this.allocateLoss(choice);
    const whole = goesBySequence(choice);
    loss.forward(targets, whole ? weights : this.weightsOf(weights), whole ? (this.lengths?.steps ?? null) : null);
  }

  /** The room of a loss: what there is, where it is of the same choice. Throws `OUT_OF_MEMORY`. */
  allocateLoss(choice: LossChoice): LossTape {
    // The same choice, mostly: told by its identity before it is told by its content.
    let { loss } = this;
    if (!loss || (choice !== this.choice && JSON.stringify(loss.spec) !== specText(choice))) {
      loss?.free();
      this.loss = null;
      const shape = { steps: this.top.outputSteps, batchSize: this.shape.batchSize };
      this.loss = loss = lossTape(this.kernels, choice, this.top.y, this.top.dy, shape);
    }
    this.choice = choice;
    return loss;
  }

  /**
   * From the loss back through every layer: adds to `gradients`, and fills the gradients of the tape. `after`: for each
   * LSTM, in the order of `lstms`, what comes back through its state from beyond the last step (another tape's
   * `initialStateGrad()`). Without a loss, the caller has put dL/dy into the last layer's `dy`.
   */
  backward(parameters: Arena, gradients: Arena, after: readonly LstmState[] = []): void {
    if (!this.top.dy) {
      throw invalidSetting('tape', 'this tape has no buffers for gradients.', 'Make it with model.tape(shape).');
    }
    this.loss?.backward();
    for (const [i, layer] of this.lstms.entries()) layer.after = after[i] ?? null;
    for (let i = this.layers.length - 1; i >= 0; i--) this.layers[i]!.backward(parameters, gradients);
  }

  /** What activity layers add to the loss of this pass; 0 without any, and outside of training. */
  async penalty(): Promise<number> {
    let sum = 0;
    for (const layer of this.layers) if (layer.kind === 'activity') sum += (await layer.penalty()) ?? 0;
    return sum;
  }

  /** Gives the memory back; afterwards every use of the tape, also of arrays that it gave, throws `DISPOSED`. */
  free(why: Disposed = FREED): void {
    this.lease.end(why);
  }

  /** As many sequences, and LSTM layers of the same sizes. */
  private requireSameState(from: Tape): void {
    const widths = (layer: LstmTape) => [layer.hiddenSize, layer.initialState().h.cols];
    const sizes = (tape: Tape) => [tape.shape.batchSize, ...tape.lstms.flatMap(widths)];
    const [expected, actual] = [sizes(this), sizes(from)];
    if (expected.join() === actual.join()) return;
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'begin',
      tensor: 'the state to start from (rows, then the widths of c and h of each LSTM)',
      expected,
      actual,
      help: 'A state can only be carried over to the same number of sequences, with LSTM layers of the same sizes.',
    });
  }

  private requireStates(states: readonly (GivenState | null)[]): void {
    if (states.length === this.lstms.length) return;
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'begin',
      tensor: 'the list of states to start from',
      expected: [this.lstms.length],
      actual: [states.length],
      help: 'Pass {h, c} for each LSTM, bottom first; a bidirectional layer has two.',
    });
  }

  private load(inputs: ArrayLike<number>): void {
    const { input, shape } = this;
    const width = input.kind === 'tokens' ? 1 : input.x.cols;
    if (inputs.length !== shape.steps * shape.batchSize * width) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'forward',
        tensor: 'inputs',
        expected: input.kind === 'tokens' ? [shape.steps, shape.batchSize] : [shape.steps, shape.batchSize, width],
        actual: [inputs.length],
        help: 'Pass the numbers time-major: all rows of step 0 first.',
      });
    }
    // What stands past a row's end is nobody's business: it may be anything, and becomes 0.
    const counted = this.lengths?.masked(inputs, width) ?? inputs;
    if (input.kind === 'tokens') {
      requireTokens('token', counted, input.size);
      input.ids.set(counted);
    } else {
      this.kernels.upload(input.x, counted);
    }
  }
}

const specText = (choice: LossChoice): string => JSON.stringify(typeof choice === 'string' ? { kind: choice } : choice);
