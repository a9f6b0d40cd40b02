/** The gradient check passes for correct gradients of every kind of model, and detects every planted error. */
import { describe, expect, test } from '@jest/globals';
import { type GradcheckOptions, gradcheck } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { problemOf, rejected } from '../support/errors.js';
import { live, RIGHT_FORMULAS, withFormulas, withInstructions } from '../support/kernels.js';
import { buildModel } from '../support/model.js';

import { ANY, lossPlants } from './gradcheck-loss-plants.js';
import { cellPlants, productPlants } from './gradcheck-plants.js';
import {
  BARE,
  BITS,
  batchOf,
  CLASSES,
  check,
  DEEP_HEAD,
  H2,
  IGNORED,
  NO_BIAS,
  O,
  REGRESSION,
} from './gradcheck-support.js';

describe('correct gradients pass', () => {
  const cases: readonly (readonly [string, ModelSpec, GradcheckOptions])[] = [
    ['embedding, two LSTM layers, linear, cross-entropy', CLASSES, {}],
    ['cross-entropy, summed', CLASSES, { loss: { kind: 'crossEntropy', reduction: 'sum' } }],
    [
      'cross-entropy, weighted, smoothed, one class ignored',
      CLASSES,
      {
        loss: {
          kind: 'crossEntropy',
          classWeights: [1, 0.5, 2, 1.5, 0.25, 3, 0.75],
          labelSmoothing: 0.2,
          ignoreIndex: IGNORED,
        },
      },
    ],
    ['values, the last step, squared error', REGRESSION, {}],
    ['no biases', NO_BIAS, {}],
    ['values, binary cross-entropy', BITS, { loss: 'binaryCrossEntropy' }],
    ['no layer over the LSTM', BARE, {}],
    ['two linear layers', DEEP_HEAD, {}],
  ];
  test.each(cases)('%s', async (_, spec, options) => {
    const report = await check(createReference('float64'), spec, options);
    expect(report.worst).toEqual(expect.objectContaining({ relativeError: expect.any(Number) }));
    expect(report.worst.relativeError).toBeLessThan(report.tolerance);
    expect(report.passed).toBe(true);
    const model = buildModel(createReference('float64'), spec);
    const checked = report.tensors.map((t) => t.tensor);
    for (const { name, size } of model.parameters.layout.entries) {
      expect(report.tensors.find((t) => t.tensor === name)?.checked).toBe(size);
    }
    const lstms = spec.layers.filter((l) => l.kind === 'lstm').length;
    expect(checked.filter((name) => name.includes('initial'))).toHaveLength(2 * lstms);
    expect(checked.includes('input')).toBe(spec.inputSize !== undefined);
  });

  test('the ignored class occurs in the targets', () => {
    const targets = Array.from(batchOf(CLASSES, buildModel(createReference('float64'), CLASSES)).targets);
    expect(targets.filter((t) => t === IGNORED).length).toBeGreaterThan(0);
    expect(targets.filter((t) => t !== IGNORED).length).toBeGreaterThan(0);
  });

  test('the formulas for planted errors are correct without an error', async () => {
    expect((await check(withFormulas(RIGHT_FORMULAS), CLASSES)).passed).toBe(true);
  });
});

describe('planted errors are caught', () => {
  test.each([...cellPlants, ...productPlants, ...lossPlants])('$name', async (plant) => {
    const { kernels, spec = CLASSES, options = {}, worst, clean } = plant;
    const report = await check(kernels(), spec, { perTensor: 6, ...options });
    expect(report.passed).toBe(false);
    expect(report.worst.relativeError).toBeGreaterThan(100 * report.tolerance);
    expect(report.worst.tensor).toMatch(worst);
    const wrong = report.tensors.filter((t) => !(t.worst.relativeError <= report.tolerance)).map((t) => t.tensor);
    expect(wrong).toContain(report.worst.tensor);
    if (clean) {
      expect(report.tensors.some((t) => clean.test(t.tensor))).toBe(true);
      expect(wrong.filter((name) => clean.test(name))).toEqual([]);
    }
    if (worst === ANY) expect(wrong).toEqual(report.tensors.map((t) => t.tensor));
  });

  test('a single NaN counts as the largest error', async () => {
    const k = withInstructions((right) => ({
      sumRows: (out, a) => {
        right.sumRows(out, a);
        if (out.cols === O) live(right, out)[3] = Number.NaN;
      },
    }));
    const report = await check(k, CLASSES, { perTensor: 10 });
    expect(report.passed).toBe(false);
    expect(report.worst).toMatchObject({ tensor: 'head.bias', index: [3], analytic: Number.NaN });
  });
});

describe('the report', () => {
  test('perTensor limits the number of compared elements, spread over the tensor', async () => {
    const report = await check(createReference('float64'), CLASSES, { perTensor: 5 });
    for (const t of report.tensors) {
      expect(t.checked).toBeLessThanOrEqual(5);
      expect(t.checked).toBeGreaterThanOrEqual(3);
    }
  });

  test('gradcheck does not change the parameters', async () => {
    const model = buildModel(createReference('float64'), CLASSES);
    const before = await model.kernels.download(model.parameters.matrix);
    await gradcheck(model, batchOf(CLASSES, model));
    expect(await model.kernels.download(model.parameters.matrix)).toEqual(before);
  });

  test('the worst element has the index of the planted error', async () => {
    const k = withInstructions((right) => ({
      gemm: (out, a, b, o) => {
        right.gemm(out, a, b, o);
        if (o?.transA && out.rows === O) live(right, out)[3 * H2 + 2]! += 1;
      },
    }));
    const { worst } = await check(k, CLASSES);
    expect(worst).toMatchObject({ tensor: 'head.weight', index: [3, 2] });
    expect(worst.analytic - worst.numeric).toBeCloseTo(1, 6);
  });

  test('float32 and an invalid epsilon are rejected', async () => {
    const single = await rejected(() => check(createReference('float32'), CLASSES));
    expect(problemOf(single, 'INVALID_SETTING').path).toBe('precision');
    const zero = await rejected(() => check(createReference('float64'), CLASSES, { epsilon: 0 }));
    expect(problemOf(zero, 'INVALID_SETTING').path).toBe('epsilon');
  });
});
