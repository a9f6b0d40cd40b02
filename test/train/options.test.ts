/** The options of a training: bounds and clipping. */
import { describe, expect, test } from '@jest/globals';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit } from '../../src/train/trainer.js';
import { problemOf, thrown } from '../support/errors.js';
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
