/** Specs that come from files: whatever JSON they contain, they are either read or rejected with an `UnspoolError`. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { shown } from '../../src/checks.js';
import { requireLoss } from '../../src/core/losses.js';
import { requireSpec } from '../../src/core/spec-check.js';
import { UnspoolError } from '../../src/errors.js';
import { createOptimizer } from '../../src/optim/index.js';
import { createSchedule } from '../../src/optim/schedules.js';
import { anyJson, pathsOf, replaced } from '../support/any-json.js';
import { read } from '../support/source.js';

/** A spec that uses every setting. */
const SPEC: unknown = JSON.parse(read('test/support/every-setting.json'));

/** Each reader, with valid specs. */
const READERS: readonly (readonly [name: string, read: (value: never) => unknown, good: readonly unknown[]])[] = [
  ['a model', requireSpec, [SPEC]],
  [
    'a loss',
    requireLoss,
    [
      { kind: 'crossEntropy', classWeights: [1, 2], ignoreIndex: -1, labelSmoothing: 0.1, reduction: 'sum' },
      { kind: 'ctc', blank: 1, reduction: 'mean', zeroInfinity: true },
      { kind: 'huber', delta: 1 },
      { kind: 'quantile', quantiles: [0.1, 0.9] },
    ],
  ],
  [
    'an optimizer',
    createOptimizer,
    [
      { kind: 'sgd', learningRate: 0.1, momentum: 0.9 },
      {
        kind: 'grouped',
        learningRate: 1,
        groups: [
          { match: '*.bias_*', optimizer: { kind: 'adam', learningRate: 0.1, beta1: 0.5 } },
          { match: ['a', 'b*'], optimizer: null },
        ],
        rest: { kind: 'lion', learningRate: 0.1 },
      },
    ],
  ],
  [
    'a schedule',
    createSchedule,
    [
      { kind: 'stepDown', every: 'epoch', factor: 0.5 },
      { kind: 'reduceOnPlateau', factor: 0.5, patience: 2 },
      {
        kind: 'chain',
        parts: [
          { steps: 4, schedule: 'linear' },
          { schedule: { kind: 'cosineRestarts', first: 4, mult: 2, min: 0.1 } },
        ],
      },
    ],
  ],
];

describe('any JSON value anywhere in the spec is read or rejected:', () => {
  test.each(READERS)('%s', (_, read, good) => {
    for (const value of good) expect(() => read(value as never)).not.toThrow();
    const places = good.flatMap((value) => pathsOf(value).map((path) => ({ value, path })));
    const damage = fc.property(fc.constantFrom(...places), anyJson, ({ value, path }, put) => {
      try {
        read(replaced(value, path, put) as never);
      } catch (error) {
        if (!(error instanceof UnspoolError)) throw error;
        expect(error.code).toBe('INVALID_SETTING');
      }
    });
    fc.assert(damage, { numRuns: 1000 });
  });
});

test('any value can be shown in a message', () => {
  const values = [{ toString: {} }, null, undefined, 1n, Number.NaN, -0, 'a "b"', Math.max, Symbol('s'), [1, [2]]];
  expect(values.map(shown)).toEqual([
    ...['{"toString":{}}', 'null', 'undefined', '1', 'NaN', '0', '"a \\"b\\""'],
    ...['a function max()', 'Symbol(s)', '[1,[2]]'],
  ]);
});
