/** The learning rate finder: its suggestion, and that the model is left as it was. */
import { expect, test } from '@jest/globals';
import { adam, createModel, findLearningRate, fit, type Model, sgd, textStreams } from '../../src/index.js';

const data = textStreams('she sells sea shells by the sea shore. '.repeat(40), { batchSize: 4, steps: 8 });

const create = (): Promise<Model> => {
  const { size } = data.vocabulary;
  const layers = [
    ...([{ kind: 'embedding', size, width: 4 }] as const),
    ...([
      { kind: 'lstm', hiddenSize: 8 },
      { kind: 'linear', size },
    ] as const),
  ];
  return createModel({ seed: 5, layers }, { backend: 'reference' });
};

/** The validation loss after a short training. */
async function lossWith(learningRate: number): Promise<number> {
  const training = fit(await create(), data, { optimizer: adam({ learningRate }), maxUpdates: 80, epochs: 9 });
  for await (const _ of training);
  return (await training.validate())!;
}

test('a training with the suggestion is better than with a tenth or ten times of it', async () => {
  const { suggestion, points } = await findLearningRate(await create(), data, { optimizer: adam(), to: 100 });
  expect(points[0]!.learningRate).toBe(1e-6);
  expect(suggestion).toBeGreaterThan(1e-3);
  const [low, suggested, high] = [
    await lossWith(suggestion! / 10),
    await lossWith(suggestion!),
    await lossWith(suggestion! * 10),
  ];
  expect(suggested).toBeLessThan(low);
  expect(suggested).toBeLessThan(high);
});

test('the learning rates grow by the same factor, whatever the rate of the optimizer, and the loss ends where it diverges', async () => {
  const options = { from: 1e-3, to: 1e5, updates: 60 };
  const [one, other] = [
    await findLearningRate(await create(), data, { ...options, optimizer: sgd({ learningRate: 0.01 }) }),
    await findLearningRate(await create(), data, { ...options, optimizer: sgd({ learningRate: 3 }) }),
  ];
  expect(other.points.map(({ learningRate }) => learningRate)).toEqual(
    one.points.map(({ learningRate }) => learningRate),
  );
  expect(other.points.at(-1)!.loss).toBeCloseTo(one.points.at(-1)!.loss, 3);
  const ratios = one.points.slice(1).map(({ learningRate }, i) => learningRate / one.points[i]!.learningRate);
  for (const ratio of ratios) expect(ratio).toBeCloseTo(1e8 ** (1 / 59), 9);
  expect(one.points.length).toBeLessThan(60);
  expect(one.divergedAt).toBeGreaterThan(one.suggestion!);
  expect(one.suggestion).toBeGreaterThan(0.01);
});

test('afterwards, the model has its weights from before, also after weights that are not finite', async () => {
  const model = await create();
  const before = await model.kernels.download(model.parameters.read());
  for (const to of [0.1, 1e30]) {
    const { points, divergedAt } = await findLearningRate(model, data, {
      optimizer: sgd({ learningRate: 1 }),
      to,
      updates: 12,
    });
    expect(points.length).toBeGreaterThan(3);
    expect(divergedAt === null).toBe(to === 0.1);
    expect(await model.kernels.download(model.parameters.read())).toEqual(before);
  }
  for await (const _ of fit(model, data, { optimizer: adam(), maxUpdates: 2 })); // it can be trained
});

test('rates at which the loss does not fall, or falls up to the last one, give no suggestion', async () => {
  const rising = await findLearningRate(await create(), data, { optimizer: 'adam', from: 1e-4, to: 0.01, updates: 40 });
  expect(rising).toMatchObject({ suggestion: null, divergedAt: null });
  const { suggestion } = await findLearningRate(await create(), data, {
    optimizer: 'adam',
    from: 1e-30,
    to: 1e-29,
    updates: 10,
  });
  expect(suggestion).toBeNull();
});

test.each([
  [{ optimizer: 'adam', from: 0 }, 'from must be'],
  [{ optimizer: 'adam', from: 1, to: 0.5 }, 'to must be'],
  [{ optimizer: 'adam', updates: 5 }, 'updates must be'],
  [{ optimizer: 'adam', schedule: 'cosine' }, 'options.schedule: unknown setting'],
  [{}, 'optimizer'],
])('%j is rejected', async (options, message) => {
  await expect(findLearningRate(await create(), data, options as never)).rejects.toThrow(message);
});
