/** The tape of a pass, or some steps of it, brought back from where the device has it. */
import type { FloatArray, Kernels, LstmStep, LstmStepGrad } from '../contract/kernels.js';
import type { LstmTape } from '../core/lstm/tape.js';

/** Copies of what one time step left. */
export interface DownloadedStep {
  readonly step: number;
  /** [N, 4H]: i, f, g and o side by side. */
  readonly gates: FloatArray;
  /** [N, H] */
  readonly c: FloatArray;
  readonly h: FloatArray;
  /** The loss by the pre-activations, and by c and h; null on a tape without gradients. */
  readonly grad: { readonly gates: FloatArray; readonly c: FloatArray; readonly h: FloatArray } | null;
}

/**
 * Steps [from, to) of an LSTM's part of a tape, as `tape.lstm(0).step(t)` shows them where the memory can be looked into.
 * Default: all of them. Works on every backend.
 *
 * @example
 * const { tape } = await model.gradients(batch);
 * const steps = await downloadSteps(model.kernels, tape.lstm(0), 10, 12);
 */
export async function downloadSteps(
  kernels: Kernels,
  layer: LstmTape,
  from = 0,
  to = layer.shape.steps,
): Promise<DownloadedStep[]> {
  const copies = async (step: LstmStep | LstmStepGrad) => {
    const [gates, c, h] = await Promise.all([step.gates, step.c, step.h].map((m) => kernels.download(m)));
    return { gates: gates!, c: c!, h: h! };
  };
  const all = layer.steps.map((_, step) => step).slice(from, to);
  return Promise.all(
    all.map(async (step) => {
      const grad = layer.grad?.steps[step];
      const [own, its] = await Promise.all([copies(layer.steps[step]!.y), grad ? copies(grad.y) : null]);
      return { step, ...own, grad: its };
    }),
  );
}
