/** The exact gradient, taken apart: what each step's weights contribute, and dL/dh, dL/dc on the way back. */
import type { FloatArray } from '../contract/kernels.js';
import type { StepData, System, SystemStep } from '../estimators/system.js';

export interface StepGradient {
  /** dL/ds_t, N*S numbers: from this step's loss and all later ones. */
  readonly stateGradient: Float64Array;
  /** What theta as used at step t adds to the gradient, P numbers: F_t' dL/ds_t, and the readout's part of l_t. */
  readonly parameterGradient: Float64Array;
}

/**
 * BPTT over a sequence, step by step: the sum of all `parameterGradient` is the gradient (torch's wish 1407). Holds P numbers a step.
 */
export function gradientsByStep(
  system: System,
  sequence: Iterable<StepData>,
  state?: ArrayLike<number>,
): StepGradient[] {
  let now = state ?? system.initial();
  system.changed();
  const steps: SystemStep[] = Array.from(sequence, (data) => {
    const step = system.step(now, data);
    now = step.state;
    return step;
  });
  const found: StepGradient[] = [];
  let delta: FloatArray | null = null;
  for (const step of steps.reverse()) {
    const parameterGradient = new Float64Array(system.parameters.length);
    const q = step.lossGradient(parameterGradient);
    const stateGradient: Float64Array = delta ? Float64Array.from(q, (v, i) => v + delta![i]!) : Float64Array.from(q);
    delta = step.vjp(stateGradient, parameterGradient);
    step.release();
    found.push({ stateGradient, parameterGradient });
  }
  return found.reverse();
}
