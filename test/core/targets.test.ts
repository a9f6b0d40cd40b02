/** Which numbers are targets of a loss, and what an error says about those that are not. */
import { expect, test } from '@jest/globals';
import type { LossSpec } from '../../src/core/losses.js';
import { readTargets, readWeights, requireTargetCount, requireTargets } from '../../src/core/targets.js';
import { problemOf, thrown } from '../support/errors.js';

const rows = { steps: 3, batchSize: 2, width: 2 };
const MSE = { kind: 'meanSquaredError' } as const;
const CLASSES = { kind: 'crossEntropy' } as const;

/** The losses that an error names for `targets`, of an output of `width` columns. */
function fits(targets: number[], change: object = {}): string {
  const wrong = { kind: 'quantile', quantiles: [0.1, 0.5, 0.9, 0.95, 0.99] } as const;
  const { help } = problemOf(
    thrown(() => requireTargetCount(wrong, targets, { ...rows, width: 10, ...change })),
    'SHAPE_MISMATCH',
  );
  return /These targets fit (.*)\.$/.exec(help ?? '')?.[1] ?? help ?? '';
}

test('an error names the losses that the targets fit', () => {
  expect(fits([])).toBe('');
  expect(fits([1, 2, 3, Number.NaN, 5, 6])).toBe('');
  expect(fits([Number.POSITIVE_INFINITY])).toBe('');
  expect(fits([0, -1, 9, 3, 4, 5])).toBe('crossEntropy, quantile (with 10 quantiles)');
  expect(fits([0, -2, 9, 3, 4, 5])).toBe('quantile (with 10 quantiles)');
  expect(fits([0, 1, 10, 3, 4, 5])).toBe('quantile (with 10 quantiles)');
  expect(fits([0, 1, 0.5, 3, 4, 5])).toBe('quantile (with 10 quantiles)');
  expect(fits(new Array(4).fill(3))).toBe('ctc, quantile (with 15 quantiles)');
  expect(fits(new Array(7).fill(3))).toBe('no other loss'); // 3.5 labels of each sequence
  expect(fits(new Array(60).fill(0))).toBe('meanSquaredError, meanAbsoluteError, huber, binaryCrossEntropy');
  expect(fits(new Array(60).fill(1))).toBe('meanSquaredError, meanAbsoluteError, huber, binaryCrossEntropy');
  for (const outside of [-0.1, 1.1]) {
    expect(fits(new Array(60).fill(outside))).toBe('meanSquaredError, meanAbsoluteError, huber');
  }
  expect(fits(new Array(30).fill(0.5))).toBe('gaussian, quantile (with 2 quantiles)');
  expect(fits(new Array(120).fill(0.5))).toBe('no other loss');
});

test('an error says how to change the shape', () => {
  const help = (spec: LossSpec, count: number, change: object = {}) =>
    problemOf(
      thrown(() => requireTargetCount(spec, new Array(count).fill(0.5), { ...rows, ...change })),
      'SHAPE_MISMATCH',
    ).help!.split(' These')[0];
  const perSequence = "For one target per sequence, set returns: 'last' in the last lstm layer.";
  const perStep = "For a target per step, remove returns: 'last'.";
  expect([help(MSE, 4), help(CLASSES, 2), help(MSE, 8)]).toEqual([
    perSequence,
    perSequence,
    expect.not.stringMatching(/For/),
  ]);
  expect(help(MSE, 12, { steps: 1 })).toBe(perStep);
  expect([help(MSE, 2, { steps: 1 }), help(MSE, 6, { steps: 1 })]).toEqual(
    new Array(2).fill(expect.not.stringMatching(/For/)),
  );
  expect([help(CLASSES, 12), help(CLASSES, 18, { width: 3 })]).toEqual(
    new Array(2).fill('Pass class numbers, not rows.'),
  );
  expect(help(MSE, 24)).not.toMatch(/class numbers/);
  expect(thrown(() => requireTargetCount(MSE, 'abc', rows)).message).toMatch(/^targets must be an array/);
});

const message = (act: () => void) => thrown(act).message;

test('classes: from 0 to the width, and the ignored one', () => {
  const check =
    (targets: number[], spec: LossSpec = CLASSES) =>
    () =>
      requireTargets(spec, targets, rows);
  check([0, 1, -1, 0, 1, 1])();
  check([0, 1, 7, 0, 1, 1], { ...CLASSES, ignoreIndex: 7 })();
  expect(message(check([0, 1, 2, 0, 1, 1]))).toMatch(
    /^targets\[2\] \(step 1, sequence 0\) must be an integer from 0 to 1, got 2\. These targets fit gaussian, quantile/,
  );
  expect(message(check([0, 1, -1, 0, 1, 1], { ...CLASSES, ignoreIndex: 7 }))).toMatch(/got -1/);
  expect(message(check([0, 1, 1, 0, 1, 1, 0]))).toMatch(/^crossEntropy: targets must have shape \[3, 2\], got \[7\]/);
  const single = () => requireTargets(CLASSES, [0, 0, 0, 0, 0, 0], { ...rows, width: 1 });
  expect(message(single)).toMatch(
    /^targets cannot be classes: crossEntropy needs an output of several columns\. These/,
  );
});

test('values: finite, and from 0 to 1 for binary cross-entropy; numbers that nothing reads may be anything', () => {
  const twelve = (value: number) => [...new Array(7).fill(0.5), value, 0, 1, 1, 0];
  const check = (kind: 'meanSquaredError' | 'binaryCrossEntropy', value: number) => () =>
    requireTargets({ kind }, twelve(value), rows);
  check('meanSquaredError', -7)();
  for (const value of [0, 1]) check('binaryCrossEntropy', value)();
  for (const value of [-0.01, 1.01]) {
    expect(message(check('binaryCrossEntropy', value))).toMatch(
      `targets[7] (step 1, sequence 1, column 1) must be a finite number from 0 to 1, got ${value}.`,
    );
  }
  expect(message(check('meanSquaredError', Number.NaN))).toMatch(/^targets\[7\] .* must be a finite number, got NaN/);
  requireTargets(MSE, twelve(Number.NaN), rows, (i) => i === 7);
  expect(message(() => requireTargets(MSE, twelve(Number.NaN), rows, (i) => i === 8))).toMatch(/^targets\[7\]/);
});

test('reading checks what counts: targets and weights', () => {
  const weights = [1, 1, 0, 1, 1, 1];
  const of = (at: number) => [0, 1, 2, 3, 4, 5].map((i) => (i === at ? 9 : i % 2));
  expect(readTargets(CLASSES, rows, of(2), weights).targets[2]).toBe(-1);
  expect(message(() => readTargets(CLASSES, rows, of(3), weights))).toMatch(/^targets\[3\]/);
  expect(message(() => readTargets(CLASSES, rows, of(3), null))).toMatch(/^targets\[3\]/);
  const all = readTargets(CLASSES, rows, of(-1), [2, 2, 2, 2, 2, 2]);
  expect([all.targets, [...all.rowWeights!]]).toEqual([of(-1), new Array(6).fill(2)]);
  expect(message(() => readWeights([1], rows, null))).toMatch(/^loss: weights must have shape \[3, 2\], got \[1\]/);
  expect(message(() => readWeights([1, 1, 1, -1, 1, 1], rows, null))).toMatch(
    /^weights\[3\] \(step 1, sequence 1\) must be a finite number of at least 0, got -1/,
  );
});
