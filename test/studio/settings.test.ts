/** Settings in a URL, the lists of choices, and the curves that the page draws. */
import { describe, expect, test } from '@jest/globals';
import { ESTIMATORS, parseEstimator } from '../../src/lab/index.js';
import { createOptimizer, OPTIMIZERS } from '../../src/optim/index.js';
import { drawnPoints, EMPTY_CURVE, extended } from '../../studio/src/curve.js';
import { choices } from '../../studio/src/engine/choices.js';
import { fromQuery, settingsOf, toQuery } from '../../studio/src/settings.js';

describe('settings in a URL', () => {
  test('a query holds only what differs from the preset', () => {
    const settings = { ...settingsOf('adding'), units: 4, learningRate: 0.1 };
    expect(toQuery(settings)).toBe('?preset=adding&units=4&learningRate=0.1');
    expect(fromQuery(toQuery(settings))).toEqual({ settings, problems: [] });
  });

  test('links of version 0.1 still work: rate and batch', () => {
    expect(fromQuery('?rate=0.5&batch=3').settings).toMatchObject({ learningRate: 0.5, batchSize: 3 });
  });

  test.each([
    ['units=0', 'units must be an integer from 1 to 256, got 0'],
    ['steps=2.5', 'steps must be an integer from 2 to 400, got 2.5'],
    ['learningRate=x', 'learningRate must be a number from 0.000001 to 10, got x'],
    ['backend=gpu', 'backend must be one of auto, wasm, reference, got gpu'],
  ])('%s is replaced by the default and reported', (query, problem) => {
    expect(fromQuery(`?${query}`)).toEqual({ settings: settingsOf('counting'), problems: [problem] });
  });
});

describe('choices', () => {
  const { optimizers, estimators } = choices();

  test('every optimizer of the library is offered and can be made', () => {
    expect(optimizers).toEqual(Object.keys(OPTIMIZERS));
    for (const kind of optimizers) expect(createOptimizer({ kind, learningRate: 0.01 }).spec.kind).toBe(kind);
  });

  test('every estimator is offered with the settings that its registry suggests, which it accepts', () => {
    for (const estimator of estimators) parseEstimator(estimator);
    const examples = Object.values(ESTIMATORS).flatMap((estimator) => estimator.examples);
    expect(estimators).toHaveLength(examples.length);
    expect(estimators).toEqual(expect.arrayContaining(['bptt', 'tbptt:k1=4,k2=8', 'rtrl']));
  });
});

describe('a curve', () => {
  const points = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => [from + i + 1, 1 / (from + i + 1)] as const);

  test.each([
    ['in one call', 14_983],
    ['seven points at a time', 7],
    ['one point at a time', 1],
  ])('of 14,983 updates keeps evenly spaced points over the whole run, if added %s', (_, size) => {
    const total = 14_983;
    let curve = EMPTY_CURVE;
    for (let from = 0; from < total; from += size) {
      curve = extended(curve, points(from, Math.min(size, total - from)));
    }
    expect(curve.points.length).toBeGreaterThan(750);
    expect(curve.points.length).toBeLessThanOrEqual(1500);
    const updates = curve.points.map(([update]) => update);
    const gaps = new Set(updates.slice(1).map((update, i) => update - updates[i]!));
    expect([...gaps]).toEqual([curve.stride]);
    expect(updates[0]).toBe(1);
    expect(total - updates.at(-1)!).toBeLessThan(curve.stride);
    expect(drawnPoints(curve).at(-1)).toEqual([total, 1 / total]);
  });

  test('with few points keeps them all', () => {
    const few = points(0, 1500);
    expect(drawnPoints(extended(extended(EMPTY_CURVE, few.slice(0, 9)), few.slice(9)))).toEqual(few);
  });
});
