/** How far back the gradient reaches: the exact gradient by the lag between a loss and the use of the weights. */

import { requireInteger, requireOptions } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';
import { backThrough } from '../estimators/algebra/back-through.js';
import { requireNumbers, requireSteps, requireSystem, type StepData, type System } from '../estimators/system.js';
import { addScaled, dot, norm } from '../estimators/vectors.js';

/** The exact gradient by lag. */
export interface LagSpectrum {
  /** |G_k| for k = 0, 1, ...: G_k = sum over t of F_{t-k}' J_{t-k+1}' ... J_t' q_t, the part that goes back exactly k steps. */
  readonly norms: readonly number[];
  /** Cosine of G_0 + ... + G_k, the gradient of sliding TBPTT over k + 1 steps, with the whole gradient. */
  readonly cosines: readonly number[];
}

/**
 * Splits the exact gradient by lag. Costs about T K products, with K the longest lag. G_0 includes the readout's part.
 *
 * @param options.longest the longest lag. Default: the whole sequence.
 * @param options.state the state to start from. Default: the system's first state.
 */
export function lagSpectrum(
  system: System,
  sequence: Iterable<StepData>,
  options: { readonly longest?: number; readonly state?: ArrayLike<number> } = {},
): LagSpectrum {
  requireSystem(system);
  requireSteps(sequence);
  requireOptions('options', options ?? null, ['longest', 'state']);
  const { state } = options;
  if (state !== undefined) requireNumbers('state', state, system.batchSize * system.stateSize);
  let now = state ?? system.initial();
  system.changed();
  const steps = Array.from(sequence, (data) => {
    const step = system.step(now, data);
    now = step.state;
    return step;
  });
  const { longest = steps.length - 1 } = options;
  requireInteger('longest', longest, 0, Math.max(0, steps.length - 1));
  const zeros = () => new Float64Array(system.parameters.length);
  const whole = zeros();
  backThrough(steps.toReversed(), whole, null);
  const upTo = zeros();
  const [norms, cosines]: [number[], number[]] = [[], []];
  // One cotangent per loss; after k rounds each is k steps back.
  let deltas: (FloatArray | null)[] = [];
  for (let k = 0; k <= longest; k++) {
    const G = zeros();
    if (k === 0) deltas = steps.map((step) => step.lossGradient(G));
    deltas = deltas.map((delta, t) => (t >= k ? steps[t - k]!.vjp(delta!, G) : null));
    addScaled(upTo, 1, G);
    norms.push(norm(G));
    cosines.push(dot(upTo, whole) / (norm(upTo) * norm(whole)));
  }
  for (const step of steps) step.release();
  return { norms, cosines };
}
