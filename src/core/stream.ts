import type { FloatArray, Kernels } from '../contract/kernels.js';
import type { Arena } from './memory/parameters.js';
import type { Tape } from './tape.js';

/** Runs a model one time step at a time and keeps its state between the calls. Made by `model.stream()`. */
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
   * Feeds one time step: N tokens, or N rows of inputSize values. Returns a copy of the output, N * outputSize numbers.
   * Reads the weights as they are at the call, in all layers.
   */
  async step(inputs: ArrayLike<number>): Promise<FloatArray> {
    const { tape } = this;
    tape.begin(this.fresh ? null : tape);
    tape.forward(this.parameters, inputs);
    this.fresh = false;
    return this.kernels.download(tape.layers.at(-1)!.y);
  }

  /** Resets the state to the initial state.  */
  reset(): void {
    this.fresh = true;
  }

  /** Frees the memory. A later `step` throws `DISPOSED`. */
  dispose(): void {
    this.tape.free({ what: 'The stream', help: 'Make a new one with model.stream().' });
  }
}
