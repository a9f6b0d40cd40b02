/** The training experiments with tiny settings: they learn, report progress, and are reproducible from a seed. */
import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { a2 } from '../../src/lab/experiments/a2.js';
import { a4 } from '../../src/lab/experiments/a4.js';
import { a5 } from '../../src/lab/experiments/a5.js';
import { a6 } from '../../src/lab/experiments/a6.js';
import { copyOverLag, longerLag } from '../../src/lab/experiments/copy.js';
import type { Experiment, Job } from '../../src/lab/experiments/experiment.js';
import { EXPERIMENTS } from '../../src/lab/experiments/index.js';
import { type Learner, learner, lstmModel } from '../../src/lab/experiments/learn.js';
import { bptt, modelSystem, rtrl, tbptt } from '../../src/lab/index.js';
import { PAPERS } from '../../src/lab/papers.js';
import { copyTask, type Sequences } from '../../src/lab/tasks.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';

test.each(EXPERIMENTS.map((one) => [one.id, one] as const))(
  '%s names each of its papers, and no other',
  (_, experiment) => {
    const named = experiment.source.match(/\p{Lu}\p{L}+ (et al\.|& \p{Lu}\p{L}+) \d{4}/gu) ?? [];
    expect(new Set(named)).toEqual(new Set(experiment.papers.map(({ short }) => short)));
    for (const { short, full } of experiment.papers) {
      const [, author, year] = /^(\S+) .* (\d{4})$/.exec(short)!;
      expect(full).toMatch(new RegExp(`^\\S+ (\\S+ )?${author}.*: .*\\d{4}`));
      expect(Number(/\d{4}/.exec(full)![0]) - Number(year)).toBeLessThanOrEqual(1);
    }
  },
);

test('the address of a paper is that of the preprint that its text names', () => {
  for (const { short, full, url } of Object.values(PAPERS)) {
    const [, id] = /arXiv:([\d.]+\d)/.exec(full) ?? [];
    expect([short, url]).toEqual([
      short,
      id ? `https://arxiv.org/abs/${id}` : expect.stringMatching(/^https:\/\/doi.org\//),
    ]);
  }
});

const TINY: readonly (readonly [Experiment<never>, object])[] = [
  [a4 as Experiment<never>, { steps: 80 }],
  [a5 as Experiment<never>, { characters: 120, units: 6 }],
  [a6 as Experiment<never>, { batches: 10 }],
  [copyOverLag as Experiment<never>, { lag: 12, updates: 10 }],
];

describe.each(TINY.map(([experiment, tiny]) => [experiment.id, experiment, tiny] as const))('%s', (_, all, tiny) => {
  const experiment = all as unknown as Experiment<Job>;
  const jobs = experiment.jobs({ seeds: 1, full: false }).map((job) => ({ ...job, ...tiny }));
  test('reports its progress', async () => {
    const shares: number[] = [];
    const { values } = await experiment.run(jobs[0]!, (share) => shares.push(share));
    expect(shares.length).toBeGreaterThan(0);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThanOrEqual(1);
    expect(Object.values(values).every(Number.isFinite)).toBe(true);
  });
  test('gives the same curves for a seed, and others for another seed', async () => {
    const [job] = jobs as [Job];
    const { curves } = await experiment.run(job, () => {});
    expect((await experiment.run(job, () => {})).curves).toEqual(curves);
    expect((await experiment.run({ ...job, seed: 2 }, () => {})).curves).not.toEqual(curves);
  });
});

test('a2 measures time and memory of a plan relative to BPTT, and compares the gradients', async () => {
  const job = a2.jobs({ seeds: 1, full: false }).find(({ label }) => label === 'dynamic programming, 10 %')!;
  const tiny = { ...job, steps: 40, units: 3, rows: 2, turns: 2 };
  const { ms, time, bytes, ...values } = (await a2.run(tiny, () => {})).values;
  // Memory for 12 states and an entry: the tape of 40 entries is as large as 120 states.
  expect(values).toEqual({ forwards: 2.075, peak: 0.125, memory: expect.any(Number), same: 1 });
  expect(Math.min(ms!, time!, bytes!)).toBeGreaterThan(0);
  const whole = (await a2.run({ ...tiny, label: 'keep all' }, () => {})).values;
  expect([whole.forwards, whole.memory, whole.same]).toEqual([1, 1, 1]);
  expect(bytes! / whole.bytes!).toBeCloseTo(values.memory!, 12);
  expect(values.memory).toBeLessThan(0.2);
});

test('the lag of the copy task grows by half, up to the wanted one', () => {
  const lags = [5];
  while (lags.at(-1)! < 30) lags.push(longerLag(lags.at(-1)!, 30));
  expect(lags).toEqual([5, 8, 12, 18, 27, 30]);
});

const shape = { symbols: 2, length: 2 };
const data = (count: number) => {
  const random = createRng(1, 'data');
  return Array.from({ length: count }, () => copyTask(shape, 4, random));
};
/** Mean loss of each update over a list of batches. */
const losses = async (one: Learner, batches: readonly Sequences[]): Promise<number[]> => {
  const left = [...batches];
  const found: number[] = [];
  for await (const { sum, count } of one.batches(batches.length, () => left.shift()!)) found.push(sum / count);
  return found;
};
const learned = async (make: typeof bptt, learningRate: number, count: number): Promise<number[]> => {
  const options = { optimizer: sgd({ learningRate }), seed: 1, batchSize: 4 };
  const one = await learner(lstmModel(4, 8, 2, 1), make(), options);
  const found = await losses(one, data(count));
  one.dispose();
  return found;
};

describe('a learner', () => {
  test('learns the same from sequences one after the other as from sequences side by side', async () => {
    const [together, apart] = [await learned(bptt, 1, 20), await learned(rtrl, 1, 20)];
    for (const [i, loss] of apart.entries()) expect(loss).toBeCloseTo(together[i]!, 4);
    expect(Math.abs(together[0]! - together[19]!)).toBeGreaterThan(0.001);
  });
  test('makes an update against the mean gradient, clipped by norm', async () => {
    const one = await learner(lstmModel(4, 8, 2, 1), bptt(), {
      optimizer: sgd({ learningRate: 1 }),
      clipNorm: 0.01,
      seed: 1,
      batchSize: 4,
    });
    const before = Float64Array.from(one.model.kernels.host(one.model.parameters.matrix)!);
    await losses(one, data(1));
    const after = one.model.kernels.host(one.model.parameters.matrix)!;
    expect(Math.hypot(...before.map((v, i) => v - after[i]!))).toBeCloseTo(0.01, 5);
    one.dispose();
  });
  test('learns two bits', async () => {
    const one = await learner(lstmModel(4, 16, 2, 1), bptt(), {
      optimizer: adam({ learningRate: 0.02 }),
      seed: 1,
      batchSize: 4,
    });
    const found = await losses(one, data(200));
    expect(found[0]).toBeGreaterThan(0.6);
    expect(Math.max(...found.slice(-10))).toBeLessThan(0.1);
    one.dispose();
  });
  test('along a stream: an update every k1 steps, at the learning rate of the schedule', async () => {
    const updates: number[] = [];
    const schedule = (update: number) => {
      updates.push(update);
      return 0.01;
    };
    const options = { optimizer: adam(), schedule, seed: 1 };
    const one = await learner(lstmModel(4, 4, 2, 1), tbptt({ k1: 3, k2: 3 }), options);
    const counts: number[] = [];
    const stream = copyTask({ symbols: 2, length: 4 }, 1, createRng(1, 'data'));
    for await (const { count } of one.along(stream, stream.length)) counts.push(count);
    expect([counts, updates]).toEqual([
      [3, 3, 2],
      [1, 2, 3],
    ]);
    one.dispose();
  });
  test('matrixOf accepts only gradients of the same system', async () => {
    const one = await learner(lstmModel(4, 4, 2, 1), bptt(), { optimizer: adam(), seed: 1 });
    const system = modelSystem(one.model);
    expect(system.matrixOf(system.newGradient()).cols).toBe(one.model.size);
    expect(() => system.matrixOf(new Float32Array(one.model.size))).toThrow(/newGradient/);
    system.dispose();
    one.dispose();
  });
});
