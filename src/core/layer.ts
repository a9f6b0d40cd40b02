import type { Kernels, Matrix } from './kernels.js';
import type { Arena, ParameterSpec } from './params.js';

/** The size of one pass: T steps of N batch rows. Sequences are time-major: row t*N + n is step t of row n. */
export interface PassShape {
  readonly steps: number; // T
  readonly rows: number; // N
}

/** What a layer reads, and where it leaves the gradient of that. */
export interface LayerInput {
  /** Null before an embedding, which reads token numbers. */
  readonly x: Matrix | null;
  /** Null where nobody asks for the gradient. */
  readonly dx: Matrix | null;
  /** Time steps that x holds: T, or 1 after a layer that returns its last step only. */
  readonly steps: number;
}

/**
 * One layer's part of a tape: its buffers for one pass, and how to compute it. The layer above reads `y`, and in the
 * backward pass writes `dy` whole before `backward` is called.
 */
export interface LayerTape {
  readonly kind: 'embedding' | 'lstm' | 'linear';
  readonly name: string;
  readonly y: Matrix;
  /** Null on a tape that was made without gradients. */
  readonly dy: Matrix | null;
  /** Time steps that y holds. */
  readonly outputSteps: number;
  /** Lays the weights out for `forward`: needed before it whenever they have changed. */
  pack(parameters: Arena): void;
  forward(parameters: Arena): void;
  /** Adds to `gradients`. */
  backward(parameters: Arena, gradients: Arena): void;
  free(): void;
}

/** A layer of a built model: what it needs and how to lay its tape; it holds no numbers itself. */
export interface Layer {
  readonly name: string;
  readonly outputSize: number;
  readonly parameters: readonly ParameterSpec[];
  tape(kernels: Kernels, shape: PassShape, input: LayerInput, withGradients: boolean): LayerTape;
}
