/** What the tour's figures are computed from agrees with the text of their chapters. */
import { describe, expect, test } from '@jest/globals';
import { backpropagation } from '../../studio/src/engine/lessons/backpropagation.js';
import { dataPreparation } from '../../studio/src/engine/lessons/data-preparation.js';
import { forwardPass } from '../../studio/src/engine/lessons/forward-pass.js';
import { initialization } from '../../studio/src/engine/lessons/initialization.js';
import { loss } from '../../studio/src/engine/lessons/loss.js';
import { parameterUpdate } from '../../studio/src/engine/lessons/parameter-update.js';

describe('data preparation', () => {
  const { batches, streams, vocabulary, steps, measurements } = dataPreparation();

  test('the target of a time step is the input of the next one, and a batch continues where the one before ended', () => {
    expect(batches.length).toBeGreaterThan(2);
    for (const [k, parts] of batches.entries()) {
      expect(parts).toHaveLength(streams.length);
      for (const [n, { inputs, tokens, targets }] of parts.entries()) {
        expect(inputs).toHaveLength(steps);
        expect(targets.slice(0, -1)).toEqual(inputs.slice(1));
        expect(tokens.map((token) => vocabulary[token])).toEqual(inputs);
        expect(inputs).toEqual(streams[n]!.slice(k * steps, (k + 1) * steps));
        if (k > 0) expect(batches[k - 1]![n]!.targets.at(-1)).toBe(inputs[0]);
      }
    }
  });

  test('measurements have a mean of 0 and a standard deviation of 1 over the training data only', () => {
    const { standardized, values, cut } = measurements;
    const statistics = (all: readonly number[]) => {
      const mean = all.reduce((a, b) => a + b, 0) / all.length;
      return [mean, Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length)] as const;
    };
    const [mean, std] = statistics(standardized.slice(0, cut));
    expect(mean).toBeCloseTo(0, 12);
    expect(std).toBeCloseTo(1, 12);
    expect(Math.abs(statistics(standardized)[0])).toBeGreaterThan(0.001);
    expect(statistics(values.slice(0, cut))).toEqual([measurements.mean, measurements.std]);
  });
});

describe('initialization', () => {
  test('equal weights make all units compute the same thing, random weights make them differ', async () => {
    expect((await initialization('equal', 1)).distinctUnits).toBe(1);
    const { distinctUnits, units } = await initialization('uniform', 1);
    expect(distinctUnits).toBe(units);
  });

  test('with small weights a signal fades, with large weights it grows and the gates saturate', async () => {
    const [small, uniform, large] = [
      await initialization('small', 1),
      await initialization('uniform', 1),
      await initialization('large', 1),
    ];
    expect(small.lengths.at(-1)).toBeLessThan(1e-10);
    expect(large.lengths.at(-1)).toBeGreaterThan(1e10);
    expect(uniform.saturated).toBeLessThan(0.1);
    expect(large.saturated).toBeGreaterThan(0.6);
    expect(Math.max(...uniform.weights)).toBeLessThan(1 / Math.sqrt(uniform.units));
    expect(Math.max(...uniform.weights)).toBeGreaterThan(0.95 / Math.sqrt(uniform.units));
  });

  test('orthogonal weights keep the length of a signal', async () => {
    const { lengths, singular } = await initialization('orthogonal', 1);
    for (const length of lengths) expect(length).toBeCloseTo(1, 9);
    for (const value of singular) expect(value).toBeCloseTo(1, 9);
  });

  test.each([-1, 0, 1, 3])('a forget gate bias of %i opens the forget gate accordingly', async (bias) => {
    const { meanForget } = await initialization('uniform', bias);
    expect(meanForget).toBeCloseTo(1 / (1 + Math.exp(-bias)), 1);
  });
});

test('forward pass: the cell state of the counting unit moves at each one, and hardly in between', async () => {
  const { inputs, units, counter } = await forwardPass();
  const { i, f, o, c, h } = units[counter]!;
  const moves = { one: [] as number[], zero: [] as number[] };
  for (let t = 1; t < inputs.length; t++) moves[inputs[t] === 1 ? 'one' : 'zero'].push(Math.abs(c[t]! - c[t - 1]!));
  expect(moves.one.length).toBeGreaterThan(3);
  expect(moves.zero.length).toBeGreaterThan(3);
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  expect(Math.min(...moves.one)).toBeGreaterThan(0.05);
  expect(mean(moves.one)).toBeGreaterThan(4 * mean(moves.zero));
  for (const gate of [i, f, o]) for (const value of gate) expect(Math.abs(value - 0.5)).toBeLessThan(0.5);
  for (const t of inputs.keys()) expect(h[t]).toBeCloseTo(o[t]! * Math.tanh(c[t]!), 12);
});

test('loss: minus the logarithm of the probability; near ln V before training, far below it after', async () => {
  const [untrained, trained] = [await loss(0), await loss(200)];
  for (const { losses, probabilities, mean } of [untrained, trained]) {
    for (const [t, p] of probabilities.entries()) expect(losses[t]).toBeCloseTo(-Math.log(p), 12);
    expect(mean).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / losses.length, 12);
  }
  expect(untrained.mean / Math.log(untrained.classes)).toBeCloseTo(1, 1);
  expect(trained.mean).toBeLessThan(0.5 * Math.log(trained.classes));
});

test('backpropagation: the gradient survives where the forget gate is open, and vanishes where it is closed', async () => {
  const [closed, open] = [await backpropagation(-2), await backpropagation(5)];
  const reach = ({ total }: typeof open): number => total[0]! / total.at(-1)!;
  expect(closed.meanForget).toBeLessThan(0.2);
  expect(open.meanForget).toBeGreaterThan(0.95);
  expect(reach(closed)).toBeLessThan(1e-6);
  expect(reach(open)).toBeGreaterThan(0.1);
  expect(open.alongC.at(-1)).toBe(0); // nothing comes back from after the last step
});

describe('parameter update', () => {
  test('after the first update the points lie on two lines, at the learning rate against the gradient', async () => {
    const { points, learningRate, update } = await parameterUpdate(1);
    expect(update).toBe(1);
    expect(points).toHaveLength(4 * 16 * 16);
    expect(new Set(points.map(([gradient]) => Math.sign(gradient)))).toEqual(new Set([-1, 1]));
    const epsilon = 1e-8;
    for (const [gradient, change] of points) {
      expect(change).toBeCloseTo((-learningRate * gradient) / (Math.abs(gradient) + epsilon), 9);
    }
  });

  test('after further updates they spread out', async () => {
    const { points, learningRate, update } = await parameterUpdate(10);
    expect(update).toBe(10);
    const near = points.filter(([, change]) => Math.abs(Math.abs(change) - learningRate) < 1e-4);
    expect(near.length).toBeLessThan(points.length / 10);
  });
});
