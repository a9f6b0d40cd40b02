/** The gradient of every loss through a model is correct: with row weights, with lengths, and with the last step only. */
import { expect, test } from '@jest/globals';
import { gradcheck, randomBatch } from '../../src/core/gradcheck.js';
import type { LossChoice } from '../../src/core/losses.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { buildModel } from '../support/model.js';

/** [loss, output size]. */
const LOSSES: readonly (readonly [LossChoice, number])[] = [
  ['crossEntropy', 5],
  [{ kind: 'crossEntropy', labelSmoothing: 0.2, classWeights: [1, 0.5, 2, 0, 1] }, 5],
  ['meanSquaredError', 3],
  ['meanAbsoluteError', 3],
  [{ kind: 'huber', delta: 0.6 }, 3],
  [{ kind: 'quantile', quantiles: [0.1, 0.5, 0.9] }, 6],
  ['binaryCrossEntropy', 3],
  ['gaussian', 4],
  ['ctc', 4],
  [{ kind: 'ctc', blank: 2, reduction: 'sum' }, 4],
];

const [T, N] = [6, 3];

test.each(LOSSES)('the gradient of %j is correct', async (loss, size) => {
  const isCtc = loss === 'ctc' || (typeof loss === 'object' && loss.kind === 'ctc');
  for (const returns of isCtc ? (['all'] as const) : (['all', 'last'] as const)) {
    const spec: ModelSpec = {
      inputSize: 2,
      layers: [
        { kind: 'lstm', hiddenSize: 4, returns },
        { kind: 'linear', size },
      ],
    };
    const model = buildModel(createReference('float64'), spec);
    const batch = randomBatch(spec, { steps: T, batchSize: N }, size, 3, loss);
    const weights = Array.from({ length: returns === 'all' ? T * N : N }, (_, r) => [0.5, 2, 0][r % 3]!);
    const lengths = [T, 5, 6];
    for (const more of [{}, { lengths }, ...(isCtc ? [] : [{ weights }, { weights, lengths }])]) {
      const report = await gradcheck(model, { ...batch, ...more }, { loss });
      if (!report.passed) throw new Error(`${returns} ${JSON.stringify(more)}: ${JSON.stringify(report.worst)}`);
      expect(report.tensors.length).toBeGreaterThan(6);
      expect(report.tensors.some((t) => t.worst.analytic !== 0)).toBe(true);
    }
  }
});
