import { describe, expect, test } from '@jest/globals';
import { type Initializer, initialize } from '../../src/core/init.js';
import { rareInitializers } from '../../src/core/initializers.js';
import type { Model } from '../../src/core/model.js';
import { createRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { flat } from '../support/arrays.js';
import { build, lstm, VALUES } from './support.js';

describe('initial parameters', () => {
  const gate = (model: Model, name: string, index: number, H: number): number[] => {
    const all = flat(model.parameters.get(name));
    const size = (all.length / 4) | 0;
    expect(size * 4).toBe(all.length);
    expect(size % H).toBe(0);
    return all.slice(index * size, (index + 1) * size);
  };

  test('the two biases of the forget gate add up to 1, the other biases are 0', () => {
    const model = build(VALUES);
    for (const [level, H] of [4, 5].entries()) {
      for (let g = 0; g < 4; g++) {
        const [ih, hh] = ['ih', 'hh'].map((part) => gate(model, `lstm.bias_${part}_l${level}`, g, H));
        expect(ih!.map((v, j) => v + hh![j]!)).toEqual(new Array(H).fill(g === 1 ? 1 : 0));
      }
    }
  });

  test('forgetBias sets the sum of the two biases; null keeps the random ones', () => {
    const bias: Initializer = { kind: 'constant', value: 0.25 };
    const sum = (forgetBias: number | null) => {
      const model = build({ inputSize: 2, layers: [lstm(3, { init: { bias, forgetBias } })] });
      const [ih, hh] = ['ih', 'hh'].map((part) => flat(model.parameters.get(`lstm.bias_${part}_l0`)));
      return ih!.map((v, j) => v + hh![j]!);
    };
    const blocks = (f: number) => [0.5, f, 0.5, 0.5].flatMap((v) => [v, v, v]);
    expect(sum(-2)).toEqual(blocks(-2));
    expect(sum(0)).toEqual(blocks(0));
    expect(sum(null)).toEqual(blocks(0.5));
  });

  test.each([
    ['square', 7, 7],
    ['tall', 7, 4],
    ['wide', 4, 7],
  ])('orthogonal: the block of each gate is orthogonal (%s)', (_, H, D) => {
    const model = build({
      inputSize: D,
      layers: [lstm(H, { init: { input: 'orthogonal', recurrent: 'orthogonal' } })],
    });
    for (const [name, cols] of [
      ['lstm.weight_ih_l0', D],
      ['lstm.weight_hh_l0', H],
    ] as const) {
      const blocks = [0, 1, 2, 3].map((g) => gate(model, name, g, H));
      for (const block of blocks) {
        const byRow = H <= cols;
        const vectors = Array.from({ length: Math.min(H, cols) }, (_, a) =>
          Array.from({ length: Math.max(H, cols) }, (_, b) => (byRow ? block[a * cols + b]! : block[b * cols + a]!)),
        );
        vectors.forEach((u, a) => {
          vectors.forEach((v, b) => {
            expect(u.reduce((sum, x, k) => sum + x * v[k]!, 0)).toBeCloseTo(a === b ? 1 : 0, 12);
          });
        });
      }
      expect(blocks[0]).not.toEqual(blocks[1]);
    }
  });

  test('many vectors are orthogonal to the last digit', () => {
    const n = 60;
    const m = initialize('orthogonal', { rows: n, cols: n, fan: n, rng: createRng(1, 'orthogonal') }, rareInitializers);
    let largest = 0;
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < a; b++) {
        let dot = 0;
        for (let k = 0; k < n; k++) dot += m[a * n + k]! * m[b * n + k]!;
        largest = Math.max(largest, Math.abs(dot));
      }
    }
    expect(largest).toBeLessThan(3e-15);
  });

  /** Mean, standard deviation and maximum. */
  const statistics = (values: readonly number[]) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    return { mean, std: Math.sqrt(variance), largest: Math.max(...values.map(Math.abs)) };
  };

  const [H, D] = [40, 24];
  test.each<[string, Initializer, number, number]>([
    ['uniform', 'uniform', 1 / Math.sqrt(H), 1 / Math.sqrt(3 * H)],
    ['xavierUniform', 'xavierUniform', Math.sqrt(6 / (H + D)), Math.sqrt(2 / (H + D))],
    ['xavierNormal', 'xavierNormal', Number.POSITIVE_INFINITY, Math.sqrt(2 / (H + D))],
    ['normal', 'normal', Number.POSITIVE_INFINITY, 1],
    ['uniform by a bound', { kind: 'uniform', bound: 0.3 }, 0.3, 0.3 / Math.sqrt(3)],
    ['normal by a deviation', { kind: 'normal', std: 0.2 }, Number.POSITIVE_INFINITY, 0.2],
  ])('%s has the right bound and standard deviation', (_, input, bound, std) => {
    const model = build({ inputSize: D, layers: [lstm(H, { init: { input } })] });
    const all = statistics(flat(model.parameters.get('lstm.weight_ih_l0')));
    expect(all.largest).toBeLessThanOrEqual(bound);
    if (Number.isFinite(bound)) expect(all.largest).toBeGreaterThan(0.99 * bound);
    // With 3840 numbers, the error of the mean is std / 62, and that of the std about 1 %.
    expect(Math.abs(all.mean)).toBeLessThan((4 * std) / Math.sqrt(4 * H * D));
    expect(all.std / std).toBeGreaterThan(0.95);
    expect(all.std / std).toBeLessThan(1.05);
  });

  test('zeros, ones and constants have their values, embedding and head their defaults', () => {
    const model = build({
      layers: [
        { kind: 'embedding', size: 50, width: 40 },
        lstm(3, { init: { input: 'zeros', recurrent: 'ones' } }),
        { kind: 'linear', size: 400, init: { bias: { kind: 'constant', value: -2 } } },
      ],
    });
    const values = (name: string) => flat(model.parameters.get(name));
    expect(new Set(values('lstm.weight_ih_l0'))).toEqual(new Set([0]));
    expect(new Set(values('lstm.weight_hh_l0'))).toEqual(new Set([1]));
    expect(new Set(values('head.bias'))).toEqual(new Set([-2]));
    const embedding = statistics(values('embedding.weight'));
    expect(embedding.std).toBeGreaterThan(0.93);
    expect(embedding.std).toBeLessThan(1.07);
    const head = statistics(values('head.weight')).largest;
    expect(head).toBeLessThanOrEqual(1 / Math.sqrt(3));
    expect(head).toBeGreaterThan(0.98 / Math.sqrt(3));
  });

  test('depend on the seed and their own name, but not on other layers', () => {
    const deeper: ModelSpec = { ...VALUES, layers: [VALUES.layers[0]!, lstm(5), { kind: 'linear', size: 7 }] };
    const weights = (spec: ModelSpec, name: string) => flat(build(spec).parameters.get(name));
    expect(weights(deeper, 'lstm.weight_hh_l0')).toEqual(weights(VALUES, 'lstm.weight_hh_l0'));
    expect(weights({ ...VALUES, seed: 1 }, 'head.weight')).toEqual(weights(VALUES, 'head.weight'));
    expect(weights({ ...VALUES, seed: 2 }, 'head.weight')).not.toEqual(weights(VALUES, 'head.weight'));
    expect(weights(VALUES, 'lstm.weight_hh_l0').slice(0, 8)).not.toEqual(
      weights(VALUES, 'lstm.weight_ih_l0').slice(0, 8),
    );
  });
});
