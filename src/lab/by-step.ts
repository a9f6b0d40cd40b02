/** The exact gradient by time step: dL/dh and dL/dc at each step, and the step's part of the parameter gradient. */
import type { FloatArray } from '../contract/kernels.js';
import {
  requireNumbers,
  requireSteps,
  requireSystem,
  type StepData,
  type System,
  type SystemStep,
} from '../estimators/system.js';

/** The gradient at one time step. */
export interface StepGradient {
  /** dL/ds_t, N*S numbers, from the losses of this step and all later ones. */
  readonly stateGradient: Float64Array;
  /** The part of the gradient from theta's use at step t, P numbers: F_t' dL/ds_t, and the readout's part of l_t. */
  readonly parameterGradient: Float64Array;
}

/**
 * BPTT over a sequence with the gradient of each step. The sum of all `parameterGradient` is the whole gradient. Holds P numbers per
 * step.
 *
 * @param state the state to start from. Default: the system's first state.
 */
export function gradientsByStep(
  system: System,
  sequence: Iterable<StepData>,
  state?: ArrayLike<number>,
): StepGradient[] {
  requireSystem(system);
  requireSteps(sequence);
  if (state !== undefined) requireNumbers('state', state, system.batchSize * system.stateSize);
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
