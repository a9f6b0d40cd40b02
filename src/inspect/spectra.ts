/** What the steps' Jacobians do to a gradient on its way back: their largest singular values, one by one and multiplied. */

import type { Batch, Model } from '../core/model.js';
import { invalidSetting } from '../errors.js';
import { modelSystem } from '../estimators/model/system.js';
import type { StepData } from '../estimators/system.js';
import { partOf } from '../estimators/vectors.js';
import { lyapunovExponents, singularValues, stateJacobians } from '../lab/spectra.js';
import { grid } from './grid.js';
import { times } from './grid-kernels.js';

export interface JacobianSpectrum {
  /** Singular values of ds_t/ds_{t-1} of each step, the largest first; s is (h, c) of all layers. */
  readonly byStep: readonly (readonly number[])[];
  /** The largest singular value of J_T ... J_{T-k}, for k = 0, 1, ...: the most that a gradient keeps over k + 1 steps. */
  readonly largestOverSteps: readonly number[];
  /** The largest Lyapunov exponents of the sequence, in nats a step: under 0, what is different in two states is forgotten. */
  readonly lyapunov: readonly number[];
}

/**
 * Of one sequence, for models whose state can be carried. Takes S^3 a step, S being the numbers of the state.
 *
 * @param options.exponents how many Lyapunov exponents. Default 3, or S where that is less.
 * @param options.state S numbers to start from, h and c of each layer in turn. Default: the model's own first state.
 */
export function jacobianSpectrum(
  model: Model,
  batch: Batch,
  options: { readonly exponents?: number; readonly state?: ArrayLike<number> } = {},
): JacobianSpectrum {
  const { exponents = 3, state } = options;
  if (batch.batchSize !== 1)
    throw invalidSetting('batch.rows', `should be 1, but is ${batch.batchSize}.`, 'Give one sequence.');
  const system = modelSystem(model);
  try {
    const jacobians = stateJacobians(system, inputsOf(batch), state);
    const S = system.stateSize;
    let product = grid(S, S, jacobians.at(-1)!);
    const largestOverSteps = [singularValues(product.data)[0]!];
    for (const J of jacobians.slice(0, -1).reverse()) {
      product = times(product, grid(S, S, J));
      largestOverSteps.push(singularValues(product.data)[0]!);
    }
    return {
      byStep: jacobians.map((J) => singularValues(J)),
      largestOverSteps,
      lyapunov: lyapunovExponents(jacobians, Math.min(exponents, S)),
    };
  } finally {
    system.dispose();
  }
}

/** The inputs alone: no loss is needed for what a state does to the next. */
const inputsOf = ({ steps, inputs }: Batch): StepData[] =>
  Array.from({ length: steps }, (_, t) => ({ input: partOf(inputs, steps, t), target: null }));
