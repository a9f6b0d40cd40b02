/** What an optimizer is: a rule of `init` and `apply` over arenas, its state outside of it (after Optimisers.jl). */
import type { Kernels, Matrix } from './kernels.js';
import type { Arena } from './params.js';

/** The rule's name and settings, as JSON. */
export interface OptimizerSpec {
  readonly kind: string;
  /** Learning rate. */
  readonly rate: number;
  readonly [setting: string]: string | number | boolean;
}

/** Named arenas in the layout of the parameters, such as Adam's `m` and `v`. */
export type OptimizerState = Readonly<Record<string, Arena>>;

export interface OptimizerPass {
  readonly kernels: Kernels;
  /** The whole arena, (1, size); updated in place. */
  readonly parameters: Matrix;
  readonly gradients: Matrix;
  readonly state: OptimizerState;
  /** Number of this update, from 1. */
  readonly step: number;
  /** Learning rate of this update: the spec's, times what the schedule says. */
  readonly rate: number;
}

/** The factor on the learning rate at update `step` (from 1) of `steps`. */
export type Schedule = (step: number, steps: number) => number;

export interface Optimizer {
  readonly spec: OptimizerSpec;
  /** Makes the state for one model; `arena` gives zeroed arenas. */
  init(arena: () => Arena): OptimizerState;
  /** One update of all parameters. */
  apply(pass: OptimizerPass): void;
}
