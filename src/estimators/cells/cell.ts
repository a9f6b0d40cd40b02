/** A recurrent cell that you write, for one sequence, and how it becomes a system. */

import { isObject, requireFunction, requireInteger, requireValues, shown } from '../../checks.js';
import type { FloatArray } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import {
  type GatedUnits,
  type ParameterBlock,
  requireFloats,
  requireGradient,
  requireNumbers,
  requireSize,
  requireStepData,
  type StepData,
  type System,
  type SystemStep,
} from '../system.js';

/** A recurrent cell s' = f(s, x, theta) for one sequence, with products of its derivatives from either side. */
export interface Cell {
  readonly stateSize: number;
  readonly parameterCount: number;
  readonly blocks?: readonly ParameterBlock[];
  /** The first state s_0. Default: zeros. */
  initial?(): FloatArray;
  forward(theta: FloatArray, state: ArrayLike<number>, input: ArrayLike<number>): FloatArray;
  /** J'v; adds F'v to `gradient` unless it is null. */
  vjp(at: CellPoint, v: ArrayLike<number>, gradient: FloatArray | null): FloatArray;
  /** J u + F w; J u if `w` is null. */
  jvp(at: CellPoint, u: ArrayLike<number>, w: ArrayLike<number> | null): FloatArray;
  /** Closed-form derivatives, for a layer of gated units. */
  units?(at: CellPoint): GatedUnits;
}

/** The point at which a derivative of a cell is taken; `next` is the result of `forward`. */
export interface CellPoint {
  readonly theta: FloatArray;
  readonly state: ArrayLike<number>;
  readonly input: ArrayLike<number>;
  readonly next: FloatArray;
}

/** A readout with its loss l(s, y, theta), for one sequence. */
export interface Readout {
  readonly parameterCount: number;
  readonly blocks?: readonly ParameterBlock[];
  loss(theta: FloatArray, state: ArrayLike<number>, target: ArrayLike<number>): number;
  /** dl/ds; adds dl/dtheta to `gradient` unless it is null. */
  gradient(
    theta: FloatArray,
    state: ArrayLike<number>,
    target: ArrayLike<number>,
    gradient: FloatArray | null,
  ): FloatArray;
}

/** The blocks of the parameters of a cell, then those of a readout. */
function blocksOf(cell: Cell, readout: Readout): ParameterBlock[] {
  const split = cell.parameterCount;
  const whole = (name: string, from: number, to: number): ParameterBlock[] =>
    to > from ? [{ name, ranges: [[from, to]] }] : [];
  const shifted = readout.blocks?.map(({ name, ranges }) => ({
    name,
    ranges: ranges.map(([from, to]) => [from + split, to + split] as const),
  }));
  const ofReadout = shifted ?? whole('readout', split, split + readout.parameterCount);
  return [...(cell.blocks ?? whole('cell', 0, split)), ...ofReadout];
}

/**
 * Makes a system of one sequence from a cell and a readout. theta holds the parameters of the cell, then those of the readout.
 *
 * @param theta initial parameters. Default: zeros.
 */
export function cellSystem(cell: Cell, readout: Readout, theta?: ArrayLike<number>): System {
  requirePart('cell', cell, ['forward', 'vjp', 'jvp'], ['stateSize', 'parameterCount']);
  requirePart('readout', readout, ['loss', 'gradient'], ['parameterCount']);
  const split = cell.parameterCount;
  const parameters = new Float64Array(split + readout.parameterCount);
  if (theta !== undefined) {
    requireNumbers('theta', theta, parameters.length);
    parameters.set(theta);
  }
  const mine = (all: FloatArray): FloatArray => all.subarray(0, split);
  const its = (all: FloatArray): FloatArray => all.subarray(split);
  return {
    batchSize: 1,
    stateSize: cell.stateSize,
    parts: [{ kind: 'h', from: 0, to: cell.stateSize }],
    parameters,
    blocks: blocksOf(cell, readout),
    hasOutputGradient: false,
    initial: () => cell.initial?.() ?? new Float64Array(cell.stateSize),
    step(before: ArrayLike<number>, data: StepData): SystemStep {
      requireCellData(data);
      const { input, target } = data;
      requireSize('state', before, cell.stateSize);
      const state = Float64Array.from(before);
      const next = cell.forward(mine(parameters), state, input);
      requireFloats('cell.forward()', next);
      requireSize('cell.forward()', next, cell.stateSize);
      const at: CellPoint = { theta: mine(parameters), state, input, next };
      return {
        before: state,
        state: next,
        loss: target ? readout.loss(its(parameters), next, target) : 0,
        lossGradient(gradient) {
          requireGradient(gradient, parameters.length);
          if (!target) return new Float64Array(cell.stateSize);
          return readout.gradient(its(parameters), next, target, gradient && its(gradient));
        },
        outputGradient: null,
        vjp(v, gradient) {
          requireSize('v', v, cell.stateSize);
          requireGradient(gradient, parameters.length);
          return cell.vjp(at, v, gradient && mine(gradient));
        },
        jvp(u, w) {
          requireSize('u', u, cell.stateSize);
          if (w) requireSize('w', w, parameters.length);
          return cell.jvp(at, u, w && Float64Array.from(w).subarray(0, split));
        },
        get units() {
          return cell.units?.(at) ?? null;
        },
        release() {},
      };
    },
    changed() {},
    dispose() {},
  };
}

/** Steps that have passed the check: an estimator may run one thousands of times. */
const CHECKED = new WeakSet<object>();

function requireCellData(data: StepData): void {
  if (CHECKED.has(data)) return;
  requireStepData(data);
  requireValues('input', data.input);
  if (data.target) requireValues('target', data.target);
  CHECKED.add(data);
}

function requirePart(path: string, value: unknown, functions: readonly string[], counts: readonly string[]): void {
  if (!isObject(value)) throw invalidSetting(path, `must be an object, got ${shown(value)}.`);
  for (const name of functions) requireFunction(`${path}.${name}`, value[name]);
  for (const name of counts) requireInteger(`${path}.${name}`, value[name], name === 'stateSize' ? 1 : 0, 1 << 24);
}
