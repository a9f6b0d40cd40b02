/** What Unroll shows of the output layer and the loss agrees with the trace, and the position at which it opens. */
import { describe, expect, test } from '@jest/globals';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { type Trace, trace } from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { mostActive } from '../../studio/src/position.js';
import { outputAt } from '../../studio/src/unroll/output.js';
import { buildModel } from '../support/model.js';

const [T, H, C] = [5, 4, 3];
const NAMES = ['x', 'y', 'z'];
/** Step 2 has no target. */
const WEIGHTS = [1, 1, 0, 1, 1];
const sumOf = (values: readonly { product: number }[]): number => values.reduce((sum, { product }) => sum + product, 0);

async function traceOf(size: number, targets: Int32Array | Float64Array): Promise<Trace> {
  const spec: ModelSpec = {
    inputSize: 2,
    layers: [
      { kind: 'lstm', hiddenSize: H },
      { kind: 'lstm', hiddenSize: H, name: 'second' },
      { kind: 'linear', size },
    ],
  };
  const model = buildModel(createReference('float64'), spec);
  const { inputs } = randomBatch(spec, { steps: T, batchSize: 1 }, size);
  return trace(model, { steps: T, batchSize: 1, inputs, targets, weights: Float64Array.from(WEIGHTS) });
}

describe.each([
  ['classes', C, Int32Array.of(0, 2, 1, 1, 0)],
  ['a number', 1, Float64Array.of(0.5, -1, 9, 0.25, 2)],
] as const)('the output for %s', (_, size, targets) => {
  test('its sums, its loss and its gradients are those of the trace', async () => {
    const whole = await traceOf(size, targets as Int32Array);
    const last = whole.layers[1]!;
    let total = 0;
    for (let t = 0; t < T; t++) {
      for (let unit = 0; unit < H; unit++) {
        const output = outputAt(whole, last, t, unit, NAMES)!;
        const { shown, terms, gradTerms } = output;
        expect(output.target).toBe(WEIGHTS[t] === 0 ? null : targets[t]);
        expect(shown.value).toBe(whole.output.data[t * size + shown.index]);
        expect(sumOf(terms!)).toBeCloseTo(shown.value, 12);
        const [own] = terms!;
        expect(own!.factor).toBe(last.h.data[t * H + unit]);
        expect(own!.product).toBeCloseTo(own!.factor * own!.weight, 12);
        expect(sumOf(gradTerms!)).toBeCloseTo(last.grad.hFromAbove.data[t * H + unit]!, 12);
      }
      const { prediction, rows, shown, target, loss, counted } = outputAt(whole, last, t, 0, NAMES)!;
      expect(counted).toBe(4);
      total += loss / counted;
      if (prediction === 'class') {
        expect(rows.reduce((sum, { probability }) => sum + probability!, 0)).toBeCloseTo(1, 12);
        expect(rows.map(({ name, index }) => NAMES[index] === name)).toEqual([true, true, true]);
        if (target === null) continue;
        expect(shown.index).toBe(target);
        expect(loss).toBeCloseTo(-Math.log(shown.probability!), 12);
        for (const { probability, grad, isTarget } of rows)
          expect(grad).toBeCloseTo((probability! - (isTarget ? 1 : 0)) / counted, 12);
      } else if (target !== null) {
        expect(loss).toBeCloseTo((shown.value - target) ** 2, 12);
        expect(shown.grad).toBeCloseTo((2 * (shown.value - target)) / counted, 12);
      }
    }
    expect(total).toBeCloseTo(whole.loss, 12);
  });

  test('a layer below the last has no sums: the output layer does not read it', async () => {
    const whole = await traceOf(size, targets as Int32Array);
    const { terms, gradTerms, shown } = outputAt(whole, whole.layers[0]!, 3, 1, NAMES)!;
    expect([terms, gradTerms]).toEqual([null, null]);
    expect(shown.value).toBe(whole.output.data[3 * size + shown.index]);
  });
});

test('Unroll opens where the change of c times its gradient is largest', async () => {
  const [layer] = (await traceOf(C, Int32Array.of(0, 2, 1, 1, 0))).layers;
  const { c, grad } = layer!;
  const sizes = Array.from({ length: T * H }, (_, at) => {
    const before = at < H ? 0 : c.data[at - H]!;
    return Math.abs((c.data[at]! - before) * grad.c.data[at]!);
  });
  const { time, unit } = mostActive(layer!);
  expect(sizes[time * H + unit]).toBe(Math.max(...sizes));
  expect(Math.max(...sizes)).toBeGreaterThan(2 * sizes[0]!);
});
