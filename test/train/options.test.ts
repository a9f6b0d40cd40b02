/** The options of a training: bounds and clipping. */
import { describe, expect, test } from '@jest/globals';
import { adam } from '../../src/optim/adam.js';
import { createOptimizer } from '../../src/optim/index.js';
import { cosine, reduceOnPlateau } from '../../src/optim/schedules.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { collect, data, twoLayers, values } from './fit-support.js';

describe('options of fit', () => {
  test.each<{ path: string; why: string; more: Partial<FitOptions> }>([
    { path: 'epochs', why: 'is zero', more: { epochs: 0 } },
    { path: 'epochs', why: 'is not an integer', more: { epochs: 1.5 } },
    { path: 'maxUpdates', why: 'is zero', more: { maxUpdates: 0 } },
    { path: 'validateEvery', why: 'is negative', more: { validateEvery: -1 } },
    { path: 'clipNorm', why: 'is zero', more: { clipNorm: 0 } },
    { path: 'clipNorm', why: 'is NaN', more: { clipNorm: Number.NaN } },
    { path: 'clipValue', why: 'is negative', more: { clipValue: -1 } },
  ])('$path throws if it $why', ({ path, more }) => {
    const error = thrown(() => fit(twoLayers(), data(), { optimizer: adam(), ...more }));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
  });

  test('clipNorm bounds the update, and the event has the norm before clipping', async () => {
    const { train } = data();
    const moved = async (clipNorm: number) => {
      const model = twoLayers('float64');
      const before = await values(model);
      const [event] = await collect(
        fit(model, { train }, { optimizer: sgd({ learningRate: 1 }), maxUpdates: 1, clipNorm }),
      );
      const after = await values(model);
      return { event, distance: Math.hypot(...before.map((v: number, i: number) => v - after[i]!)) };
    };
    const [clipped, free] = [await moved(0.01), await moved(1e6)];
    expect(clipped.distance).toBeCloseTo(0.01, 5);
    expect(free.distance).toBeGreaterThan(0.1);
    for (const { event } of [clipped, free]) {
      expect((event as { gradientNorm: number }).gradientNorm).toBeCloseTo(free.distance, 10);
    }
  });

  test('clipValue bounds every element of the gradient, and is applied before the norm is measured', async () => {
    const { train } = data();
    const model = twoLayers('float64');
    const before = await values(model);
    const options = { optimizer: sgd({ learningRate: 1 }), maxUpdates: 1, clipValue: 0.001 };
    const [event] = await collect(fit(model, { train }, options));
    const after = await values(model);
    const moved = Array.from(before, (v: number, i) => v - after[i]!);
    expect(Math.max(...moved.map(Math.abs))).toBeCloseTo(0.001, 10);
    expect((event as { gradientNorm: number }).gradientNorm).toBeCloseTo(Math.hypot(...moved), 10);
  });
});

describe('what is not an option', () => {
  const any = (value: unknown) => value as never;
  const rejection = async (source: unknown, given: unknown) => {
    const error = await rejected(async () => collect(fit(twoLayers(), any(source), any(given))));
    return { code: error.code, message: error.message };
  };
  const optimizer = adam();

  test.each<[string, unknown, string]>([
    ['epoch', { optimizer, epoch: 5 }, 'options.epoch: unknown setting. Did you mean "epochs"?'],
    ['clipnorm', { optimizer, clipnorm: 5 }, 'Did you mean "clipNorm"?'],
    ['optimiser', { optimiser: optimizer }, 'Did you mean "optimizer"?'],
    ['batchSize', { optimizer, batchSize: 5 }, 'options.batchSize: unknown setting.'],
    ['maxSteps', { optimizer, maxSteps: 5 }, 'Did you mean "maxUpdates"?'],
    ['average.alpha', { optimizer, average: { kind: 'ema', decay: 0.9, alpha: 1 } }, 'average.alpha: unknown setting.'],
    ['start of ema', { optimizer, average: { kind: 'ema', decay: 0.9, start: 1 } }, 'average.start: unknown setting.'],
    ['restoreBestWeights', { optimizer, earlyStopping: { patience: 1, restoreBestWeights: false } }, '"restoreBest"?'],
    ['sigma', { optimizer, gradientNoise: { eta: 1, sigma: 1 } }, 'gradientNoise.sigma: unknown setting.'],
    ['an unknown name', { optimizer: 'adm' }, 'Did you mean "adam"?'],
    ['an unknown setting of a name', { optimizer: { kind: 'adam', lr: 1 } }, 'adam.lr: unknown setting.'],
    ['an unknown schedule', { optimizer, schedule: 'cosin' }, 'Did you mean "cosine"?'],
    [
      'an unknown setting of a schedule',
      { optimizer, schedule: { kind: 'linearWarmup', step: 1 } },
      'Did you mean "steps"?',
    ],
    ['an optimizer that is not called', { optimizer: adam }, 'got a function adam(). Call it: adam() instead of adam.'],
    ['no optimizer', {}, 'optimizer must be an optimizer, got undefined.'],
    ['an optimizer that is a number', { optimizer: 0.01 }, 'optimizer must be an optimizer, got 0.01.'],
    ['an optimizer without apply', { optimizer: { spec: optimizer.spec, state: [] } }, 'with spec, state and apply()'],
    ['an AbortController', { optimizer, signal: new AbortController() }, 'Pass controller.signal.'],
    ['no options', undefined, 'options must be an object, got undefined.'],
    ['options that are null', null, 'options must be an object, got null.'],
  ])('%s throws INVALID_SETTING', async (_, given, message) => {
    const { code, message: found } = await rejection(data(), given);
    expect(found).toContain(message);
    expect(code).toBe('INVALID_SETTING');
  });

  test('null throws for every option; undefined is the default', async () => {
    const names = ['optimizer', 'gradient', 'loss', 'schedule', 'epochs', 'maxUpdates', 'clipNorm', 'clipValue'];
    const others = ['gradientNoise', 'average', 'earlyStopping', 'validateEvery', 'seed', 'signal'];
    const run = async (more: object) => {
      const model = twoLayers();
      await collect(fit(model, data(), { optimizer, ...more }));
      return values(model);
    };
    const plain = await run({});
    for (const name of [...names, ...others]) {
      expect((await rejection(data(), { optimizer, [name]: null })).code).toBe('INVALID_SETTING');
      if (name !== 'optimizer') expectSameBits(await run({ [name]: undefined }), plain);
    }
  });

  test.each<[string, unknown, string]>([
    ['no data', undefined, 'data must be an object'],
    ['no train', {}, 'train must be a batch source'],
    ['a list', { train: [1] }, 'For a list:'],
    ['valid', { train: data().train, valid: data().train }, 'Did you mean "validation"?'],
    ['heldOut', { train: data().train, heldOut: data().train }, 'Did you mean "validation"?'],
  ])('data: %s throws', async (_, source, message) => {
    expect((await rejection(source, { optimizer })).message).toContain(message);
  });

  test('a model that is not one throws', async () => {
    for (const model of [undefined, null, {}, 'model']) {
      const error = await rejected(async () => collect(fit(any(model), data(), { optimizer })));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe('model');
    }
  });

  test('names give the same training as objects', async () => {
    const run = async (given: FitOptions) => {
      const model = twoLayers();
      await collect(fit(model, data(), { epochs: 2, ...given }));
      return values(model);
    };
    expectSameBits(await run({ optimizer: 'adam', schedule: 'cosine' }), await run({ optimizer, schedule: cosine }));
    const spec = { kind: 'grouped', groups: [{ match: '*.bias*', optimizer: null }], rest: { kind: 'lion' } };
    const plateau = { kind: 'reduceOnPlateau', patience: 0, threshold: 1 } as const;
    expectSameBits(
      await run({ optimizer: spec, schedule: plateau }),
      await run({ optimizer: createOptimizer(spec), schedule: reduceOnPlateau({ patience: 0, threshold: 1 }) }),
    );
  });
});
