/**
 * A recurrent system, one step at a time: what every estimator works on.
 *
 *   s_t = f(s_{t-1}, x_t, theta)    the transition, with J = ds_t/ds_{t-1} and F = ds_t/dtheta of this step alone
 *   l_t = loss(s_t, y_t, theta)     the loss, with q = dl_t/ds_t; the readout's parameters are part of theta
 *
 * An estimator approximates the gradient of L = sum over t of l_t by theta. A step offers products of J and F with vectors, from
 * either side, so an estimator works with any LSTM model (`modelSystem`) and with any cell that you write (`cellSystem`).
 *
 * States, tangents and cotangents have N*S numbers, sequence by sequence; theta and its gradients have P numbers.
 */
import {
  isObject,
  requireFunction,
  requireInteger,
  requireKeys,
  requireList,
  requireValues,
  shown,
} from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import type { Noise } from '../core/noise.js';
import { invalidData, invalidSetting, UnspoolError } from '../errors.js';

/** A named part of theta for reports, such as the weights of one gate. */
export interface ParameterBlock {
  readonly name: string;
  /** Half-open ranges of indices of theta. */
  readonly ranges: readonly (readonly [from: number, to: number])[];
}

/** Elements [from, to) of a sequence's state. `h` reaches the next step through weights, `c` stays within its unit. */
export interface StatePart {
  readonly kind: 'h' | 'c';
  readonly from: number;
  readonly to: number;
}

/** One time step of data for all N sequences. */
export interface StepData {
  /** N rows of values, or N tokens. */
  readonly input: ArrayLike<number>;
  /** The target of the output; null for a step without a loss. */
  readonly target: ArrayLike<number> | null;
  /** Weight of each sequence in the step's mean, N numbers. Default: equal weights. */
  readonly weights?: ArrayLike<number> | null;
  /** Factor on the step's loss. Default 1. */
  readonly share?: number;
  /** Selects the random numbers of a model's dropout, the same for each run of the step. Default: no dropout. */
  readonly noise?: Noise | null;
}

/** The data of the step that makes the first state from theta: see `System.learnsInitialState`. */
export const INITIAL_STATE: StepData = { input: [], target: null };

/** A recurrent system for estimators; made by `modelSystem` or `cellSystem`. */
export interface System {
  /** Number of sequences side by side, N. */
  readonly batchSize: number;
  /** Numbers in the state of one sequence, S. */
  readonly stateSize: number;
  /** The parts of the state, such as h and c of each layer. */
  readonly parts: readonly StatePart[];
  /** theta, P numbers, live. Call `changed` after you write to it. */
  readonly parameters: FloatArray;
  /** Named parts of theta. */
  readonly blocks: readonly ParameterBlock[];
  /** Whether its steps have `outputGradient`. */
  readonly hasOutputGradient: boolean;
  /** The state before the first step, N*S numbers. */
  initial(): FloatArray;
  /**
   * Whether the first state is learned. `step(state, INITIAL_STATE)` then makes it from theta: J = 0, and F is the identity on its
   * part of theta. `unroll` runs this step first, so an estimator sees one more step. Default false.
   */
  readonly learnsInitialState?: boolean;
  /** Runs one step from `state`. The result is valid until it is released, or until theta changes. */
  step(state: ArrayLike<number>, data: StepData): SystemStep;
  /** Must be called after theta has changed, before the next step. `unroll` calls it after each emission. */
  changed(): void;
  /** Frees its memory. */
  dispose(): void;
}

/** One step of a system, with its derivatives. */
export interface SystemStep {
  /** The state before the step, s_{t-1}, N*S numbers. */
  readonly before: ArrayLike<number>;
  /** The state after the step, s_t, N*S numbers. */
  readonly state: FloatArray;
  /** The loss l_t, the mean over the sequences; 0 without a target. */
  readonly loss: number;
  /** q = dl_t/ds_t, N*S numbers. Adds the readout's part, dl_t/dtheta for constant s_t, to `gradient` unless it is null. */
  lossGradient(gradient: FloatArray | null): FloatArray;
  /** dl_t/dy of the output, valid after `lossGradient`; null if the system does not provide it. */
  readonly outputGradient: FloatArray | null;
  /** J'v, N*S numbers. Adds F'v, summed over the sequences, to `gradient` unless it is null. */
  vjp(v: ArrayLike<number>, gradient: FloatArray | null): FloatArray;
  /** J u + F w for each sequence, N*S numbers; J u if `w` is null. */
  jvp(u: ArrayLike<number>, w: ArrayLike<number> | null): FloatArray;
  /** Closed-form derivatives of a layer of gated units; null for other systems and for N > 1. */
  readonly units: GatedUnits | null;
  /** Returns the memory of this step for reuse. */
  release(): void;
}

/**
 * Closed-form derivatives of a layer of n gated units. Its pre-activations are a_g = W_g [x; h-; 1], and the new state of a unit
 * depends only on that unit's pre-activations and its old state. J and F then consist of a few numbers per unit:
 *
 *   ds_r(j)/da_g(j) = byGate[r][g][j]        F: by W_g[j, k] it is that times inputs[k]
 *   ds_r(j)/ds-_q(j), a held = kept[r][q][j]  J: that on the diagonal, plus sum_g byGate[r][g][j] recurrent[g*n + j, i] in
 *                                            column i of the part that is fed back (part 0)
 */
export interface GatedUnits {
  readonly size: number; // n
  readonly gates: number; // G
  /** Parts of the state, n numbers each: h and c for an LSTM, h for a plain RNN. Part 0 is fed back and read out. */
  readonly parts: number;
  /** [x; h-; 1, ...], d numbers. */
  readonly inputs: FloatArray;
  readonly byGate: readonly (readonly FloatArray[])[];
  readonly kept: readonly (readonly FloatArray[])[];
  /** Weights from h- to the pre-activations, (G*n, n) row-major. */
  readonly recurrent: FloatArray;
  /** Index of W_g[j, k] in theta; `k` is an index of `inputs`. */
  index(gate: number, unit: number, k: number): number;
}

/** Systems that have passed the check: a comparison starts and unrolls thousands of runs. */
const CHECKED = new WeakSet<object>();

/** Throws `INVALID_SETTING` for a value that is not a system. */
export function requireSystem(value: unknown): asserts value is System {
  if (isObject(value) && CHECKED.has(value)) return;
  if (!isObject(value)) {
    const help = 'Pass what modelSystem(model) or cellSystem(cell, readout) returns.';
    throw invalidSetting('system', `must be a system, got ${shown(value)}.`, help);
  }
  for (const name of ['batchSize', 'stateSize']) requireInteger(`system.${name}`, value[name], 1, 1 << 24);
  for (const name of ['initial', 'step', 'changed']) requireFunction(`system.${name}`, value[name]);
  requireFloats('system.parameters', value.parameters);
  requireBlocks(value.blocks, value.parameters.length);
  CHECKED.add(value);
}

function requireBlocks(blocks: unknown, size: number): void {
  if (!Array.isArray(blocks)) throw invalidSetting('system.blocks', `must be a list, got ${shown(blocks)}.`);
  for (const [i, block] of blocks.entries()) {
    const path = `system.blocks[${i}]`;
    if (!isObject(block) || typeof block.name !== 'string' || !Array.isArray(block.ranges)) {
      throw invalidSetting(path, `must have a name and ranges, got ${shown(block)}.`);
    }
    for (const range of block.ranges as unknown[]) {
      const [from, to] = Array.isArray(range) ? (range as unknown[]) : [];
      requireInteger(`${path}.ranges: from`, from, 0, size);
      requireInteger(`${path}.ranges: to`, to, from, size);
    }
  }
}

const STEP_KEYS = ['input', 'target', 'weights', 'share', 'noise'];

/** Throws `INVALID_DATA` unless steps can be taken from `value`, one after the other. Numbers are not steps. */
export function requireSteps(value: unknown): asserts value is Iterable<StepData> {
  const isList = Array.isArray(value) || (isObject(value) && !ArrayBuffer.isView(value));
  if (isList && typeof (value as Partial<Iterable<StepData>>)[Symbol.iterator] === 'function') return;
  throw invalidData('sequence', `must be a list of steps, got ${shown(value)}.`);
}

/** Throws `INVALID_DATA` for a step of a sequence that is not an object with an input. The system checks its numbers. */
export function requireStepData(data: unknown): asserts data is StepData {
  if (!isObject(data)) {
    throw invalidData('a step of the sequence', `must be an object with input and target, got ${shown(data)}.`);
  }
  requireKeys('step', data, STEP_KEYS);
}

/** Throws `INVALID_SETTING` unless `value` is a Float32Array or a Float64Array. */
export function requireFloats(what: string, value: unknown): asserts value is FloatArray {
  if (value instanceof Float32Array || value instanceof Float64Array) return;
  throw invalidSetting(what, `must be a Float32Array or a Float64Array, got ${shown(value)}.`);
}

/** Throws unless `gradient` is null or an array of `size` numbers that can be added to. */
export function requireGradient(gradient: unknown, size: number): asserts gradient is FloatArray | null {
  if (gradient === null) return;
  requireFloats('gradient', gradient);
  requireSize('gradient', gradient, size);
}

/** Throws `INVALID_SETTING` for a value that is not a step that a system has run. */
export function requireSystemStep(value: unknown): asserts value is SystemStep {
  if (!isObject(value)) throw invalidSetting('step', `must be what system.step() returned, got ${shown(value)}.`);
  for (const name of ['lossGradient', 'vjp', 'jvp', 'release']) requireFunction(`step.${name}`, value[name]);
  requireFloats('step.state', value.state);
  requireSize('step.before', value.before, value.state.length);
}

/** Throws `INVALID_DATA` or `SHAPE_MISMATCH` unless `values` are `size` finite numbers. */
export function requireNumbers(what: string, values: unknown, size: number): asserts values is ArrayLike<number> {
  requireValues(what, values);
  requireSize(what, values, size);
}

/** Throws `INVALID_DATA` or `SHAPE_MISMATCH` unless `values` is an array of `size` numbers, of any values. */
export function requireSize(what: string, values: unknown, size: number): asserts values is ArrayLike<number> {
  if (!(values instanceof Float64Array || values instanceof Float32Array)) requireList(what, values); // the hot path
  const wrong = Array.isArray(values) ? Array.from<unknown>(values).findIndex((v) => typeof v !== 'number') : -1;
  if (wrong >= 0) throw invalidData(`${what}[${wrong}]`, `must be a number, got ${shown(values[wrong])}.`);
  if (values.length === size) return;
  const [expected, actual] = [[size], [values.length]];
  throw new UnspoolError({ code: 'SHAPE_MISMATCH', op: 'system', tensor: what, expected, actual });
}
