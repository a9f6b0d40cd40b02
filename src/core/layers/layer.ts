/** The interfaces that every layer kind implements. registry.ts lists the kinds. */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import type { RareInitializers } from '../init.js';
import type { CtcMaker } from '../loss-tape.js';
import type { LstmBuffers, Program } from '../lstm/program.js';
import type { Arena, ParameterSpec } from '../memory/parameters.js';
import type { PassShape, PassState, SequenceMasks } from '../pass.js';
import type { SequenceLengths } from '../sequence-lengths.js';

/** What a layer reads, and where it writes the gradient of that. */
export interface LayerInput {
  /** Null before an embedding, which reads token numbers. */
  readonly x: Matrix | null;
  /** Null where the gradient is not needed. */
  readonly dx: Matrix | null;
  /** Time steps of x: T, or 1 after a layer that returns its last step only. */
  readonly steps: number;
  /** Null where all sequences have all steps. */
  readonly masks: SequenceMasks | null;
}

/**
 * One layer's part of a tape: the buffers of a pass and the code that fills them. The next layer reads `y`, and in the
 * backward pass writes all of `dy` before `backward` is called.
 */
export interface LayerTape {
  readonly kind: string;
  readonly name: string;
  readonly y: Matrix;
  /** Null on a tape without gradients. */
  readonly dy: Matrix | null;
  /** Time steps of y. */
  readonly outputSteps: number;
  forward(parameters: Arena): void;
  /** Adds to `gradients`. */
  backward(parameters: Arena, gradients: Arena): void;
}

/** The tapes of the layer kinds that few models have. */
export type OptionalLayers = Readonly<
  Record<
    'dropout' | 'repeat' | 'activity',
    new (
      context: TapeContext,
      name: string,
      spec: never,
      input: LayerInput,
    ) => LayerTape
  >
>;

/** The table of an embedding: its rows, and the probability that a row is dropped. */
export interface DroppedTable {
  readonly size: number;
  readonly dropout?: number;
}

/** The dropout of an embedding. */
export interface EmbeddingDropout {
  /** Drops rows of the output; outside of training, none. */
  forward(y: Matrix): void;
  backward(dy: Matrix): void;
}

/**
 * The code that only some layers, LSTM variants, initializers, sequences of unequal lengths and the CTC loss need. It is loaded
 * on demand.
 */
export interface Variants {
  readonly layers: OptionalLayers;
  /** Computes LSTMs with any settings, and with sequence masks. */
  program(b: LstmBuffers): Program;
  /** `make` makes the LSTM tape of one direction. */
  bidirectional(
    context: TapeContext,
    input: LayerInput,
    make: (reverse: boolean, input: LayerInput) => LayerTape,
  ): LayerTape;
  sequenceLengths(k: Kernels, shape: PassShape): SequenceLengths;
  readonly initializers: RareInitializers;
  /** @param ids the token of each row of the output, as they are when a pass runs. */
  embeddingDropout(context: TapeContext, name: string, table: DroppedTable, ids: Int32Array): EmbeddingDropout;
  readonly ctcTape: CtcMaker;
}

/**
 * `createModel` loads the variants that a spec needs, and passes those that a batch needs. So this fails only for a tape of
 * `model.tape()`, with `lengths` or the CTC loss.
 */
export function requireVariants(variants: Variants | null, path: string): Variants {
  if (variants) return variants;
  const problem = 'the code for LSTM variants, unequal lengths and ctc is not loaded.';
  throw invalidSetting(path, problem, 'Set lengths: true in the options of createModel().');
}

/** What all layers of a tape share. */
export interface TapeContext {
  /** The tape's lease of the backend: freeing the tape frees everything allocated through it. */
  readonly kernels: Kernels;
  readonly shape: PassShape;
  /** Whether the tape has buffers for gradients. */
  readonly gradients: boolean;
  readonly pass: PassState;
  /** Null where no layer and no batch needs them. */
  readonly variants: Variants | null;
}

/** A layer of a built model. It holds no numbers itself. */
export interface Layer<T extends LayerTape = LayerTape> {
  readonly name: string;
  readonly outputSize: number;
  readonly parameters: readonly ParameterSpec[];
  tape(context: TapeContext, input: LayerInput): T;
}

/** Makes the names of a model's layers. */
export interface LayerNames {
  /** `wanted`, with a number appended where another layer has that name. */
  unique(wanted: string): string;
  /** How many layers have called this with the same prefix before. */
  level(prefix: string): number;
}

/** A layer kind: how it is built. sizes.ts has the sizes of its output, spec-check.ts its check. */
export interface LayerKind<S, T extends LayerTape> {
  build(spec: S, names: LayerNames, inputSize: number): Omit<Layer<T>, 'outputSize'>;
}
