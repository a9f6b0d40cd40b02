/** Estimators as the gradient of `fit`: exact ones train as `fit` alone does, random ones the same way every time. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadForms } from '../../src/core/lstm/forms.js';
import { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { fit } from '../../src/core/trainer.js';
import { textStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { bptt, checkpointed, estimated, type GradientEstimator, rtrl, tbptt, uoro } from '../../src/lab/index.js';
import { adam } from '../../src/optim/adam.js';
import { rejected } from '../support/errors.js';

beforeAll(loadForms);

const TEXT = 'the old whale swam in the sea and the captain of the ship saw it. '.repeat(3);

const spec = (size: number, more: object = {}): ModelSpec => ({
  layers: [
    { kind: 'embedding', size, width: 3 },
    { kind: 'lstm', hiddenSize: 4, ...more },
    { kind: 'linear', size },
  ],
});

function training(estimator: GradientEstimator | null, more: { maxSteps?: number } = {}) {
  const data = textStreams(TEXT, { batch: 2, steps: 6, heldOut: 0 });
  const model = new Model(createReference('float64'), spec(data.vocabulary.size));
  const options = {
    optimizer: adam({ rate: 0.01 }),
    loss: 'crossEntropy' as const,
    clipNorm: 1,
    maxSteps: 7,
    ...(estimator ? { gradient: estimated(estimator) } : {}),
    ...more,
  };
  return { model, data, options };
}

async function run({ model, data, options }: ReturnType<typeof training>, resume?: Parameters<typeof fit>[3]) {
  const losses: number[] = [];
  const all = fit(model, data, options, resume);
  for await (const event of all) if (event.kind === 'step') losses.push(event.loss);
  return { losses, weights: [...model.kernels.host(model.parameters.matrix)!], state: await all.checkpoint() };
}

describe('an exact estimator', () => {
  test.each([bptt(), rtrl(), tbptt({ k1: 2, k2: 6 }), checkpointed({ steps: 6, segment: 2 })])(
    '$name trains as fit does',
    async (estimator) => {
      const [exact, found] = [await run(training(null)), await run(training(estimator))];
      expect(found.losses).toHaveLength(7);
      for (const [i, loss] of found.losses.entries()) expect(loss).toBeCloseTo(exact.losses[i]!, 10);
      for (const [i, w] of found.weights.entries()) expect(w).toBeCloseTo(exact.weights[i]!, 9);
    },
  );
});

test('a truncated one trains otherwise', async () => {
  const [exact, found] = [await run(training(null)), await run(training(tbptt({ k1: 1, k2: 1 })))];
  expect(found.losses[0]).toBeCloseTo(exact.losses[0]!, 12);
  expect(Math.abs(found.losses[6]! - exact.losses[6]!)).toBeGreaterThan(1e-6);
});

test('a random one: the same bits again, also over an interruption', async () => {
  const whole = await run(training(uoro()));
  expect((await run(training(uoro()))).weights).toEqual(whole.weights);
  const first = training(uoro(), { maxSteps: 4 });
  const { state } = await run(first);
  const second = training(uoro());
  for (const [name, values] of await first.model.parameters.download()) second.model.parameters.set(name, values);
  expect((await run(second, state)).weights).toEqual(whole.weights);
});

describe('what it is not for is said', () => {
  test('noise', async () => {
    const made = training(bptt());
    const model = new Model(createReference('float64'), spec(made.data.vocabulary.size, { zoneout: 0.1 }));
    expect((await rejected(() => run({ ...made, model }))).message).toMatch(
      /^layers\[1\]: drops or adds something in training/,
    );
  });

  test('lengths and weights', async () => {
    const { model, options } = training(bptt());
    const batch = { steps: 2, rows: 1, inputs: [1, 2], targets: Int32Array.of(1, 2), weights: [1, 1] };
    const data = { train: { stateful: false, length: 1, batch: () => batch } };
    const act = async () => {
      for await (const _ of fit(model, data, options));
    };
    expect((await rejected(act)).message).toMatch(/^batch\.weights: is for whole tapes/);
  });
});
