/** The rules of a search one by one, with figures derived on paper: defaults, rungs, slots, grids, ranks and importances. */
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { type Climber, canDecide, continues } from '../../src/tune/halving.js';
import { importance, type SearchSpace, type Trial, type TuneOptions, tune } from '../../src/tune/index.js';
import { trialsOf } from '../../src/tune/search.js';
import { copyOfSpace, gridSettings, isSearched, randomSettings } from '../../src/tune/space.js';
import { bestTrial, isTrial, ranked } from '../../src/tune/trial.js';
import { rejected } from '../support/errors.js';
import { integer, number, testRanges } from '../support/ranges.js';

const LR: SearchSpace = { lr: { from: 1e-5, to: 10, scale: 'log' } };
const MAX = Number.MAX_SAFE_INTEGER;

describe('ranges', () => {
  const search = (options: object) => tune(LR, async () => 1, options as TuneOptions);
  const range = (rest: object) => copyOfSpace({ x: { from: 1, to: 2, ...rest } });
  testRanges([
    ['trials', integer(1, 100_000), (trials) => search({ trials })],
    ['workers', integer(1, 256), (workers) => search({ workers })],
    ['seed', integer(0), (seed) => search({ seed })],
    ['factor', number(2, 100), (factor) => search({ factor })],
    ['rungs', integer(1, 10), (rungs) => search({ rungs })],
    ['space.x.from', number(-MAX, MAX), (from) => range({ from })],
    ['space.x.from', number(Number.MIN_VALUE, MAX), (from) => range({ from, scale: 'log' })],
    ['space.x.from', integer(-MAX), (from) => range({ from, integer: true })],
    ['space.x.from', integer(1), (from) => range({ from, integer: true, scale: 'log' })],
    ['space.x.to', number(1, MAX), (to) => range({ to })],
    ['space.x.to', integer(1), (to) => range({ to, integer: true })],
    ['space.x.points', integer(1, 1000), (points) => range({ points })],
  ]);

  test.each([
    [{ scale: 'linear2' }, 'space.x.scale must be'],
    [{ integer: 1 }, 'space.x.integer must be'],
  ])('a range with %j is rejected', (rest, message) => {
    expect(() => range(rest)).toThrow(message);
  });

  test('a space has 1 to 100 settings; choices have nothing but a list', () => {
    const settings = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`s${i}`, { choices: [i] }]));
    expect(Object.keys(copyOfSpace(settings(100)))).toHaveLength(100);
    expect(() => copyOfSpace(settings(101))).toThrow('from 1 to 100, got 101.');
    expect(() => copyOfSpace({ a: { choices: [1], points: 2 } as never })).toThrow('unknown setting');
    expect(() => copyOfSpace({ a: { choices: 3 } as never })).toThrow('space.a.choices must be a list');
    for (const wrong of [[], null, 3]) expect(() => copyOfSpace(wrong as never)).toThrow('space must be an object');
    expect([{ from: 1 }, { to: 1 }, [1], null, 3].map(isSearched)).toEqual([false, false, false, false, false]);
  });

  test.each([
    [{ signal: {} }, 'INVALID_SETTING'],
    [{ signal: 3 }, 'INVALID_SETTING'],
    [{ onTrial: 3 }, 'INVALID_SETTING'],
    [{ done: 3 }, 'INVALID_DATA'],
    [{ worker: 3 }, 'INVALID_SETTING'],
  ])('options %j are rejected', async (options, code) => {
    expect((await rejected(() => search(options))).code).toBe(code);
    expect((await rejected(() => tune(LR, 3 as never))).message).toMatch(/objective must be a function/);
  });
});

describe('the settings of trials', () => {
  test('are 20 with seed 1 if nothing else is said; a grid has all, or the first ones', () => {
    expect(trialsOf(LR, {})).toEqual(Array.from({ length: 20 }, (_, i) => randomSettings(LR, 1, i)));
    const grid = gridSettings(LR, 1);
    expect(trialsOf(LR, { method: 'grid' })).toEqual(grid);
    expect(trialsOf(LR, { method: 'grid', trials: 2 })).toEqual(grid.slice(0, 2));
  });

  const values = (one: object): unknown[] => gridSettings({ x: one } as never, 1).map(({ x }) => x);
  const sorted = (one: object) => (values(one) as number[]).sort((a, b) => a - b);
  test('of a grid', () => {
    expect(sorted({ from: 1, to: 2 })).toEqual([1, 1.5, 2]);
    expect(sorted({ from: 1, to: 2, points: 1 })).toEqual([1.5]);
    expect(sorted({ from: 0.01, to: 1, scale: 'log', points: 1 })).toEqual([0.1]);
    expect(sorted({ from: 1, to: 10, scale: 'log', points: 4 })).toEqual([1, 2.154, 4.642, 10]); // four digits
    expect(sorted({ from: 1, to: 8, integer: true, points: 4 })).toEqual([1, 3, 6, 8]);
    expect(sorted({ from: 1, to: 2, integer: true, points: 9 })).toEqual([1, 2]);
    expect(sorted({ from: 1.23456, to: 2.34567, points: 2 })).toEqual([1.23456, 2.34567]); // bounds as they are
    expect(sorted({ from: 1, to: 2.34542, points: 2 })).toEqual([1, 2.34542]); // nor a shorter one next to it
    expect(() => values({ choices: new Array(1_000_001).fill(0) })).toThrow(
      'has 1000001 combinations; a grid can have 1000000.',
    );
  });

  test('of integers are equally likely, in their logarithm for a logarithmic range', () => {
    const counts = (one: object) => {
      const found = new Map<number, number>();
      for (let i = 0; i < 3000; i++) {
        const x = randomSettings({ x: one } as never, 1, i).x as number;
        found.set(x, (found.get(x) ?? 0) + 1);
      }
      return found;
    };
    const even = counts({ from: 1, to: 3, integer: true });
    for (const n of [1, 2, 3]) expect(Math.abs(even.get(n)! - 1000)).toBeLessThan(120); // over 4.6 standard deviations
    const log = counts({ from: 1, to: 4, integer: true, scale: 'log' });
    expect(Math.abs(log.get(1)! - (3000 * Math.log(1.5)) / Math.log(4))).toBeLessThan(120);
  });
});

describe('a rung', () => {
  const climber = (number: number, reports: readonly number[], hasEnded = false): Climber => ({
    ...{ number, reports, hasEnded },
  });

  test('counts only trials with lower numbers that have reached it', () => {
    const trials = [climber(0, [1]), climber(1, [9, 2]), climber(2, [5, 3]), climber(3, [], true), climber(4, [0, 0])];
    expect(canDecide(trials, 2, 0)).toBe(true);
    expect(canDecide(trials, 2, 1)).toBe(false); // trial 0 is still on its way to rung 1
    expect(canDecide([climber(0, [1], true), ...trials.slice(1)], 2, 1)).toBe(true);
    expect(canDecide(trials, 4, 0)).toBe(true); // trial 3 has ended
    expect(continues(trials, 2, 0, 3)).toBe(false); // one of 3 continues: trial 0 is better
    expect(continues([climber(0, [6]), ...trials.slice(1)], 2, 0, 3)).toBe(true);
    expect(continues(trials, 1, 1, 3)).toBe(true); // the first at its rung
    // Of the trials at rung 1, 3 is the second: the two that have not reached it do not raise the number that continues.
    expect(
      continues(
        [[1], [1], [9, 2], [5, 3]].map((reports, i) => climber(i, reports)),
        3,
        1,
        2,
      ),
    ).toBe(false);
    expect(canDecide([climber(0, [])], 0, 0)).toBe(true); // a trial does not wait for itself
  });

  test('lets one of factor continue, and of equal ones the first', () => {
    const trials = [5, 4, 3, 2, 1, 1].map((value, number) => climber(number, [value]));
    const passed = (all: readonly Climber[], factor: number) =>
      all.filter(({ number }) => continues(all, number, 0, factor)).map(({ number }) => number);
    expect(passed(trials, 3)).toEqual([0, 1, 2, 3, 4, 5]); // the second 1 is one of the best two of six
    expect(passed(trials, 6)).toEqual([0, 1, 2, 3, 4]);
    expect(passed([climber(0, [Number.NaN]), climber(1, [3]), climber(2, [Number.POSITIVE_INFINITY])], 2)).toEqual([1]);
  });

  test.each([
    [undefined, [0, 5]], // 3 by default: the second of six continues
    [4, [0]],
  ])('the factor %s decides in a search', async (factor, expected) => {
    const continued: number[] = [];
    const values = [0, 9, 9, 9, 9, 1];
    await tune(
      LR,
      async (_, { number, rungs, report }) => {
        expect(rungs).toEqual([1 / (factor ?? 3)]);
        if (await report(values[number]!)) continued.push(number);
        return number;
      },
      { trials: 6, rungs: 1, ...(factor && { factor }) },
    );
    expect(continued).toEqual(expected);
  });
});

describe('a search', () => {
  test('wakes a trial that waits when the slower one ends without a report', async () => {
    const { trials } = await tune(
      LR,
      async (_, { number, report }) => {
        if (number === 0) await setTimeout(5);
        else await report(3);
        return number;
      },
      { trials: 2, workers: 2, rungs: 1 },
    );
    expect(trials.map(({ state, value }) => [state, value])).toEqual([
      ['finished', 0],
      ['finished', 1],
    ]);
  }, 20_000);

  test('holds at most three trials for each worker, with those that wait', async () => {
    const begun: number[] = [];
    await tune(
      LR,
      async (_, { number, report }) => {
        begun.push(number);
        if (number === 0) {
          while (begun.length < 6) await setTimeout(1);
          await setTimeout(20);
          expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
        }
        await report(number);
        return number;
      },
      { trials: 9, workers: 2, rungs: 1 },
    ).then(({ trials }) => expect(trials[0]!.state).toBe('finished'));
  }, 20_000);

  test('calls onTrial for one trial at a time, and never again after it has thrown', async () => {
    const calls: string[] = [];
    const onTrial = async ({ number }: Trial): Promise<void> => {
      calls.push(`from ${number}`);
      await setTimeout(2);
      calls.push(`to ${number}`);
      if (number === 1) throw new Error('disk full');
    };
    const options = { method: 'random', trials: 4, workers: 4, onTrial } as const;
    await expect(tune(LR, async (_, { number }) => number, options)).rejects.toThrow('disk full');
    expect(calls).toEqual(['from 0', 'to 0', 'from 1', 'to 1']);
  });

  test('leaves no listener on its signal, and aborts that of its trials', async () => {
    const stop = new AbortController();
    const listeners = new Set<unknown>();
    const signal = {
      get aborted() {
        return stop.signal.aborted;
      },
      addEventListener: (_: 'abort', listener: () => void) => {
        listeners.add(listener);
        stop.signal.addEventListener('abort', listener);
      },
      removeEventListener: (_: 'abort', listener: () => void) => void listeners.delete(listener),
    };
    const seen: boolean[] = [];
    const objective = async (_: unknown, { number, signal }: { number: number; signal: { aborted: boolean } }) => {
      expect(listeners.size).toBe(1);
      seen.push(signal.aborted);
      if (number === 2) stop.abort();
      seen.push(signal.aborted);
      return number;
    };
    const { trials } = await tune(LR, objective, { trials: 9, signal } as never);
    expect(trials.map(({ number }) => number)).toEqual([0, 1]); // the result of trial 2 is lost
    expect(seen).toEqual([false, false, false, false, false, true]);
    expect(listeners.size).toBe(0);
  });

  test('a trial that reports what it should not has failed, with the reason', async () => {
    const objective = async (
      _: unknown,
      { number, report }: { number: number; report(v: number): Promise<boolean> },
    ) => {
      if (number === 0) await report('3' as never);
      for (let i = 0; number === 1 && i < 2; i++) await report(1);
      if (number === 2) throw 'no Error';
      return number === 3 ? ('7' as never) : 5;
    };
    const { trials, best } = await tune(LR, objective, { trials: 5, rungs: 1 });
    expect(trials.map(({ error }) => error)).toEqual([
      expect.stringContaining('report must be called with a number, got "3".'),
      expect.stringContaining('report: was called 2 times, but there are 1 rungs.'),
      'no Error',
      'the value was "7".',
      undefined,
    ]);
    expect(best!.number).toBe(4);
  });

  test('states the seconds of a trial', async () => {
    const start = performance.now();
    const { trials } = await tune(LR, () => setTimeout(30, 1), { trials: 1 });
    const seconds = (performance.now() - start) / 1000;
    expect(trials[0]!.seconds).toBeGreaterThan(0.02);
    expect(trials[0]!.seconds).toBeLessThanOrEqual(seconds);
  });
});

/** A trial; what matters is stated. */
const trial = (number: number, rest: Partial<Trial>): Trial => ({
  ...{ number, settings: {}, state: 'finished', value: 0, reports: [], seconds: 0 },
  ...rest,
});

describe('trials', () => {
  test('are ranked by state, then by rung, value and number', () => {
    const all = [
      trial(0, { state: 'failed', value: null }),
      trial(1, { state: 'stopped', value: 1, reports: [1] }),
      trial(2, { state: 'stopped', value: 5, reports: [6, 5] }),
      trial(3, { state: 'stopped', value: 4, reports: [6, 4] }),
      trial(4, { value: 9, reports: [1, 1] }),
      trial(5, { value: 8 }),
      trial(6, { state: 'failed', value: null, reports: [3, 3] }),
      trial(7, { value: 8, reports: [1] }),
    ];
    const order = [5, 7, 4, 3, 2, 1, 0, 6];
    expect(ranked(all).map(({ number }) => number)).toEqual(order);
    expect(ranked([...all].reverse()).map(({ number }) => number)).toEqual(order);
    expect(bestTrial(all)!.number).toBe(5);
    expect(bestTrial(all.slice(0, 3))!.number).toBe(2);
    expect([bestTrial([all[0]!]), bestTrial([])]).toEqual([null, null]);
  });

  test('differ from other values', () => {
    const good = [
      trial(0, {}),
      trial(1, { state: 'stopped', reports: [1] }),
      trial(2, { state: 'failed', value: null }),
    ];
    expect(good.every(isTrial)).toBe(true);
    const wrong = [
      null,
      trial(0.5, {}),
      trial(0, { settings: 3 as never }),
      trial(0, { state: 'running' as never }),
      trial(0, { value: null }),
      trial(0, { state: 'stopped', value: null }),
      trial(0, { reports: 3 as never }),
      trial(0, { reports: [1, '2' as never] }),
    ];
    expect(wrong.filter(isTrial)).toEqual([]);
  });
});

describe('importance', () => {
  const X: SearchSpace = { x: { from: 0, to: 9 } };
  const of = (space: SearchSpace, settings: readonly object[]) =>
    importance(
      space,
      settings.map((one, number) => trial(number, { value: number, settings: one as Trial['settings'] })),
    );
  const ofX = (...values: number[]) =>
    of(
      X,
      values.map((x) => ({ x })),
    )[0]!;

  test('is epsilon squared of the ranks of four groups', () => {
    // Ranks 1 to 8: sum of squares 42, of which 4 * 0.5 is within the groups; 8 - 4 degrees of freedom within, 4 - 1 between.
    expect(ofX(0, 1, 2, 3, 4, 5, 6, 7)).toEqual({
      setting: 'x',
      share: expect.closeTo((42 - 2 - (3 * 2) / 4) / 42, 12),
      groups: [0, 2, 4, 6].map((x) => ({ values: [x, x + 1], trials: 2, meanRank: x + 1.5 })),
    });
    // The order of the values need not be that of the ranks.
    expect(ofX(7, 6, 5, 4, 3, 2, 1, 0).groups.map(({ values }) => values)).toEqual([
      [6, 7],
      [4, 5],
      [2, 3],
      [0, 1],
    ]);
  });

  test('keeps equal numbers together', () => {
    expect(ofX(1, 1, 1, 2, 3, 4, 5, 5).groups).toEqual([
      { values: [1], trials: 3, meanRank: 2 },
      { values: [2], trials: 1, meanRank: 4 },
      { values: [3, 4], trials: 2, meanRank: 5.5 },
      { values: [5], trials: 2, meanRank: 7.5 },
    ]);
  });

  test('is 0 rather than negative, 0 for a setting with one value, and NaN for too few trials', () => {
    const space: SearchSpace = { same: { choices: ['s'] }, all: { choices: [1, 2, 3] }, two: { choices: ['a', 'b'] } };
    const shares = (two: readonly string[], all: readonly number[]) =>
      Object.fromEntries(
        of(
          space,
          two.map((one, i) => ({ same: 's', all: all[i], two: one })),
        ).map(({ setting, share }) => [setting, share]),
      );
    expect(shares(['a', 'b', 'b', 'a'], [1, 2, 1, 2])).toMatchObject({ same: 0, two: 0 });
    // Ranks 1, 2, 3 as {1, 2} and {3}: (2 - 0.5 - 0.5 / 1) / 2. Three values of three trials explain nothing.
    expect(Object.entries(shares(['a', 'a', 'b'], [1, 2, 3]))).toEqual([
      ['two', 0.5],
      ['same', 0],
      ['all', Number.NaN],
    ]);
  });

  test('groups equal values, whatever they are', () => {
    const values = [{ k: 1 }, { k: 1 }, 1n, 1n, undefined, undefined, 'undefined'];
    const [first] = of(
      { v: { choices: values } },
      values.map((v) => ({ v })),
    );
    expect(first!.groups.map(({ trials, values }) => [trials, values])).toEqual([
      [2, [{ k: 1 }]],
      [2, [1n]],
      [2, [undefined]],
      [1, ['undefined']],
    ]);
  });

  test('needs a number for each range', () => {
    expect(() => of({ ...X, c: { choices: ['a'] } }, [{ x: 1 }, { x: '1' }])).toThrow(
      'trials[1].settings.x must be a number, got "1".',
    );
    expect(() => of(X, [{}, { x: 1 }])).toThrow('trials[0].settings.x must be a number, got undefined.');
    for (const wrong of [3, [{}]])
      expect(() => importance(X, wrong as never)).toThrow('trials must be trials of a search');
  });
});
