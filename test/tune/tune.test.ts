/** Searches: their settings, decisions that do not depend on the workers, and continuing after an interruption. */
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rungsOf } from '../../src/tune/halving.js';
import {
  importance,
  type Objective,
  type SearchSpace,
  type Trial,
  type TuneOptions,
  tune,
} from '../../src/tune/index.js';
import { Slots } from '../../src/tune/slots.js';
import { gridSettings, randomSettings } from '../../src/tune/space.js';

const SPACE: SearchSpace = {
  lr: { from: 1e-4, to: 1, scale: 'log' },
  units: { from: 4, to: 9, integer: true },
  name: { choices: ['a', 'b', { kind: 'c' }] },
};

describe('random settings', () => {
  test('are within the space, and cover it', () => {
    const drawn = Array.from({ length: 2000 }, (_, i) => randomSettings(SPACE, 2, i));
    const rates = drawn.map(({ lr }) => lr as number);
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(1e-4);
    expect(Math.max(...rates)).toBeLessThanOrEqual(1);
    expect(rates.filter((lr) => lr < 1e-2).length / 2000).toBeCloseTo(0.5, 1); // half of the decades
    expect([...new Set(drawn.map(({ units }) => units as number))].sort()).toEqual([4, 5, 6, 7, 8, 9]);
    expect(new Set(drawn.map(({ name }) => name))).toEqual(new Set(['a', 'b', expect.objectContaining({ kind: 'c' })]));
  });

  test('depend on seed and number only, and on no other setting of the space', () => {
    expect(randomSettings(SPACE, 1, 7)).toEqual(randomSettings(SPACE, 1, 7));
    expect(randomSettings(SPACE, 2, 7)).not.toEqual(randomSettings(SPACE, 1, 7));
    expect(randomSettings({ lr: SPACE.lr! }, 1, 7).lr).toBe(randomSettings(SPACE, 1, 7).lr);
  });

  test('of any range are within it', () => {
    const range = fc.tuple(
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 0, max: 1e6 }),
      fc.boolean(),
      fc.boolean(),
    );
    fc.assert(
      fc.property(range, fc.nat(99), ([from, width, integer, isLog], number) => {
        const one = { from, to: from + width, integer, scale: isLog ? ('log' as const) : ('linear' as const) };
        const { x } = randomSettings({ x: one }, 3, number) as { x: number };
        expect(x >= from && x <= from + width && (!integer || Number.isInteger(x))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

test('a grid has each combination once, with the bounds, in an order that depends on the seed', () => {
  const space: SearchSpace = {
    ...SPACE,
    units: { from: 4, to: 9, integer: true, points: 2 },
    lr: { from: 0.01, to: 1, scale: 'log' },
  };
  const all = gridSettings(space, 1);
  expect(new Set(all.map((one) => JSON.stringify(one))).size).toBe(18);
  expect([...new Set(all.map(({ lr }) => lr))].sort()).toEqual([0.01, 0.1, 1]);
  expect([...new Set(all.map(({ units }) => units))].sort()).toEqual([4, 9]);
  expect(gridSettings(space, 2)).not.toEqual(all);
  expect(() =>
    gridSettings(
      { a: { from: 0, to: 1, points: 1000 }, b: { from: 0, to: 1, points: 1000 }, c: { choices: [1, 2] } },
      1,
    ),
  ).toThrow('combinations');
});

/** The loss of a training: better with lr close to 0.01, and falling with the share that is done. */
const lossOf = (lr: number, share: number): number => Math.abs(Math.log10(lr) + 2) + 1 / (share + 0.1);

/** Trials take different times, so that workers finish in a different order than they begin. */
const objective =
  (computed: number[] = [], delay = (number: number) => (number * 7) % 5): Objective =>
  async ({ lr }, { number, rungs, report, signal }) => {
    for (const share of rungs) {
      await setTimeout(delay(number));
      if (signal.aborted || !(await report(lossOf(lr as number, share)))) return 0;
    }
    await setTimeout(delay(number));
    computed.push(number);
    return lossOf(lr as number, 1);
  };

const withoutTime = (trials: readonly Trial[]) => trials.map(({ seconds: _, ...trial }) => trial);
const LR: SearchSpace = { lr: { from: 1e-5, to: 10, scale: 'log' } };

describe('successive halving', () => {
  test('gives the same trials with any number of workers, and computes a small part of them to the end', async () => {
    const computed: number[] = [];
    const one = await tune(LR, objective(computed), { trials: 27, seed: 4 });
    const four = await tune(LR, objective(), { trials: 27, seed: 4, workers: 4 });
    expect(withoutTime(four.trials)).toEqual(withoutTime(one.trials));
    expect(computed.length).toBeLessThan(9);
    const stopped = one.trials.filter(({ state }) => state === 'stopped');
    expect(new Set(stopped.map(({ reports }) => reports.length)).size).toBeGreaterThan(1);
    for (const { value, reports } of stopped) expect(value).toBe(reports.at(-1)); // not the first, nor what the objective returns
    const all = await tune(LR, objective(), { trials: 27, seed: 4, method: 'random', workers: 9 });
    expect(one.best!.settings).toEqual(all.best!.settings); // the best of all is not stopped
    expect(all.trials.every(({ state }) => state === 'finished')).toBe(true);
  });

  test('stops at shares of a training', () => {
    expect(rungsOf(3, 2)).toEqual([1 / 9, 1 / 3]);
  });

  test('interrupted at any moment and continued with the trials that ended, it gives the same trials', async () => {
    const options: TuneOptions = { trials: 12, seed: 2, workers: 3 };
    const whole = await tune(LR, objective(), options);
    for (const after of [0, 1, 4, 11]) {
      const done: Trial[] = [];
      const stop = new AbortController();
      const onTrial = (trial: Trial): void => {
        done.push(JSON.parse(JSON.stringify(trial)) as Trial);
        if (done.length === after) stop.abort();
      };
      if (after === 0) stop.abort();
      await tune(LR, objective(), { ...options, signal: stop.signal, onTrial });
      expect(done.length).toBe(after);
      const computed: number[] = [];
      const rest = await tune(LR, objective(computed), { ...options, done });
      expect(withoutTime(rest.trials)).toEqual(withoutTime(whole.trials));
      expect(computed.filter((number) => done.some((trial) => trial.number === number))).toEqual([]);
    }
  });

  test('never computes more trials than there are workers', async () => {
    let [now, most] = [0, 0];
    const counted: Objective = async (settings, context) => {
      const enter = (): void => void (most = Math.max(most, ++now));
      enter();
      const report = async (value: number): Promise<boolean> => {
        now--;
        const goes = await context.report(value);
        enter();
        return goes;
      };
      return objective()(settings, { ...context, report }).finally(() => now--);
    };
    await tune(LR, counted, { trials: 30, workers: 3 });
    expect(most).toBe(3);
  });

  test('a trial that waits at a rung for a slower one leaves its worker to the next trial, and gets one again', async () => {
    const [begun, ended]: [number[], number[]] = [[], []];
    const slow: Objective = async ({ lr }, { number, rungs, report }) => {
      begun.push(number);
      while (number === 0 && !begun.includes(3)) await setTimeout(1); // trials 1 and 2 wait for trial 0 meanwhile
      for (const share of rungs) if (!(await report(lossOf(lr as number, share)))) return 0;
      ended.push(number);
      return lossOf(lr as number, 1);
    };
    const { trials } = await tune(LR, slow, { trials: 27, seed: 4, workers: 2 });
    const one = await tune(LR, objective(), { trials: 27, seed: 4 });
    expect(withoutTime(trials)).toEqual(withoutTime(one.trials));
    expect(ended).toContain(0);
  }, 60_000);
});

test('slots: as many at a time as there are, then the lowest number first', async () => {
  const slots = new Slots(2);
  const order: number[] = [];
  await slots.take(0);
  await slots.take(1);
  const waiting = [7, 3, 5].map((number) => slots.take(number).then(() => order.push(number)));
  await Promise.resolve();
  expect(order).toEqual([]);
  for (let i = 0; i < 4; i++) slots.give();
  await Promise.all(waiting);
  expect(order).toEqual([3, 5, 7]);
  await slots.take(9); // the fourth was free
});

describe('trials that fail', () => {
  const failing: Objective = async ({ lr }, { number }) => {
    if (number % 2 === 1) throw new Error('diverged');
    return number === 0 ? Number.NaN : (lr as number);
  };

  test('do not end the search, and are never the best', async () => {
    const { trials, best } = await tune(LR, failing, { method: 'random', trials: 6, workers: 2 });
    expect(trials.map(({ state }) => state)).toEqual(['failed', 'failed', 'finished', 'failed', 'finished', 'failed']);
    expect(trials[1]!.error).toBe('diverged');
    expect(trials[0]!.error).toBe('the value was NaN.');
    expect(best!.value).toBe(Math.min(trials[2]!.value!, trials[4]!.value!));
    const none = await tune(LR, async () => Number.POSITIVE_INFINITY, { trials: 2 });
    expect(none.best).toBeNull();
  });

  test('an error of onTrial ends the search with that error', async () => {
    const onTrial = async (): Promise<void> => {
      throw new Error('disk full');
    };
    await expect(tune(LR, objective(), { trials: 9, workers: 3, onTrial })).rejects.toThrow('disk full');
  });
});

describe('importance', () => {
  const space: SearchSpace = { ...LR, units: { from: 1, to: 64, integer: true }, name: { choices: ['x', 'y'] } };

  test('is large for the setting that decides, and 0 on average for one without effect', async () => {
    const shares: Record<string, number> = { lr: 0, units: 0, name: 0 };
    for (let seed = 0; seed < 20; seed++) {
      const { trials } = await tune(space, async ({ lr }) => (lr as number) ** 2, {
        method: 'random',
        trials: 40,
        seed,
      });
      for (const { setting, share } of importance(space, trials)) shares[setting]! += share / 20;
    }
    expect(shares.lr).toBeGreaterThan(0.85);
    expect(shares.units).toBeLessThan(0.06);
    expect(shares.name).toBeLessThan(0.06);
  });

  test('names the best group, and is NaN for too few trials', async () => {
    const run = (trials: number) =>
      tune(space, async ({ name }) => (name === 'y' ? 1 : 2), { method: 'random', trials });
    const [first] = importance(space, (await run(12)).trials);
    expect(first).toMatchObject({ setting: 'name', groups: [{ values: ['y'] }, { values: ['x'] }] });
    expect(importance(space, (await run(1)).trials).map(({ share }) => share)).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
  });
});

test.each([
  [{}, {}, 'the number of settings in space must be'],
  [{ lr: 0.1 }, {}, 'space.lr must be { from, to } or { choices }, got 0.1.'],
  [{ lr: { from: 0, to: 1, scale: 'log' } }, {}, 'space.lr.from'],
  [{ lr: { from: 2, to: 1 } }, {}, 'space.lr.to'],
  [{ lr: { from: 1, to: 2, step: 1 } }, {}, 'unknown setting'],
  [{ a: { choices: [] } }, {}, 'space.a.choices must be a list'],
  [LR, { method: 'bayes' }, 'method must be'],
  [LR, { trials: 0 }, 'trials must be'],
  [LR, { done: [{}] }, 'done must be trials'],
] as const)('%j with %j is rejected', async (space, options, message) => {
  await expect(tune(space as unknown as SearchSpace, objective(), options as unknown as TuneOptions)).rejects.toThrow(
    message,
  );
});
