/** Chapter 6: how the gradient of a loss at the last time step reaches the first, with forget gates that are more or less open. */
import { createModel, createRng } from 'unspool';
import { gradientFlow, trace } from 'unspool/inspect';

const INPUTS = 3;
const UNITS = 8;
const STEPS = 30;

export interface BackpropagationLesson {
  /** The norm of dL/dc at each time step, and of its two parts. */
  readonly total: readonly number[];
  readonly alongC: readonly number[];
  readonly throughH: readonly number[];
  /** The mean of the forget gate over all units and steps. */
  readonly meanForget: number;
}

export async function backpropagation(forgetBias: number): Promise<BackpropagationLesson> {
  const layers = [
    { kind: 'lstm', hiddenSize: UNITS, bias: 'single', init: { forgetBias } },
    { kind: 'linear', size: 1 },
  ] as const;
  const model = await createModel(
    { seed: 3, inputSize: INPUTS, layers },
    { backend: 'reference', precision: 'float64' },
  );
  const random = createRng(1, 'inputs');
  const inputs = Float64Array.from({ length: STEPS * INPUTS }, () => random.normal());
  const targets = new Float64Array(STEPS).fill(1);
  const weights = Float64Array.from({ length: STEPS }, (_, t) => (t === STEPS - 1 ? 1 : 0)); // only the last step has a loss
  try {
    const { layers: traced } = await trace(model, { steps: STEPS, batchSize: 1, inputs, targets, weights });
    const { c, cFromNext, cFromH } = gradientFlow(traced[0]!);
    const forget = Array.from(traced[0]!.gates.f.data);
    return {
      total: c,
      alongC: cFromNext,
      throughH: cFromH,
      meanForget: forget.reduce((sum, v) => sum + v, 0) / forget.length,
    };
  } finally {
    model.dispose();
  }
}
