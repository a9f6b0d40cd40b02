/** What the steps' Jacobians do to a gradient on its way back: their largest singular values, one by one and multiplied. */
import type { Batch, Model } from '../core/model.js';
import { fail } from '../core/spec-checks.js';
import { modelSystem } from '../estimators/model-system.js';
import type { StepData } from '../estimators/system.js';
import { lyapunovExponents, singularValues, stateJacobians } from '../lab/spectra.js';

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
  if (batch.rows !== 1) fail('batch.rows', `should be 1, but is ${batch.rows}.`, 'Give one sequence.');
  const system = modelSystem(model);
  try {
    const jacobians = stateJacobians(system, stepsOf(batch), state);
    const S = system.stateSize;
    let product = jacobians.at(-1)!;
    const largestOverSteps = [singularValues(product)[0]!];
    for (const J of jacobians.slice(0, -1).reverse()) {
      product = times(product, J, S);
      largestOverSteps.push(singularValues(product)[0]!);
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

function times(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const factor = a[i * n + k]!;
      for (let j = 0; j < n; j++) out[i * n + j]! += factor * b[k * n + j]!;
    }
  }
  return out;
}

/** The inputs alone: no loss is needed for what a state does to the next. */
function stepsOf({ steps, inputs }: Batch): StepData[] {
  const width = inputs.length / steps;
  return Array.from({ length: steps }, (_, t) => {
    const part = Array.prototype.slice.call(inputs, t * width, (t + 1) * width) as number[];
    return { input: inputs instanceof Int32Array ? Int32Array.from(part) : part, target: null };
  });
}
