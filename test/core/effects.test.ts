/** Features whose absence other tests cannot see, because both of the sides that they compare would lack it. */
import { describe, expect, test } from '@jest/globals';
import type { LstmSpec } from '../../src/core/lstm/spec.js';
import type { Batch, Model } from '../../src/core/model.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const [T, N, D, C] = [5, 3, 2, 4];

const build = (more: Partial<LstmSpec> = {}): Model =>
  buildModel(createReference('float64'), {
    inputSize: D,
    layers: [
      { kind: 'lstm', hiddenSize: 6, ...more },
      { kind: 'linear', size: C },
    ],
  });

const inputs = testRandom(3).normals(T * N * D);
const batch: Batch = { steps: T, batchSize: N, inputs, targets: testRandom(5).normals(T * N * C) };

const NOISE: readonly Partial<LstmSpec>[] = [
  { dropConnect: 0.5 },
  { recurrentDropout: 0.5 },
  { recurrentDropout: { kind: 'variational', rate: 0.5 } },
  { recurrentDropout: { kind: 'candidate', rate: 0.5 } },
  { zoneout: { h: 0.5, c: 0 } },
  { zoneout: { h: 0, c: 0.5 } },
];

describe.each(NOISE)('%j', (more) => {
  test('changes the loss in training, and differently at each update', async () => {
    const model = build(more);
    const at = async (update: number) => (await model.evaluate(batch, { noise: { seed: 1, update } })).loss;
    const losses = [(await model.evaluate(batch)).loss, await at(1), await at(2), await at(3)];
    expect(new Set(losses.map((loss) => loss.toFixed(12))).size).toBe(4);
    expect(await at(2)).toBe(losses[2]);
  });
});

test('the ctc loss of sequences of unequal lengths is the sum of the losses of each alone', async () => {
  const model = build();
  const lengths = [5, 3, 4];
  const labels = [
    [1, 2, -1],
    [3, -1, -1],
    [2, 2, -1],
  ];
  const loss = { kind: 'ctc', reduction: 'sum' } as const;
  let sum = 0;
  for (const [n, steps] of lengths.entries()) {
    const own = Float64Array.from({ length: steps * D }, (_, i) => inputs[(Math.floor(i / D) * N + n) * D + (i % D)]!);
    sum += (await model.evaluate({ steps, batchSize: 1, inputs: own, targets: labels[n]! }, { loss })).loss;
  }
  const all = await model.evaluate({ ...batch, targets: labels.flat(), lengths }, { loss });
  expect(all.loss).toBeCloseTo(sum, 12);
  const whole = await model.evaluate({ ...batch, targets: labels.flat() }, { loss });
  expect(Math.abs(whole.loss - sum)).toBeGreaterThan(1e-3);
});
