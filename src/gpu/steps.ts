/** Downloads time steps of a tape. */
import { requireInteger, shown } from '../checks.js';
import type { FloatArray, Kernels, LstmStep, LstmStepGrad } from '../contract/kernels.js';
import { LstmTape } from '../core/lstm/tape.js';
import { backendOf } from '../core/memory/decorate.js';
import { invalidSetting } from '../errors.js';

/** Copies of the results of one time step. */
export interface DownloadedStep {
  readonly step: number;
  /** [N, 4H]: the gates i, f, g and o side by side. */
  readonly gates: FloatArray;
  /** [N, H]: the cell state. */
  readonly c: FloatArray;
  /** [N, H]: the output. */
  readonly h: FloatArray;
  /** The gradient of the loss by the pre-activations, and by c and h; null on a tape without gradients. */
  readonly grad: { readonly gates: FloatArray; readonly c: FloatArray; readonly h: FloatArray } | null;
}

/**
 * Downloads the time steps [from, to) of an LSTM layer of a tape; by default all of them. It works on every backend,
 * also on those on which `tape.lstm(0).step(t)` is not available because the memory is on a device.
 *
 * @example
 * const { tape } = await model.gradients(batch);
 * const steps = await downloadSteps(model.kernels, tape.lstm(0), 10, 12);
 */
export async function downloadSteps(
  kernels: Kernels,
  layer: LstmTape,
  from = 0,
  to?: number,
): Promise<DownloadedStep[]> {
  if (!(layer instanceof LstmTape)) {
    throw invalidSetting('layer', `must be an LSTM of a tape, got ${shown(layer)}.`, 'Pass tape.lstm(0).');
  }
  // biome-ignore lint/complexity/useLiteralKeys: the backend of a tape is private
  if (backendOf(layer['k']) !== backendOf(kernels)) {
    throw invalidSetting('kernels', 'must be the backend of the tape.', 'Pass model.kernels.');
  }
  const { steps } = layer.shape;
  requireInteger('from', from, 0, steps);
  if (to !== undefined) requireInteger('to', to, from, steps);
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
