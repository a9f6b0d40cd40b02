/** A recurrent cell of one's own, of one row, and how it becomes a system. */
import type { FloatArray } from '../../contract/kernels.js';
import type { GatedUnits, ParameterBlock, StepData, System, SystemStep } from '../system.js';

/** f(s, x, theta) for one row, with its derivative from either side. */
export interface Cell {
  readonly stateSize: number;
  readonly parameterCount: number;
  readonly blocks?: readonly ParameterBlock[];
  /** s_0; by default zeros. */
  initial?(): FloatArray;
  forward(theta: FloatArray, state: ArrayLike<number>, input: ArrayLike<number>): FloatArray;
  /** J'v; adds F'v to `gradient` where one is given. `next` is what `forward` gave. */
  vjp(at: CellPoint, v: ArrayLike<number>, gradient: FloatArray | null): FloatArray;
  /** J u + F w. */
  jvp(at: CellPoint, u: ArrayLike<number>, w: ArrayLike<number> | null): FloatArray;
  /** Only of a layer of gated units. */
  units?(at: CellPoint): GatedUnits;
}

/** Where a derivative is taken. */
export interface CellPoint {
  readonly theta: FloatArray;
  readonly state: ArrayLike<number>;
  readonly input: ArrayLike<number>;
  readonly next: FloatArray;
}

/** l(s, y, theta) for one row. */
export interface Readout {
  readonly parameterCount: number;
  readonly blocks?: readonly ParameterBlock[];
  loss(theta: FloatArray, state: ArrayLike<number>, target: ArrayLike<number>): number;
  /** dl/ds; adds dl/dtheta to `gradient`. */
  gradient(
    theta: FloatArray,
    state: ArrayLike<number>,
    target: ArrayLike<number>,
    gradient: FloatArray | null,
  ): FloatArray;
}

/**
 * A cell and a readout as a system of one row. theta holds the cell's parameters first, then the readout's.
 *
 * @param theta where training starts; by default zeros.
 */
export function cellSystem(cell: Cell, readout: Readout, theta?: ArrayLike<number>): System {
  const split = cell.parameterCount;
  const parameters = new Float64Array(split + readout.parameterCount);
  if (theta) parameters.set(theta);
  const mine = (all: FloatArray): FloatArray => all.subarray(0, split);
  const its = (all: FloatArray): FloatArray => all.subarray(split);
  const whole = (name: string, from: number, to: number): ParameterBlock[] =>
    to > from ? [{ name, ranges: [[from, to]] }] : [];
  const shifted = readout.blocks?.map(({ name, ranges }) => ({
    name,
    ranges: ranges.map(([from, to]) => [from + split, to + split] as const),
  }));
  return {
    batchSize: 1,
    stateSize: cell.stateSize,
    parts: [{ kind: 'h', from: 0, to: cell.stateSize }],
    parameters,
    blocks: [...(cell.blocks ?? whole('cell', 0, split)), ...(shifted ?? whole('readout', split, parameters.length))],
    hasOutputGradient: false,
    initial: () => cell.initial?.() ?? new Float64Array(cell.stateSize),
    step(before: ArrayLike<number>, { input, target }: StepData): SystemStep {
      const state = Float64Array.from(before);
      const next = cell.forward(mine(parameters), state, input);
      const at: CellPoint = { theta: mine(parameters), state, input, next };
      return {
        before: state,
        state: next,
        loss: target ? readout.loss(its(parameters), next, target) : 0,
        lossGradient: (gradient) =>
          target
            ? readout.gradient(its(parameters), next, target, gradient && its(gradient))
            : new Float64Array(cell.stateSize),
        outputGradient: null,
        vjp: (v, gradient) => cell.vjp(at, v, gradient && mine(gradient)),
        jvp: (u, w) => cell.jvp(at, u, w && Float64Array.from(w).subarray(0, split)),
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
