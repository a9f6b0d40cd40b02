import type { FloatArray, Kernels } from '../contract/kernels.js';
import type { Arena } from './memory/parameters.js';
import type { Tape } from './tape.js';

/** One time step at a time, the state carried from call to call. Made by `model.stream()`. */
export class Stream {
  private readonly kernels: Kernels;
  private readonly tape: Tape;
  private readonly parameters: Arena;
  private fresh = true;

  constructor(kernels: Kernels, tape: Tape, parameters: Arena) {
    this.kernels = kernels;
    this.tape = tape;
    this.parameters = parameters;
  }

  /**
   * Feeds one step: N tokens, or N rows of inputSize values. Returns the output of all rows, N * outputSize numbers
   * (a copy). The first call packs the weights: if they change afterwards, make a new stream.
   */
  async step(inputs: ArrayLike<number>): Promise<FloatArray> {
    const { tape } = this;
    tape.begin(this.fresh ? null : tape);
    if (this.fresh) tape.forward(this.parameters, inputs);
    else tape.forwardPacked(this.parameters, inputs);
    this.fresh = false;
    return this.kernels.download(tape.layers.at(-1)!.y);
  }

  /** Back to the zero state. */
  reset(): void {
    this.fresh = true;
  }

  /** Gives the memory back; a step afterwards throws `DISPOSED`. */
  dispose(): void {
    this.tape.free({ what: 'The stream', help: 'Make a new one with model.stream().' });
  }
}
