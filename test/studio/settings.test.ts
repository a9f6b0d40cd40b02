/** Settings in a URL, and the lists of choices. */
import { describe, expect, test } from '@jest/globals';
import { ESTIMATORS, parseEstimator } from '../../src/lab/index.js';
import { createOptimizer, OPTIMIZERS } from '../../src/optim/index.js';
import { choices } from '../../studio/src/engine/choices.js';
import { settingsOfFile } from '../../studio/src/engine/file-settings.js';
import { describeEstimator } from '../../studio/src/estimators.js';
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

describe('settings of a model file', () => {
  const lstm = { kind: 'lstm', hiddenSize: 20, cell: { peepholes: true } } as const;
  const spec = { layers: [{ kind: 'embedding', size: 9, width: 4 }, lstm, lstm, { kind: 'linear', size: 9 }] } as const;
  const current = { ...settingsOf('names'), seed: 7, backend: 'wasm' } as const;

  test('of the command line: the preset of its text, its sizes and its training settings', () => {
    const metadata = { text: 'data/moby-dick.txt', settings: { batchSize: 3, steps: 5, optimizer: 'adamw', lr: 0.5 } };
    const training = { batchSize: 3, steps: 5, optimizer: 'adamw', learningRate: 0.5 };
    expect(settingsOfFile({ spec, metadata }, current)).toEqual({
      ...current,
      ...training,
      preset: 'novel',
      layers: 2,
      units: 20,
      cell: 'peepholes',
    });
  });

  test('of the Studio: the preset that it was saved with; of others, the current settings', () => {
    const saved = { preset: 'births', settings: { batchSize: 4, steps: 8, optimizer: 'sgd', learningRate: 0.25 } };
    const want = { preset: 'births', batchSize: 4, steps: 8, optimizer: 'sgd', learningRate: 0.25 };
    expect(settingsOfFile({ spec, metadata: saved }, current)).toMatchObject(want);
    const other = { preset: 'own', text: 'x/own.txt', settings: { batchSize: 1e9, steps: null } };
    const sizes = { layers: 2, units: 20, cell: 'peepholes' };
    expect(settingsOfFile({ spec, metadata: other }, current)).toEqual({ ...current, ...sizes });
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
    for (const estimator of estimators) expect(describeEstimator(estimator)).not.toBe('');
    expect(estimators).toEqual(expect.arrayContaining(['bptt', 'tbptt:k1=4,k2=8', 'rtrl']));
  });
});
