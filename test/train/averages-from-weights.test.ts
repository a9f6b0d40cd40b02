/** Averages and gradient noise, compared with a plain computation from the weights after each update. */
import { describe, expect, test } from '@jest/globals';
import { createReference } from '../../src/kernels/reference/index.js';
import { sgd } from '../../src/optim/sgd.js';
import type { AverageSpec } from '../../src/train/specs.js';
import { type FitOptions, fit } from '../../src/train/trainer.js';
import { expectClose } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const [T, N, D, UPDATES] = [4, 3, 2, 6];

/** The same batch for all updates and for validation. */
function data() {
  const random = testRandom(3);
  const batch = { steps: T, batchSize: N, inputs: random.normals(T * N * D), targets: random.normals(T * N) };
  const source = { stateful: false, length: UPDATES, batch: () => batch };
  return { train: source, validation: { ...source, length: 1 } };
}

/** The weights before the training, after each update and at its end, and the validation losses. */
async function train(options: Partial<FitOptions>, hiddenSize = 3) {
  const layers = [{ kind: 'lstm', hiddenSize } as const, { kind: 'linear', size: 1 } as const];
  const model = buildModel(createReference('float64'), { inputSize: D, seed: 2, layers });
  const read = async (): Promise<number[]> => [...(await model.kernels.download(model.parameters.matrix))];
  const [before, after, losses] = [await read(), [] as number[][], [] as number[]];
  for await (const event of fit(model, data(), { optimizer: sgd({ learningRate: 0.5 }), ...options })) {
    if (event.kind === 'update') after.push(await read());
    if (event.kind === 'validation') losses.push(event.loss);
  }
  return { before, after, end: await read(), losses };
}

const mean = (rows: readonly number[][]): number[] =>
  rows[0]!.map((_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / rows.length);

describe('a training ends with the average', () => {
  test.each<[string, AverageSpec, (w: readonly number[][]) => number[]]>([
    [
      'exponential moving average',
      { kind: 'ema', decay: 0.7 },
      ([first, ...rest]) => rest.reduce((a, w) => a.map((v, i) => 0.7 * v + 0.3 * w[i]!), first!),
    ],
    ['Polyak: the mean of all', { kind: 'polyak' }, mean],
    ['Polyak from the fourth update on', { kind: 'polyak', start: 4 }, (w) => mean(w.slice(3))],
  ])('%s', async (_, average, expected) => {
    const { after, end, losses } = await train({ average });
    const plain = await train({});
    after.forEach((weights, i) => {
      expectClose(`update ${i + 1}`, weights, plain.after[i]!, 0);
    });
    expectClose('the end', end, expected(after), 1e-12);
    expect(losses.at(-1)).not.toBe(plain.losses.at(-1)); // validation uses the average
  });

  test('with patience, of the weights since the validation loss stopped falling', async () => {
    const options = { optimizer: sgd({ learningRate: 4 }), validateEvery: 1 }; // too large for the loss to fall each time
    const { after, end, losses } = await train({ ...options, average: { kind: 'polyak', patience: 1 } });
    const at = losses.findIndex((loss, i) => i > 1 && loss > Math.min(...losses.slice(0, i - 1)));
    expect(at).toBeGreaterThan(0);
    expect(at).toBeLessThan(UPDATES - 2);
    expectClose('the end', end, mean(after.slice(at + 1)), 1e-12);
  });
});

test('gradient noise: normal, of variance eta / (1 + t)^gamma, the same for the same seed', async () => {
  const gradientNoise = { eta: 0.04, gamma: 0.55 };
  const noisy = () => train({ optimizer: sgd({ learningRate: 1 }), gradientNoise, maxUpdates: 1, seed: 9 }, 40);
  const [a, b] = [await noisy(), await noisy()];
  const plain = await train({ optimizer: sgd({ learningRate: 1 }), maxUpdates: 1, seed: 9 }, 40);
  expectClose('again', a.end, b.end, 0);
  const z = plain.end.map((v, i) => (v - a.end[i]!) / 0.2); // with a learning rate of 1 an update is the gradient
  const moment = (power: number): number => z.reduce((sum, v) => sum + v ** power, 0) / z.length;
  expect(z.length).toBeGreaterThan(5000);
  expect(Math.abs(moment(1))).toBeLessThan(5 / Math.sqrt(z.length));
  expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / z.length));
});

test('gradient noise decreases from update to update', async () => {
  const sizes: number[] = [];
  for (const gamma of [0, 2]) {
    const options = { optimizer: sgd({ learningRate: 1e-9 }), gradientNoise: { eta: 1, gamma }, seed: 9 };
    const { before, after } = await train(options, 20);
    const moved = (t: number): number =>
      Math.hypot(...after[t]!.map((v, i) => v - (t ? after[t - 1]![i]! : before[i]!)));
    sizes.push(moved(5) / moved(0));
  }
  expect(sizes[0]).toBeGreaterThan(0.9);
  expect(sizes[0]).toBeLessThan(1.1);
  expect(sizes[1]! / sizes[0]!).toBeCloseTo(1 / 6, 2);
});
