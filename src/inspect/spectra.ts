/** Singular values and Lyapunov exponents of the state Jacobians of a sequence. */
import { requireInteger, requireKeys, requireOptions } from '../checks.js';
import { BATCH_KEYS, requireInputCount } from '../core/batch.js';
import { requireLengths } from '../core/layout.js';
import type { Batch, Model } from '../core/model.js';
import { requireModel } from '../core/require-model.js';
import { invalidSetting } from '../errors.js';
import { modelSystem } from '../estimators/model/system.js';
import type { StepData } from '../estimators/system.js';
import { partOf } from '../estimators/vectors.js';
import { lyapunovExponents, singularValues, stateJacobians } from '../lab/spectra.js';
import { grid } from './grid.js';
import { times } from './grid-kernels.js';

/** How the state Jacobians of a sequence shrink or grow a gradient. */
export interface JacobianSpectrum {
  /** The singular values of ds_t/ds_{t-1} at each step, largest first; s is (h, c) of all layers. */
  readonly byStep: readonly (readonly number[])[];
  /** The largest singular value of J_T ... J_{T-k} for k = 0, 1, ...: the maximum growth of a gradient over k + 1 steps. */
  readonly largestOverSteps: readonly number[];
  /** The largest Lyapunov exponents in nats per step. Below 0, differences between two states shrink. */
  readonly lyapunov: readonly number[];
}

/**
 * The spectrum of the state Jacobians over one sequence, for a model whose state can be carried. The cost is S^3 per step, S being
 * the size of the state. Throws `INVALID_SETTING` for a batch of several sequences.
 *
 * @param options.exponents the number of Lyapunov exponents, at most S; default 3.
 * @param options.state the initial state, S numbers: h and c of each layer in turn. Default: the initial state of the model.
 */
export function jacobianSpectrum(
  model: Model,
  batch: Batch,
  options: { readonly exponents?: number; readonly state?: ArrayLike<number> } = {},
): JacobianSpectrum {
  requireModel(model);
  requireOptions('options', options ?? null, ['exponents', 'state']);
  const { exponents = 3, state } = options;
  requireInteger('exponents', exponents, 1, 1 << 24);
  requireSteps(model, batch);
  if (batch.batchSize !== 1)
    throw invalidSetting('batch.batchSize', `must be 1, got ${batch.batchSize}.`, 'Pass one sequence.');
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

/** Checks what is read of the batch: not its targets, because Jacobians need no loss. */
function requireSteps({ spec }: Model, batch: Batch): void {
  requireKeys('batch', batch, BATCH_KEYS);
  const { steps, batchSize, inputs, lengths } = batch;
  requireInteger('steps', steps, 1, 1 << 24);
  requireInteger('batchSize', batchSize, 1, 1 << 24);
  const [first] = spec.layers;
  requireInputCount(inputs, { steps, batchSize }, first?.kind === 'embedding' ? null : spec.inputSize!);
  if (lengths !== undefined) requireLengths(lengths, { steps, batchSize });
}

/** The inputs of each step of the sequence. */
const inputsOf = ({ steps, inputs, lengths }: Batch): StepData[] =>
  Array.from({ length: lengths?.[0] ?? steps }, (_, t) => ({ input: partOf(inputs, steps, t), target: null }));
