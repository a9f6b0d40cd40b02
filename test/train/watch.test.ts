/** What the callback of evaluate() receives: outputs in the order of the batch's own targets, for every loss. */
import { expect, test } from '@jest/globals';
import type { Batch } from '../../src/core/batch.js';
import { toBatchFirst } from '../../src/core/layout.js';
import type { LossChoice } from '../../src/core/losses.js';
import type { LayerSpec, ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { ClassificationMetrics } from '../../src/metrics/classification.js';
import { evaluate } from '../../src/train/evaluate.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const [T, N, D, O] = [5, 3, 2, 4];
const LOSSES: readonly [LossChoice, targetWidth: number][] = [
  ['crossEntropy', 0],
  ['meanSquaredError', O],
  ['meanAbsoluteError', O],
  ['binaryCrossEntropy', O],
  [{ kind: 'huber', delta: 1 }, O],
  [{ kind: 'quantile', quantiles: [0.1, 0.9] }, O / 2],
  ['gaussian', O / 2],
  ['ctc', 0],
];
const LSTM: LayerSpec = { kind: 'lstm', hiddenSize: 3 };
const SHAPES: readonly [string, outputSteps: number, LayerSpec[]][] = [
  ['an output per step', T, [LSTM]],
  ["returns: 'last'", 1, [{ ...LSTM, returns: 'last' }]],
  ['repeat', 6, [{ ...LSTM, returns: 'last' }, { kind: 'repeat', steps: 6 }, LSTM]],
];

test.each(SHAPES)('%s: batch first, lengths and weights, every loss', async (_, steps, layers) => {
  const spec: ModelSpec = { inputSize: D, layers: [...layers, { kind: 'linear', size: O }] };
  const model = buildModel(createReference('float64'), spec);
  const random = testRandom(7);
  const inputs = Float64Array.from(random.normals(T * N * D));
  const rowWeights = Float64Array.from({ length: steps * N }, (_, r) => (r === 4 ? 0 : 1 + (r % 3)));
  const lengths = [5, 2, 4];
  for (const [loss, width] of LOSSES) {
    const ctc = loss === 'ctc';
    if (ctc && steps === 1) continue;
    const targets = ctc
      ? Int32Array.of(1, 2, 3, -1, 2, 1)
      : width === 0
        ? random.integers(steps * N, O)
        : Float64Array.from({ length: steps * N * width }, (_, i) => (i * 7) % 2);
    const swapped = (values: Float64Array, of: number) => toBatchFirst(values, of, N);
    const timeMajor: Batch = { steps: T, batchSize: N, inputs, targets, lengths, ...(!ctc && { weights: rowWeights }) };
    const batchFirst: Batch = {
      ...timeMajor,
      batchFirst: true,
      inputs: swapped(inputs, T),
      ...(!ctc && {
        targets:
          width === 0
            ? Int32Array.from(swapped(Float64Array.from(targets), steps))
            : swapped(targets as Float64Array, steps),
      }),
      ...(!ctc && { weights: swapped(rowWeights, steps) }),
    };
    const wanted = await model.predict(batchFirst.inputs, { batchSize: N, lengths, batchFirst: true });
    const seen: [output: number[], targets: number[], weights: number[] | null][] = [];
    const source = { stateful: false, length: 2, batch: (i: number) => [timeMajor, batchFirst][i]! };
    await evaluate(model, source, loss, (output, batch, weights) => {
      seen.push([[...output], Array.from(batch.targets), weights && Array.from(weights)]);
    });
    const [first, second] = seen as [(typeof seen)[0], (typeof seen)[0]];
    expect(second[0]).toEqual([...wanted.output]);
    expect([...toBatchFirst(Float64Array.from(first[0]), steps, N)]).toEqual(second[0]);
    if (!ctc) expect([...swapped(Float64Array.from(first[1]), steps)]).toEqual(second[1]);
    expect(first[2] && [...swapped(Float64Array.from(first[2]), steps)]).toEqual(second[2]);
    const perStep = steps === T && layers.length === 1;
    const counts = Array.from({ length: steps * N }, (_, r) =>
      perStep && Math.floor(r / N) >= lengths[r % N]! ? 0 : ctc ? 1 : rowWeights[r]!,
    );
    if (!ctc || perStep) expect(first[2]).toEqual(counts);
    if (loss !== 'crossEntropy') continue;
    expect(first[1]).toEqual(Array.from(targets, (target, r) => (counts[r] === 0 ? -1 : target)));
    const metrics = [first, second].map(([output, classes]) => new ClassificationMetrics(O).add(output, classes));
    expect(metrics[0]!.accuracy).toBe(metrics[1]!.accuracy);
    expect(metrics[0]!.count).toBe(counts.filter((w) => w > 0).length);
  }
});

test('without lengths and weights, the callback receives the batch itself, and its errors are thrown', async () => {
  const spec: ModelSpec = { inputSize: D, layers: [LSTM, { kind: 'linear', size: O }] };
  const model = buildModel(createReference('float64'), spec);
  const batch: Batch = { steps: T, batchSize: N, inputs: new Float64Array(T * N * D), targets: new Int32Array(T * N) };
  const source = { stateful: false, length: 1, batch: () => batch };
  const seen: unknown[] = [];
  await evaluate(model, source, undefined, (_, same, weights) => seen.push(same.targets, weights));
  expect(seen).toEqual([batch.targets, null]);
  const failing = evaluate(model, source, undefined, async () => {
    throw new Error('from the callback');
  });
  await expect(failing).rejects.toThrow('from the callback');
});

test('ctc after a repeat layer: the lengths of the inputs do not cut the outputs', async () => {
  const layers: LayerSpec[] = [
    { ...LSTM, returns: 'last' },
    { kind: 'repeat', steps: 6 },
    LSTM,
    { kind: 'linear', size: O },
  ];
  const model = buildModel(createReference('float64'), { inputSize: D, layers });
  const inputs = testRandom(3).normals(T * 2 * D);
  const targets = Int32Array.of(1, 2, 3, -1);
  const both = { steps: T, batchSize: 2, inputs, targets, lengths: [5, 2] };
  const alone = [5, 2].map((steps, n) => ({
    steps,
    batchSize: 1,
    inputs: Array.from({ length: steps * D }, (_, i) => inputs[(Math.floor(i / D) * 2 + n) * D + (i % D)]!),
    targets: n === 0 ? targets.slice(0, 2) : targets.slice(2, 3),
  }));
  const [a, b] = [
    (await model.evaluate(alone[0]!, { loss: 'ctc' })).loss,
    (await model.evaluate(alone[1]!, { loss: 'ctc' })).loss,
  ];
  expect((await model.evaluate(both, { loss: 'ctc' })).loss).toBeCloseTo((a + b) / 2, 12);
});
