/** How an LSTM's pass is computed: the plain one of plain.ts, or stage by stage (staged.ts). */
import type { Kernels, LstmStep, LstmStepGrad, Matrix } from '../../contract/kernels.js';
import type { PassShape, PassState, Ragged } from '../layers/layer.js';
import type { StateBlocks, StepBlocks } from './blocks.js';
import type { LstmParts } from './parameters.js';
import type { LstmSpec } from './spec.js';

/** Buffers that every LSTM has, all by time; the gradients are null where none are recorded. */
export interface LstmBuffers {
  readonly k: Kernels;
  readonly spec: LstmSpec;
  /** Its name, that of its parameters with the direction. */
  readonly name: string;
  readonly reverse: boolean;
  readonly shape: PassShape;
  readonly pass: PassState;
  readonly ragged: Ragged | null;
  readonly x: Matrix; // (T*N, D)
  readonly gates: Matrix; // (T*N, 4H)
  readonly state: StateBlocks;
  readonly steps: readonly StepBlocks[];
  readonly grad: {
    readonly dx: Matrix | null;
    readonly gates: Matrix;
    readonly state: StateBlocks;
    readonly steps: readonly StepBlocks[];
  } | null;
}

/** What the cell itself computed at one step, before anything is held, projected or masked, and the gradients by it. */
export interface CellValues {
  readonly y: LstmStep;
  readonly d: LstmStepGrad | null;
  /** What multiplied g, where a mask did. */
  readonly mask: Matrix | null;
  /** What came back to i, f and o from the step after, (N, 3H), where it did. */
  readonly external: Matrix | null;
  /** What the output activation read: c, or c normalized. */
  readonly squashed: Matrix;
}

export interface Program {
  pack(p: LstmParts): void;
  /** Needs the initial state in its block. */
  forward(p: LstmParts): void;
  /** Needs dL/dh from above in the state's blocks, and 0 or what comes from beyond in dc of the last step. */
  backward(p: LstmParts, d: LstmParts): void;
  /** At time t. */
  cell(t: number): CellValues;
}

/** In the order in which they are computed. */
export const inOrder = <T>(list: readonly T[], reverse: boolean): readonly T[] =>
  reverse ? [...list].reverse() : list;
