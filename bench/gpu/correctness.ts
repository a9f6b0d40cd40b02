/** The golden vectors of PyTorch on the GPU, as the tests check them. The pack has this as one bundle. */
import { createGpu } from '../../src/gpu/index.js';
import type { GoldenCase } from '../../test/support/golden.js';
import { goldenErrors, trainingError } from '../../test/support/gpu-runs.js';

/** The largest norm-wise error of each golden case, and of the weights after 20 updates. */
export async function errorsOf(cases: Readonly<Record<string, GoldenCase>>): Promise<Record<string, number>> {
  const k = await createGpu('webgpu');
  try {
    const errors: Record<string, number> = {};
    for (const [name, golden] of Object.entries(cases)) {
      errors[name] = Math.max(...Object.values(await goldenErrors(golden, k)));
    }
    errors['20 updates'] = await trainingError(k);
    return errors;
  } finally {
    k.dispose();
  }
}
