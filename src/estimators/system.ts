/**
 * What every way to train through time works on: a recurrent system taken one step at a time,
 *
 *   s_t = f(s_{t-1}, x_t, theta)    the transition, with J = ds_t/ds_{t-1} and F = ds_t/dtheta of this step alone
 *   l_t = loss(s_t, y_t, theta)     the loss, with q = dl_t/ds_t; the readout's parameters are part of theta
 *
 * and the gradient of L = sum over t of l_t by theta. A step offers J and F as products with vectors, from either side. An
 * estimator needs nothing else, so that it takes an LSTM of any form and depth (`modelSystem`) as well as any cell that somebody
 * writes (`cellSystem`).
 *
 * States, tangents and cotangents are rows of S numbers, N rows one after the other; theta and its gradients have P numbers.
 */
import type { FloatArray } from '../contract/kernels.js';
import type { Noise } from '../core/noise.js';

/** A named piece of theta, for reports: the weights of one gate, say. */
export interface ParameterBlock {
  readonly name: string;
  /** Half-open ranges of indices of theta. */
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** Elements [from, to) of a row's state. `h` reaches the next step through weights, `c` is kept by the unit itself. */
export interface StatePart {
  readonly kind: 'h' | 'c';
  readonly from: number;
  readonly to: number;
}

/** One time step of data for all N rows. */
export interface StepData {
  /** N rows of values, or N tokens. */
  readonly input: ArrayLike<number>;
  /** What the output is compared with; null for a step without a loss. */
  readonly target: ArrayLike<number> | null;
  /** How much each row counts in the step's mean. Default: all alike. */
  readonly weights?: ArrayLike<number> | null;
  /** What the step's loss is multiplied with. Default 1. */
  readonly share?: number;
  /** Which random numbers a model's dropout takes. The same ones each time that the step is run. Default: nothing is dropped. */
  readonly noise?: Noise | null;
}

/** Stands for the step, before all others, that makes the first state out of theta: see `System.begins`. */
export const INITIAL_STATE: StepData = { input: [], target: null };

export interface System {
  /** Sequences side by side, N. */
  readonly batchSize: number;
  /** Numbers of a row's state, S. */
  readonly stateSize: number;
  /** What a row's S numbers are: h and c of each layer, say. */
  readonly parts: readonly StatePart[];
  /** theta, P numbers, live. Who writes here calls `changed`. */
  readonly parameters: FloatArray;
  readonly blocks: readonly ParameterBlock[];
  /** Whether its steps say what dl/dy is. */
  readonly hasOutputGradient: boolean;
  /** The state before the first step, N*S numbers. */
  initial(): FloatArray;
  /**
   * Whether that state is learnt. `step(state, BEGINNING)` then makes it, whatever the state: J = 0, and F is the identity on its part of
   * theta. `unroll` runs it first, so that an estimator sees one step more. Default: it is not.
   */
  readonly learnsInitialState?: boolean;
  /** Runs one step from `state`. The result is valid until it is released, or until theta changes. */
  step(state: ArrayLike<number>, data: StepData): SystemStep;
  /** To be called when theta was written to, before the next step; `unroll` does it after each emission. */
  changed(): void;
  /** Gives back what it holds. */
  dispose(): void;
}

export interface SystemStep {
  /** s_{t-1}, which it started from, N*S numbers. */
  readonly before: ArrayLike<number>;
  /** s_t, N*S numbers. */
  readonly state: FloatArray;
  /** l_t, the mean over the rows; 0 where there was no target. */
  readonly loss: number;
  /** q = dl_t/ds_t, N*S numbers. Adds dl_t/dtheta at this s_t, the readout's part, to `gradient` where one is given. */
  lossGradient(gradient: FloatArray | null): FloatArray;
  /** dl_t/dy of the output, after `lossGradient`; null where the system does not say. */
  readonly outputGradient: FloatArray | null;
  /** J'v, N*S numbers. Adds F'v, summed over the rows, to `gradient` where one is given. */
  vjp(v: ArrayLike<number>, gradient: FloatArray | null): FloatArray;
  /** J u + F w for each row, N*S numbers; without `w`, J u. */
  jvp(u: ArrayLike<number>, w: ArrayLike<number> | null): FloatArray;
  /** The closed forms of a layer of gated units; null where the system is none. Row 0 only where N is 1. */
  readonly units: GatedUnits | null;
  /** Ends the use of this step, so that its memory can be used again. */
  release(): void;
}

/**
 * A layer of n units whose pre-activations are a_g = W_g [x; h-; 1], and whose new state depends, unit by unit, on that unit's
 * pre-activations and its own old state only. Then J and F are made of a few numbers a unit, which RTRL's kin live on:
 *
 *   ds_r(j)/da_g(j) = byGate[r][g][j]        F: by W_g[j, k] it is that times inputs[k]
 *   ds_r(j)/ds-_q(j), a held = kept[r][q][j]  J: that on the diagonal, plus sum_g byGate[r][g][j] recurrent[g*n + j, i] in
 *                                            column i of the part that is fed back (part 0)
 */
export interface GatedUnits {
  readonly size: number; // n
  readonly gates: number; // G
  /** Parts of the state, each of n numbers: h and c of an LSTM, h alone of a plain RNN. Part 0 is fed back and read out. */
  readonly parts: number;
  /** [x; h-; 1, ...], d numbers. */
  readonly inputs: FloatArray;
  readonly byGate: readonly (readonly FloatArray[])[];
  readonly kept: readonly (readonly FloatArray[])[];
  /** Weights from h- to the pre-activations, (G*n, n) row-major. */
  readonly recurrent: FloatArray;
  /** Where W_g[j, k] stands in theta; `k` counts as `inputs` does. */
  index(gate: number, unit: number, k: number): number;
}
