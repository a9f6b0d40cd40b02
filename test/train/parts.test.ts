/** The parts of a training alone: its options, progress and state, hashes, early stopping, tapes, and the learning rate finder. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import type { Arena } from '../../src/core/memory/parameters.js';
import { createRng } from '../../src/core/rng.js';
import type { Tape } from '../../src/core/tape.js';
import { UnspoolError } from '../../src/errors.js';
import { adam } from '../../src/optim/adam.js';
import { createOptimizer } from '../../src/optim/index.js';
import { reduceOnPlateau } from '../../src/optim/schedules.js';
import { accumulate } from '../../src/train/accumulate.js';
import { copyOfState } from '../../src/train/checkpoint.js';
import { EarlyStopping } from '../../src/train/early-stopping.js';
import { findLearningRate } from '../../src/train/find-learning-rate.js';
import { requireSameSettings } from '../../src/train/fingerprint.js';
import { batchHash, hashOf } from '../../src/train/hash.js';
import { copyOfOptions, type FitOptions, plannedUpdates, watcherIn } from '../../src/train/options.js';
import { afterEpoch, afterUpdate, epochLoss, firstProgress, isProgress, progressOf } from '../../src/train/progress.js';
import { inBatch } from '../../src/train/take-batch.js';
import { TapeCache } from '../../src/train/tape-cache.js';
import { isRisky } from '../../src/train/update.js';
import { thrown } from '../support/errors.js';
import { integer, number, testRanges } from '../support/ranges.js';
import { data, newModel } from './fit-support.js';

const BELOW_ONE = 1 - Number.EPSILON;

describe('options', () => {
  const having = (name: string) => (value: number) => copyOfOptions({ optimizer: 'adam', [name]: value });
  const average = (more: object) => copyOfOptions({ optimizer: 'adam', average: more as never });
  testRanges([
    ...['epochs', 'maxUpdates', 'validateEvery'].map((name) => [name, integer(1), having(name)] as const),
    ['seed', integer(0), having('seed')],
    ['clipNorm', number(Number.MIN_VALUE), having('clipNorm')],
    ['clipValue', number(Number.MIN_VALUE), having('clipValue')],
    ['gradientNoise.eta', number(0), (eta) => copyOfOptions({ optimizer: 'adam', gradientNoise: { eta } })],
    [
      'gradientNoise.gamma',
      number(0, 10),
      (gamma) => copyOfOptions({ optimizer: 'adam', gradientNoise: { eta: 1, gamma } }),
    ],
    ['average.decay', number(0, BELOW_ONE), (decay) => average({ kind: 'ema', decay })],
    ['average.start', integer(1), (start) => average({ kind: 'polyak', start })],
    ['average.patience', integer(1), (patience) => average({ kind: 'polyak', patience })],
    [
      'earlyStopping.patience',
      integer(1),
      (patience) => copyOfOptions({ optimizer: 'adam', earlyStopping: { patience } }),
    ],
    [
      'earlyStopping.minDelta',
      number(0),
      (minDelta) => copyOfOptions({ optimizer: 'adam', earlyStopping: { patience: 1, minDelta } }),
    ],
  ]);

  test('gradient noise has gamma 0.55 by default', () => {
    expect(copyOfOptions({ optimizer: 'adam', gradientNoise: { eta: 2 } }).gradientNoise).toEqual({
      eta: 2,
      gamma: 0.55,
    });
  });

  test.each<[object, string]>([
    [{ average: { kind: 'ema', decay: 0.5, start: 2 } }, 'average.start'],
    [{ average: { kind: 'polyak', decay: 0.5 } }, 'average.decay'],
    [{ average: { kind: 'mean' } }, "average must be 'ema' or 'polyak'"],
    [{ earlyStopping: { patience: 1, restoreBest: 1 } }, 'earlyStopping.restoreBest must be '],
    [{ earlyStopping: { patience: 1, delta: 1 } }, 'earlyStopping.delta'],
    [{ gradientNoise: { eta: 1, sigma: 1 } }, 'gradientNoise.sigma'],
    [{ signal: {} }, 'signal must be an AbortSignal, got {}.'],
    [{ gradient: 5 }, 'gradient must be a function'],
  ])('%j: %s', (more, message) => {
    expect(thrown(() => copyOfOptions({ optimizer: 'adam', ...more })).message).toContain(message);
  });

  test('the option that needs validation data', () => {
    const watching = (more: Partial<FitOptions>) => watcherIn({ optimizer: 'adam', ...more });
    expect(watching({ average: { kind: 'polyak', patience: 2 } })).toBe('average.patience');
    expect(watching({ earlyStopping: { patience: 2 }, schedule: reduceOnPlateau() })).toBe('earlyStopping');
    expect(watching({ schedule: reduceOnPlateau() })).toBe('schedule');
    for (const average of [{ kind: 'polyak' }, { kind: 'polyak', start: 2 }, { kind: 'ema', decay: 0.5 }] as const) {
      expect(watching({ average, schedule: 'cosine' })).toBe(null);
    }
  });

  test('the planned updates', () => {
    const planned = (more: Partial<FitOptions>) => plannedUpdates(data(), { optimizer: 'adam', ...more });
    expect([planned({}), planned({ epochs: 3 }), planned({ epochs: 3, maxUpdates: 5 })]).toEqual([4, 12, 5]);
    expect(planned({ epochs: 3, maxUpdates: 50 })).toBe(12);
  });
});

describe('progress', () => {
  const first = firstProgress(3);

  test('counts updates, batches and the loss of an epoch', () => {
    expect(first).toMatchObject({ update: 0, epoch: 1, batch: 0, lossSum: 0, weightSum: 0, due: null });
    expect(first.rng).toEqual(createRng(3, 'data').state());
    const one = afterUpdate(first, { share: 6, weight: 2 }, false);
    expect(one).toEqual({ ...first, update: 1, batch: 1, lossSum: 6, weightSum: 2 });
    const two = afterUpdate(one, { share: 1, weight: 5 }, true);
    expect(two).toMatchObject({ update: 2, batch: 2, lossSum: 7, weightSum: 7, due: 1 });
    expect(epochLoss(two)).toBe(1);
    expect(afterUpdate({ ...two, epoch: 2 }, { share: 0, weight: 1 }, false).due).toBe(1);
    const rng = createRng(4, 'data').state();
    const next = { ...first, update: 2, epoch: 2, due: 1, rng };
    expect(afterEpoch(two, rng)).toEqual(next);
  });

  test('of Unspool 0.1 has no weights: each of its batches counts as the next one', () => {
    const { weightSum: _, ...old } = { ...first, batch: 2, lossSum: 6 };
    expect(epochLoss(old)).toBe(3);
    expect(afterUpdate(old, { share: 20, weight: 4 }, false)).toMatchObject({ lossSum: 44, weightSum: 12, batch: 3 });
    expect('weightSum' in progressOf(old)).toBe(false);
    expect(progressOf({ ...first, more: 1 } as never)).toEqual(first);
  });

  test.each([
    { update: -1 },
    { epoch: 1.5 },
    { batch: '1' },
    { lossSum: Number.NaN },
    { weightSum: -1 },
    { weightSum: Number.POSITIVE_INFINITY },
    { due: -1 },
    { due: undefined },
    { rng: {} },
  ])('is not %j', (change) => {
    expect(isProgress({ ...first, due: 0 })).toBe(true);
    expect(isProgress({ ...first, ...change })).toBe(false);
  });
});

describe('a state', () => {
  const { weightSum, ...rest } = firstProgress(3);
  const numbers = () => Float64Array.of(1, 2);
  const state = () => ({
    ...{ ...rest, weightSum: weightSum!, observed: { average: [1] }, optimizer: new Map([['m', numbers()]]) },
    ...{ carried: [{ h: numbers(), c: numbers() }], settings: { a: 1 } },
  });

  test('is copied', () => {
    const given = state();
    const copy = copyOfState(given);
    expect(copy).toEqual(given);
    given.optimizer.get('m')![0] = 9;
    given.carried[0]!.h[0] = 9;
    given.carried[0]!.c[0] = 9;
    given.settings.a = 9;
    given.observed.average = [9];
    expect(copy).toEqual(state());
    const { settings: _, ...old } = state();
    expect(copyOfState({ ...old, carried: null })).toEqual({ ...old, carried: null });
  });

  test.each([
    { update: -1 },
    { optimizer: {} },
    { optimizer: new Map([['m', 1]]) },
    { observed: null },
    { observed: { average: ['1'] } },
    { observed: { average: 1 } },
    { carried: {} },
    { carried: [{ h: [1] }] },
    { carried: [null] },
    { settings: [] },
  ])('is refused with %j', (change) => {
    expect(thrown(() => copyOfState({ ...state(), ...change } as never)).message).toContain(
      'checkpoint must be what checkpoint() returns, got ',
    );
  });

  test('of another training: long values are cut, the order of keys does not matter', () => {
    expect(requireSameSettings({ a: { x: 1, y: 2 }, b: 1 }, { a: { y: 2, x: 1 }, c: 3 })).toBeUndefined();
    const { message } = thrown(() => requireSameSettings({ a: 'x'.repeat(300), b: 1 }, { a: 'y', b: 2 }));
    expect(message).toContain(`a was "${'x'.repeat(196)}... and is "y"; b was 1 and is 2.`);
    const batches = thrown(() =>
      requireSameSettings({ 'validation.batches': [1, 2, 3] }, { 'validation.batches': [1, 2, 4] }),
    );
    expect(batches.message).toContain('batch 2 of validation has other numbers');
    expect(thrown(() => requireSameSettings({ a: [1] }, { a: [2] })).message).toContain('a was [1] and is [2]');
  });
});

test('hashes differ with any number, its place, and the ends of lists', () => {
  const hashes = [
    hashOf([1, 2, 3]),
    hashOf([1, 2, 4]),
    hashOf([1, 3, 2]),
    hashOf([1, 2], [3]),
    hashOf([1, 2, 3], []),
    hashOf([1, 2, 3 + 1e-15]),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
  for (const hash of hashes) expect(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32).toBe(true);
  expect(hashOf([1, 2, 3], undefined)).toBe(hashes[0]); // a batch without weights or lengths
  const batch = { steps: 2, batchSize: 1, inputs: [1, 2], targets: [3, 4], weights: [1, 1], lengths: [2] };
  const changes = [
    { steps: 1 },
    { batchSize: 2 },
    { inputs: [1, 3] },
    { targets: [3, 5] },
    { weights: [1, 2] },
    { lengths: [1] },
    { weights: undefined },
  ];
  const all = [{}, ...changes].map((change) => batchHash({ ...batch, ...change } as never));
  expect(new Set(all).size).toBe(all.length);
});

describe('early stopping', () => {
  const make = (more: object = {}) => {
    const copies: unknown[] = [];
    const kernels = { copy: (_: unknown, from: unknown) => copies.push(from) } as unknown as Kernels;
    const arena = { write: () => 'best', read: () => 'best' } as unknown as Arena;
    const stopping = new EarlyStopping(kernels, { patience: 2, ...more }, () => arena);
    const observe = (loss: number): void => stopping.observe(loss, { read: () => loss } as unknown as Arena);
    return { stopping, observe, copies };
  };

  test('waits for losses that are lower by more than minDelta', () => {
    const { stopping, observe, copies } = make({ minDelta: 1 });
    expect([stopping.hasBest, stopping.isOver, stopping.observed]).toEqual([false, false, [Number.MAX_VALUE, 0]]);
    observe(5);
    expect([stopping.hasBest, stopping.observed]).toEqual([true, [5, 0]]);
    observe(4);
    expect([stopping.isOver, stopping.observed]).toEqual([false, [5, 1]]);
    observe(3.9);
    observe(3.5);
    observe(9);
    expect([stopping.isOver, stopping.observed, copies]).toEqual([true, [3.9, 2], [5, 3.9]]);
  });

  test('keeps no weights with restoreBest: false, and starts again with restore([])', () => {
    const { stopping, observe, copies } = make({ restoreBest: false });
    observe(5);
    expect([stopping.best, stopping.hasBest, copies]).toEqual([null, false, []]);
    stopping.restore([3, 2]);
    expect([stopping.isOver, stopping.observed]).toEqual([true, [3, 2]]);
    stopping.restore([]);
    expect([stopping.isOver, stopping.observed]).toEqual([false, [Number.MAX_VALUE, 0]]);
    observe(4);
    observe(4); // equal is not better
    expect(stopping.observed).toEqual([4, 1]);
  });
});

describe('tapes', () => {
  const make = () => {
    const freed: string[] = [];
    let made = 0;
    const model = {
      tape: (shape: { steps: number; batchSize: number }, { lengths }: { lengths: boolean }) => {
        const name = `${shape.steps}x${shape.batchSize}${lengths ? ' ragged' : ''}`;
        made++;
        return { shape, name, free: () => freed.push(name) } as unknown as Tape;
      },
    };
    const cache = new TapeCache(model as never, {});
    const take = (steps: number, batchSize: number, from: Tape | null = null, lengths?: number[]) =>
      cache.take({ steps, batchSize, ...(lengths && { lengths }) }, from);
    return { cache, take, freed, made: () => made };
  };

  test('of the same shape are the same; with lengths they are others', () => {
    const { cache, take, freed, made } = make();
    expect(take(4, 3)).toBe(take(4, 3));
    expect(take(4, 3)).not.toBe(take(4, 3, null, [1, 2, 3]));
    expect(made()).toBe(2);
    cache.free();
    expect(freed).toEqual(['4x3', '4x3 ragged']);
    cache.free();
    expect(freed).toHaveLength(2);
  });

  test('two are kept; of more, the least recently used are freed, but not the one that a pass continues', () => {
    const { take, freed } = make();
    const one = take(4, 3);
    take(4, 2);
    expect(freed).toEqual([]);
    take(4, 3);
    take(4, 1);
    expect(freed).toEqual(['4x2']);
    take(5, 2, one); // all together would be larger than the largest
    expect(freed).toEqual(['4x2', '4x1']);
  });

  test('of many shapes, those are kept that are together no larger than the largest', () => {
    const { take, freed } = make();
    for (let steps = 20; steps > 9; steps--) take(steps, 1);
    const before = freed.length;
    take(2, 1);
    expect(before).toBeGreaterThanOrEqual(8);
    take(3, 1);
    expect(freed.slice(before)).toEqual([]); // 10 + 2 + 3 <= 20
    take(6, 1);
    expect(freed.slice(before)).toEqual(['10x1']);
  });
});

test('an error about data names its batch, other errors do not', () => {
  const of = (problem: object) => inBatch(new UnspoolError(problem as never), 3) as UnspoolError;
  expect(of({ code: 'INVALID_DATA', what: 'inputs[2]', problem: 'is bad.' }).problem).toMatchObject({
    what: 'inputs[2] of batch 3',
  });
  expect(of({ code: 'SHAPE_MISMATCH', tensor: 'inputs', expected: [1], actual: [2] }).problem).toMatchObject({
    tensor: 'inputs of batch 3',
  });
  expect(of({ code: 'INVALID_SETTING', path: 'a', problem: 'is bad.' }).problem).toMatchObject({ path: 'a' });
  const error = new Error('own');
  expect(inBatch(error, 3)).toBe(error);
});

test('optimizers that can make weights NaN from finite gradients', () => {
  expect(isRisky(adam())).toBe(false);
  expect(isRisky(adam({ eps: 1e-30 }))).toBe(false);
  expect(isRisky(adam({ eps: 1e-31 }))).toBe(true);
  expect(isRisky(createOptimizer({ kind: 'rmsprop', centered: true }))).toBe(true);
  expect(isRisky(createOptimizer({ kind: 'rmsprop' }))).toBe(false);
  const grouped = (rest: object) => createOptimizer({ kind: 'grouped', groups: [], rest } as never);
  expect(isRisky(grouped({ kind: 'lion' }))).toBe(false);
  expect(isRisky(grouped({ kind: 'adam', eps: 0 }))).toBe(true);
  expect(isRisky({ ...adam(), spec: { kind: 'own', learningRate: 1 } } as never)).toBe(true);
});

describe('accumulate', () => {
  const source = { length: 7, batch: (i: number) => ({ steps: 1, batchSize: 1, inputs: [i], targets: [i] }) };
  testRanges([['batches', integer(1, 1_000_000), (batches) => accumulate(source, batches)]]);

  test('names its method, and passes on what a gradient function has', () => {
    const state: number[][] = [];
    const one = Object.assign(async () => ({ loss: 0 }), {
      ...{ method: 'mine', readsStates: true, observed: [4] },
      restore: (numbers: readonly number[]) => state.push([...numbers]),
    });
    const { train, gradient } = accumulate(source, 3, one as never);
    expect([train.length, train.stateful, gradient.method, gradient.readsStates]).toEqual([
      3,
      false,
      'accumulate 3, mine',
      true,
    ]);
    gradient.restore!([7]);
    expect([gradient.observed, state]).toEqual([[4], [[7]]]);
    const plain = accumulate(source, 7).gradient;
    expect([plain.method, plain.readsStates, plain.observed, plain.begin]).toEqual([
      'accumulate 7',
      false,
      undefined,
      undefined,
    ]);
    expect(thrown(() => accumulate(source, 2, 5 as never)).message).toContain('gradient must be a function');
    expect(train.batch(2).inputs).toEqual([6]);
    expect(train.shuffled).toBeUndefined();
  });
});

describe('the learning rate finder', () => {
  const find = (more: object) => findLearningRate(newModel(), data(), { optimizer: adam(), ...more });
  testRanges([
    ['from', number(Number.MIN_VALUE, Number.MAX_VALUE), (from) => find({ from })],
    ['to', number(2, Number.MAX_VALUE), (to) => find({ from: 2, to })],
    ['updates', integer(10, 1_000_000), (updates) => find({ updates })],
  ]);

  test('the rates grow from 1e-6 by default, and smoothed losses are weighted means', async () => {
    const { points, divergedAt, suggestion } = await find({ to: 1e-5, updates: 10 });
    expect(points.map(({ learningRate }) => learningRate)).toEqual(
      Array.from({ length: 10 }, (_, i) => expect.closeTo(1e-6 * 10 ** (i / 9), 12)),
    );
    expect([divergedAt, suggestion]).toEqual([null, null]);
    const losses = points.map(({ loss }) => loss);
    const mean = (weights: number[], from: number) =>
      weights.reduce((sum, w, i) => sum + w * losses[from + i]!, 0) / weights.reduce((a, b) => a + b);
    expect(points[0]!.smoothed).toBeCloseTo(mean([6, 5, 4, 3, 2, 1], 0), 12);
    expect(points[5]!.smoothed).toBeCloseTo(mean([1, 2, 3, 4, 5, 6, 5, 4, 3, 2], 0), 12);
    expect(points[9]!.smoothed).toBeCloseTo(mean([1, 2, 3, 4, 5, 6], 4), 12);
  });
});
