/** How an LSTM's pass is computed: plain.ts computes the standard LSTM, staged.ts all variants. */
import type { FloatArray, Kernels, LstmStep, LstmStepGrad, Matrix } from '../../contract/kernels.js';
import type { PassShape, PassState, SequenceMasks } from '../pass.js';
import type { StateBlocks, StepBlocks } from './blocks.js';
import type { LstmParts } from './parameters.js';
import type { LstmSpec } from './spec.js';

/** The buffers of one LSTM for one pass, indexed by time. `grad` is null on a tape without gradients. */
export interface LstmBuffers {
  readonly k: Kernels;
  readonly spec: LstmSpec;
  /** The layer's name, with `_reverse` for the reverse direction. Determines the dropout masks. */
  readonly name: string;
  readonly reverse: boolean;
  readonly shape: PassShape;
  readonly pass: PassState;
  readonly masks: SequenceMasks | null;
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

/** What the cell computed at one step, before zoneout, projection and sequence masks, with its gradients. */
export interface CellValues {
  readonly y: LstmStep;
  readonly d: LstmStepGrad | null;
  /** The mask on g, where candidate dropout is on. */
  readonly mask: Matrix | null;
  /** The gradient of i, f and o that came back from the next step, (N, 3H), with gate recurrence. */
  readonly external: Matrix | null;
  /** The input of the output activation: c, or c normalized. */
  readonly squashed: Matrix;
}

/** Numbers of each gate, [N, H]. */
export type GateNumbers = Readonly<Record<'i' | 'f' | 'g' | 'o', FloatArray>>;

export interface Program {
  /** Needs the initial state in its block. */
  forward(p: LstmParts): void;
  /** Needs dL/dh from the next layer in the state's blocks, and dL/dc of the last step (usually 0). */
  backward(p: LstmParts, d: LstmParts): void;
  /** The cell's values at time t. */
  cell(t: number): CellValues;
  /** dL/d(gate) at time t, which the backward pass does not store. Needs gradients, and a backend with `host`. */
  gateGradients(t: number): GateNumbers;
}
