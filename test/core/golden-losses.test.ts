/** The losses of PyTorch, value and gradient, computed by the kernels and by the tape of a model. */
import { describe, expect, test } from '@jest/globals';
import { ctcTape } from '../../src/core/ctc-tape.js';
import { lossTape } from '../../src/core/loss-tape.js';
import type { LossChoice } from '../../src/core/losses.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { BACKENDS } from '../support/backends.js';
import { expectClose, golden, TOLERANCE, tensor } from '../support/golden.js';

const g = golden('losses');
const classes = g.classes as number[];
const values = g.values as Record<string, number>;
const { labelSmoothing, ignore, huberDelta } = g.config as Record<'labelSmoothing' | 'ignore' | 'huberDelta', number>;

const CASES: Readonly<Record<string, { loss: LossChoice; targets: readonly number[] }>> = {
  'cross-entropy': { loss: 'crossEntropy', targets: classes },
  'cross-entropy-sum': { loss: { kind: 'crossEntropy', reduction: 'sum' }, targets: classes },
  'cross-entropy-ignored': {
    loss: { kind: 'crossEntropy', ignoreIndex: ignore },
    targets: g.classesIgnored as number[],
  },
  'cross-entropy-weighted': {
    loss: { kind: 'crossEntropy', classWeights: tensor(g, 'classWeight') },
    targets: classes,
  },
  'cross-entropy-smoothed': { loss: { kind: 'crossEntropy', labelSmoothing }, targets: classes },
  'cross-entropy-huge': { loss: 'crossEntropy', targets: classes },
  mse: { loss: 'meanSquaredError', targets: tensor(g, 'regressionTarget') },
  mae: { loss: 'meanAbsoluteError', targets: tensor(g, 'regressionTarget') },
  huber: { loss: { kind: 'huber', delta: huberDelta }, targets: tensor(g, 'regressionTarget') },
  'binary-cross-entropy': { loss: 'binaryCrossEntropy', targets: tensor(g, 'bits') },
  'binary-cross-entropy-huge': { loss: 'binaryCrossEntropy', targets: tensor(g, 'bits') },
};

test('every loss of the golden file is implemented', () => {
  expect(Object.keys(CASES).sort()).toEqual(Object.keys(values).sort());
});

describe.each(BACKENDS)('losses on $name in $precision', ({ precision, create }) => {
  test.each(Object.entries(CASES))('%s: value and gradient agree with PyTorch', async (name, { loss, targets }) => {
    const k = await create();
    const [batchSize, cols] = g.tensors[`${name}.input`]!.shape as [number, number];
    const [y, dy] = [k.alloc(batchSize, cols), k.alloc(batchSize, cols)];
    k.upload(y, tensor(g, `${name}.input`));
    k.fill(dy, Number.NaN);
    const tape = lossTape(k, loss, y, dy, { steps: 1, batchSize }, ctcTape);
    tape.forward(targets);
    tape.backward();
    expectClose('value', await k.download(tape.value), [values[name]!], TOLERANCE[precision]);
    expectClose('gradient', await k.download(dy), tensor(g, `${name}.grad`), TOLERANCE[precision]);
    expectClose('input', await k.download(y), tensor(g, `${name}.input`), precision === 'float64' ? 0 : 1e-7);
  });
});

test('ignoreIndex can be any class', async () => {
  const k = createReference('float64');
  const logits = tensor(g, 'cross-entropy-ignored.input');
  const [batchSize, cols] = g.tensors['cross-entropy-ignored.input']!.shape as [number, number];
  const y = k.alloc(batchSize, cols);
  k.upload(y, logits);
  const measure = async (ignoreIndex: number, targets: readonly number[]) => {
    const tape = lossTape(k, { kind: 'crossEntropy', ignoreIndex }, y, null, { steps: 1, batchSize }, ctcTape);
    tape.forward(targets);
    return (await k.download(tape.value))[0]!;
  };
  const ignored = g.classesIgnored as number[];
  const far = await measure(
    -100,
    ignored.map((c) => (c === -1 ? -100 : c)),
  );
  expect(far).toBe(await measure(-1, ignored));
  expect(far).toBeCloseTo(values['cross-entropy-ignored']!, 12);
});
