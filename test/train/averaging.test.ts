/** Averages of the weights, compared with plain averages of the weights after each update. */
import { describe, expect, test } from '@jest/globals';
import { Arena, ParameterLayout } from '../../src/core/memory/parameters.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { Average } from '../../src/train/averaging.js';
import { evaluate } from '../../src/train/evaluate.js';
import type { AverageSpec } from '../../src/train/specs.js';
import { fit } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { BACKENDS } from '../support/backends.js';
import { problemOf, thrown } from '../support/errors.js';
import { expectClose, TOLERANCE } from '../support/golden.js';
import { testRandom } from '../support/random.js';
import { collect, data, losses, newModel, values } from './fit-support.js';

type Numbers = ArrayLike<number>;

/** The mean of a list of weights. */
function mean(all: readonly Numbers[]): number[] {
  return Array.from(all[0]!, (_, i) => all.reduce((sum, w) => sum + w[i]!, 0) / all.length);
}

/** sum_t (1 - d) d^(n - t) w_t, with the first w in place of all earlier ones. */
function exponential(all: readonly Numbers[], decay: number): number[] {
  const n = all.length;
  const share = (t: number): number => (t === 0 ? decay ** (n - 1) : (1 - decay) * decay ** (n - 1 - t));
  return Array.from(all[0]!, (_, i) => all.reduce((sum, w, t) => sum + share(t) * w[i]!, 0));
}

describe.each(BACKENDS)('on $name in $precision', ({ precision, create }) => {
  const UPDATES = 9;

  /** The weights after each update, and the average, which is null before it has started. */
  async function run(spec: AverageSpec, validation: readonly number[] = []) {
    const k = await create();
    const layout = new ParameterLayout([
      { name: 'a', shape: [3, 5] },
      { name: 'b', shape: [7] },
    ]);
    const parameters = new Arena(k, layout);
    const average = new Average(k, spec, () => new Arena(k, layout));
    const random = testRandom(3);
    const [seen, averages]: [Numbers[], (Numbers | null)[]] = [[], []];
    for (let update = 1; update <= UPDATES; update++) {
      k.upload(parameters.matrix, random.normals(layout.size));
      seen.push(await k.download(parameters.matrix));
      average.update(parameters, update);
      averages.push(average.isUsed ? await k.download(average.weights.matrix) : null);
      const loss = validation[update - 1];
      if (loss !== undefined) average.observe(loss);
    }
    return { seen, averages };
  }

  test('ema: the weighted mean of all weights', async () => {
    const { seen, averages } = await run({ kind: 'ema', decay: 0.8 });
    averages.forEach((a, i) => {
      expectClose(`update ${i + 1}`, a!, exponential(seen.slice(0, i + 1), 0.8), TOLERANCE[precision]);
    });
  });

  test.each([1, 4])('polyak: the mean of the weights from update %d on', async (start) => {
    const { seen, averages } = await run({ kind: 'polyak', start });
    averages.forEach((a, i) => {
      if (i + 1 < start) expect(a).toBeNull();
      else expectClose(`update ${i + 1}`, a!, mean(seen.slice(start - 1, i + 1)), TOLERANCE[precision]);
    });
  });

  test('ema with a decay of 0 equals the weights', async () => {
    const { seen, averages } = await run({ kind: 'ema', decay: 0 });
    averages.forEach((a, i) => {
      expectSameBits(a!, seen[i]!);
    });
  });

  // Algorithm 1 of Merity et al. 2018: t > n and v_t > min(v_0 .. v_{t-n-1}), t counting the losses before this one.
  test.each([
    ['starts when a loss is worse than the best before the last two', 2, [5, 4, 3, 3.5, 3.6, 3.4], 6], // 3.4 > min(5, 4, 3)
    ['does not start at a loss that equals the best', 1, [5, 5, 5, 6], 4],
    ['ignores losses within its patience', 3, [5, 4, 4.5, 4.6, 4.7, 4.8], 6], // 4.8 > min(5, 4)
    ['never starts while the loss falls', 1, [9, 8, 7, 6, 5, 4, 3, 2, 1], null],
    ['never starts before there are more losses than its patience', 4, [1, 2, 3, 4], null],
  ])('polyak with patience: %s', async (_name, patience, validation, trigger) => {
    const { seen, averages } = await run({ kind: 'polyak', patience }, validation);
    const plain = validation.findIndex((v, t) => t > patience && v > Math.min(...validation.slice(0, t - patience)));
    expect(plain < 0 ? null : plain + 1).toBe(trigger);
    averages.forEach((a, i) => {
      if (trigger === null || i + 1 <= trigger) expect(a).toBeNull();
      else expectClose(`update ${i + 1}`, a!, mean(seen.slice(trigger, i + 1)), TOLERANCE[precision]);
    });
  });
});

describe('in a training', () => {
  const AVERAGES: [string, AverageSpec][] = [
    ['ema', { kind: 'ema', decay: 0.7 }],
    ['polyak', { kind: 'polyak' }],
    ['polyak from update 3 on', { kind: 'polyak', start: 3 }],
  ];
  const settings = { optimizer: adam({ learningRate: 0.05 }), epochs: 2, validateEvery: 3 };

  test.each(AVERAGES)(
    '%s: updates are the same as without it, and the model ends with the average',
    async (_name, average) => {
      const [averaged, alone] = [newModel(), newModel()];
      const seen: Numbers[] = [];
      const plain = [];
      for await (const event of fit(alone, data(), settings)) {
        plain.push(event);
        if (event.kind === 'update') seen.push(await values(alone));
      }
      const events = await collect(fit(averaged, data(), { ...settings, average }));
      expect(losses(events, 'update')).toEqual(losses(plain, 'update'));
      expect(losses(events, 'epoch')).toEqual(losses(plain, 'epoch'));
      const wanted =
        average.kind === 'ema' ? exponential(seen, average.decay) : mean(seen.slice((average.start ?? 1) - 1));
      expectClose('weights', await values(averaged), wanted, TOLERANCE.float64);
    },
  );

  test('validation and validate() use the average, and training continues with the weights', async () => {
    const model = newModel();
    const training = fit(model, data(), { ...settings, average: { kind: 'ema', decay: 0.9 } });
    for await (const event of training) {
      if (event.kind !== 'validation') continue;
      const before = await values(model);
      const copy = newModel();
      copy.kernels.upload(copy.parameters.matrix, (await training.checkpoint()).optimizer.get('average')!);
      expect(await evaluate(copy, data().validation)).toBe(event.loss);
      expect(await training.validate()).toBe(event.loss);
      expectSameBits(await values(model), before);
    }
  });

  test('before the average starts, validation and the final model use the weights', async () => {
    const [averaged, alone] = [newModel(), newModel()];
    const events = await collect(fit(averaged, data(), { ...settings, average: { kind: 'polyak', start: 100 } }));
    expect(events).toEqual(await collect(fit(alone, data(), settings)));
    expectSameBits(await values(averaged), await values(alone));
  });
});

test.each([
  { path: 'average.decay', why: 'is 1', average: { kind: 'ema', decay: 1 } },
  { path: 'average.decay', why: 'is negative', average: { kind: 'ema', decay: -0.1 } },
  { path: 'average.start', why: 'is zero', average: { kind: 'polyak', start: 0 } },
  { path: 'average.patience', why: 'is zero', average: { kind: 'polyak', patience: 0 } },
  { path: 'average', why: 'has an unknown kind', average: { kind: 'median' } },
])('$path throws if it $why', ({ path, average }) => {
  const options = { optimizer: adam(), average: average as AverageSpec };
  expect(
    problemOf(
      thrown(() => fit(newModel(), data(), options)),
      'INVALID_SETTING',
    ).path,
  ).toBe(path);
});

test('what an average has observed: the updates in it, whether it waits, and the losses so far', () => {
  const layout = new ParameterLayout([{ name: 'a', shape: [2, 3] }]);
  const k = createReference('float64');
  const arena = () => new Arena(k, layout);
  const [parameters, create] = [arena(), (spec: AverageSpec) => new Average(k, spec, arena)];
  const waiting = create({ kind: 'polyak', patience: 1 });
  expect([waiting.observed, create({ kind: 'ema', decay: 0.5 }).observed]).toEqual([
    [0, 1],
    [0, 0],
  ]);
  for (const loss of [5, 4]) waiting.observe(loss);
  waiting.update(parameters, 1);
  expect([waiting.observed, waiting.isUsed]).toEqual([[0, 1, 5, 4], false]);
  const resumed = create({ kind: 'polyak', patience: 1 });
  resumed.restore(waiting.observed);
  for (const one of [waiting, resumed]) {
    one.observe(4.5); // above 5 and 4 without the last: the best before it is 5
    expect(one.observed).toEqual([0, 1, 5, 4, 4.5]);
    one.observe(4.6);
    for (const update of [4, 5]) one.update(parameters, update);
    expect([one.observed, one.isUsed]).toEqual([[2, 0], true]);
    one.observe(9); // no longer of interest
    expect(one.observed).toEqual([2, 0]);
  }
  resumed.restore([]);
  expect([resumed.observed, resumed.isUsed]).toEqual([[0, 0], false]);
});
