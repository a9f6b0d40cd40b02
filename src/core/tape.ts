/**
 * The tape: everything that one pass over T steps of N sequences computed, layer by layer, and after a backward pass
 * the gradient of the loss by each of those things. A public object: people look into it, estimators walk it.
 *
 * Memory: an LSTM layer of H units keeps 6H floats a step and row (i f g o c h), and as many again for the gradients;
 * a layer's input is the output of the layer before it and is not kept twice.
 */
import { UnspoolError } from '../errors.js';
import type { EmbeddingTape } from './embedding.js';
import type { Kernels, Matrix } from './kernels.js';
import type { PassShape } from './layer.js';
import type { LinearTape } from './linear.js';
import { type LossChoice, type LossTape, lossTape, requireTokens } from './losses.js';
import { type LstmState, LstmTape } from './lstm-layer.js';
import type { LstmStepView } from './lstm-step-view.js';
import type { Arena } from './params.js';
import { hostArray, type NdArray } from './views.js';

/** One layer's part, told apart by `kind`. */
export type AnyLayerTape = EmbeddingTape | LstmTape | LinearTape;

/** Where the numbers of a pass come in: token numbers, or rows of values with room for their gradient. */
export type TapeInput =
  | { readonly kind: 'tokens'; readonly size: number; readonly ids: Int32Array }
  | { readonly kind: 'values'; readonly x: Matrix; readonly dx: Matrix | null };

export class Tape {
  readonly shape: PassShape;
  readonly layers: readonly AnyLayerTape[];
  /** All LSTM layers, bottom first. */
  readonly lstms: readonly LstmTape[];
  /** Null until a loss has been laid over the output. */
  loss: LossTape | null = null;
  readonly input: TapeInput;
  private readonly kernels: Kernels;
  private choice: LossChoice | null = null;

  /** Made by `model.tape()`. */
  constructor(kernels: Kernels, shape: PassShape, input: TapeInput, layers: readonly AnyLayerTape[]) {
    this.kernels = kernels;
    this.shape = shape;
    this.input = input;
    this.layers = layers;
    this.lstms = layers.filter((layer) => layer instanceof LstmTape);
  }

  /** The `index`-th LSTM layer, from the bottom. Throws `INVALID_SETTING` where there is none. */
  lstm(index = 0): LstmTape {
    const found = this.lstms[index];
    if (found) return found;
    throw new UnspoolError({
      code: 'INVALID_SETTING',
      path: `lstm(${index})`,
      problem: `the model has ${this.lstms.length} LSTM layers, counted from 0.`,
    });
  }

  /** The time steps of the first LSTM layer: `tape.steps[t].gates.f`. For another layer: `tape.lstm(index).step(t)`. */
  get steps(): readonly LstmStepView[] {
    const layer = this.lstm(0);
    return Array.from({ length: this.shape.steps }, (_, t) => layer.step(t));
  }

  /** The model's output, [steps, N, width]; steps is 1 after `returns: 'last'`. A live view. */
  get output(): NdArray {
    const { y, outputSteps } = this.top;
    return hostArray(this.kernels, y, [outputSteps, this.shape.rows, y.cols]);
  }

  /** dL/dx of the model's input, [T, N, inputSize]; a live view, null before an embedding. */
  get inputGrad(): NdArray | null {
    const { input, shape } = this;
    if (input.kind === 'tokens' || !input.dx) return null;
    return hostArray(this.kernels, input.dx, [shape.steps, shape.rows, input.dx.cols]);
  }

  private get top(): AnyLayerTape {
    return this.layers.at(-1)!;
  }

  /**
   * Sets every LSTM layer's state before the first step: to zero, or to what `from` ended with. `from` may be this very
   * tape (the state is carried on, the gradient is not), or one of another number of steps.
   */
  begin(from: Tape | null = null): void {
    if (from && from !== this) this.requireSameState(from);
    for (const [i, layer] of this.lstms.entries()) layer.begin(from ? from.lstm(i) : null);
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

  /** Computes the loss of the output; `tape.loss.value` holds it. */
  measure(choice: LossChoice, targets: ArrayLike<number>): void {
    // The same choice, mostly: told by its identity before it is told by its content.
    if (!this.loss || (choice !== this.choice && JSON.stringify(this.loss.spec) !== specText(choice))) {
      this.loss?.free();
      this.loss = lossTape(this.kernels, choice, this.top.y, this.top.dy);
    }
    this.choice = choice;
    this.loss.forward(targets);
  }

  /**
   * From the loss back through every layer: adds to `gradients`, and fills the gradients of the tape. `after`: for each
   * LSTM layer, bottom first, what comes back through its state from beyond the last step (another tape's
   * `initialStateGrad()`). Without a loss, the caller has put dL/dy into the last layer's `dy`.
   */
  backward(parameters: Arena, gradients: Arena, after: readonly LstmState[] = []): void {
    if (!this.top.dy) {
      throw new UnspoolError({
        code: 'INVALID_SETTING',
        path: 'tape',
        problem: 'it was made without room for gradients.',
        help: 'Make it with model.tape(shape).',
      });
    }
    this.loss?.backward();
    let level = this.lstms.length;
    for (const layer of [...this.layers].reverse()) {
      if (layer.kind === 'lstm') layer.backward(parameters, gradients, after[--level]);
      else layer.backward(parameters, gradients);
    }
  }

  /** Gives the memory back; views into it must not be used any more. */
  free(): void {
    for (const layer of this.layers) layer.free();
    this.loss?.free();
    if (this.input.kind === 'values') {
      this.kernels.free(this.input.x);
      if (this.input.dx) this.kernels.free(this.input.dx);
    }
  }

  /** As many sequences, and LSTM layers of the same sizes. */
  private requireSameState(from: Tape): void {
    const sizes = (tape: Tape) => [tape.shape.rows, ...tape.lstms.map((layer) => layer.hiddenSize)];
    const [expected, actual] = [sizes(this), sizes(from)];
    if (expected.join() === actual.join()) return;
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'begin',
      tensor: 'the state to start from (rows, then the hidden size of each LSTM layer)',
      expected,
      actual,
      help: 'A state can only be carried on by as many sequences of the same model.',
    });
  }

  private load(inputs: ArrayLike<number>): void {
    const { input, shape } = this;
    const width = input.kind === 'tokens' ? 1 : input.x.cols;
    if (inputs.length !== shape.steps * shape.rows * width) {
      throw new UnspoolError({
        code: 'SHAPE_MISMATCH',
        op: 'forward',
        tensor: 'inputs',
        expected: input.kind === 'tokens' ? [shape.steps, shape.rows] : [shape.steps, shape.rows, width],
        actual: [inputs.length],
        help: 'Give the numbers time-major, all rows of step 0 first.',
      });
    }
    if (input.kind === 'tokens') {
      requireTokens('token', inputs, input.size);
      input.ids.set(inputs);
    } else {
      this.kernels.upload(input.x, inputs);
    }
  }
}

const specText = (choice: LossChoice): string => JSON.stringify(typeof choice === 'string' ? { kind: choice } : choice);
