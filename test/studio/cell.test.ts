/** The numbers that Unroll shows for one unit satisfy (F3), (F4), (B4) and (B3), with a projection too. */
import { expect, test } from '@jest/globals';
import { randomBatch } from '../../src/core/gradcheck.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { trace } from '../../src/inspect/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { cellAt } from '../../studio/src/unroll/cell.js';
import { buildModel } from '../support/model.js';

test.each([
  ['plain', {}],
  ['projected', { projectionSize: 2 }],
  ['projected and reverse', { projectionSize: 2, direction: 'reverse' }],
] as const)('a %s layer', async (_, own) => {
  const spec: ModelSpec = {
    inputSize: 3,
    layers: [
      { kind: 'lstm', hiddenSize: 4, ...own },
      { kind: 'linear', size: 2 },
    ],
  };
  const [T, H] = [5, 4];
  const model = buildModel(createReference('float64'), spec);
  const { layers } = await trace(model, randomBatch(spec, { steps: T, batchSize: 1 }, model.outputSize));
  for (let t = 0; t < T; t++) {
    for (let unit = 0; unit < H; unit++) {
      const { gate, c, h, tanhC, cBefore, hBefore, ...from } = cellAt(layers[0]!, t, unit);
      expect(c.value).toBeCloseTo(gate.f.value * cBefore.value + gate.i.value * gate.g.value, 12);
      expect(h.value).toBeCloseTo(gate.o.value * tanhC, 12);
      expect(h.grad).toBeCloseTo(from.hFromAbove + from.hFromNext, 12);
      expect(gate.o.grad).toBeCloseTo(h.grad * tanhC, 12);
      expect(c.grad).toBeCloseTo(from.cFromNext + h.grad * gate.o.value * (1 - tanhC * tanhC), 12);
      expect(cBefore.grad).toBeCloseTo(c.grad * gate.f.value, 12);
      expect(Number.isFinite(hBefore.value) && Number.isFinite(hBefore.grad)).toBe(true);
    }
  }
});
