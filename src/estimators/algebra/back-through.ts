import type { FloatArray } from '../../contract/kernels.js';
import type { SystemStep } from '../system.js';
import { addScaled } from '../vectors.js';

/**
 * Plain backpropagation, delta <- q_t + J_{t+1}' delta, over steps in reverse order whose losses have not been propagated. Adds to
 * `gradient` and returns dL/ds of the state before the first step, or `delta` without steps.
 */
export function backThrough<D extends FloatArray | null>(
  steps: Iterable<SystemStep>,
  gradient: FloatArray,
  delta: D,
): FloatArray | D {
  let back: FloatArray | D = delta;
  for (const step of steps) {
    const q = step.lossGradient(gradient);
    if (back) addScaled(q, 1, back);
    back = step.vjp(q, gradient);
  }
  return back;
}
