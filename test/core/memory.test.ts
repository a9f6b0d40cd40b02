/** What memoryNeed promises is what a training allocates, to the byte. */
import { expect, test } from '@jest/globals';
import type { Kernels, Precision } from '../../src/core/kernels.js';
import { memoryNeed } from '../../src/core/memory.js';
import { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { fit } from '../../src/core/trainer.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';

const SPECS: Record<string, ModelSpec> = {
  tokens: {
    layers: [
      { kind: 'embedding', size: 8, width: 12 },
      { kind: 'lstm', hiddenSize: 4 },
      { kind: 'lstm', hiddenSize: 8, bias: false },
      { kind: 'linear', size: 8 },
    ],
  },
  'values, last step': {
    inputSize: 3,
    layers: [
      { kind: 'lstm', hiddenSize: 8, returns: 'last' },
      { kind: 'linear', size: 5 },
    ],
  },
};

/** Counts the elements that are alive, and how often any are asked for. */
function counting(precision: Precision): { k: Kernels; counts: { live: number; calls: number } } {
  const right = createReference(precision);
  const counts = { live: 0, calls: 0 };
  const counted = <M extends { readonly rows: number; readonly cols: number }>(m: M): M => {
    counts.live += m.rows * m.cols;
    counts.calls++;
    return m;
  };
  const k: Kernels = {
    ...right,
    alloc: (rows, cols) => counted(right.alloc(rows, cols)),
    allocPacked: (rows, cols) => counted(right.allocPacked(rows, cols)),
    free: (m) => {
      counts.live -= m.rows * m.cols;
      right.free(m);
    },
  };
  return { k, counts };
}

test.each(Object.entries(SPECS))('%s: as many bytes as promised, all of them at the start', async (_, spec) => {
  const { k, counts } = counting('float32');
  const [steps, rows] = [5, 3];
  const model = new Model(k, spec);
  const tokens = spec.inputSize === undefined;
  const outputs = tokens ? steps * rows : rows;
  const batch = {
    steps,
    rows,
    inputs: tokens ? new Int32Array(steps * rows) : new Float32Array(steps * rows * 3),
    targets: new Int32Array(outputs),
  };
  const training = fit(model, { train: { stateful: true, length: 4, batch: () => batch } }, { optimizer: adam() });
  let callsOfFirst = 0;
  for await (const event of training) {
    if (event.kind !== 'step') continue;
    if (event.step === 1) callsOfFirst = counts.calls;
    else expect(counts.calls).toBe(callsOfFirst); // nothing more is allocated, step after step
  }
  const need = memoryNeed(spec, { steps, rows });
  expect(counts.live * 4 - 4).toBe(need.total); // all but the one number of the gradient's norm
  expect(need.parameters + need.gradients + need.optimizer + need.tape).toBe(need.total);
  expect(memoryNeed(spec, { steps, rows }, { precision: 'float64' }).total).toBe(2 * need.total);
  training.dispose();
  model.dispose();
  expect(counts.live).toBe(0);
});
