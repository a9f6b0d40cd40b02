/** What `findLearningRate` makes of given losses: the curve, the suggestion, and where it diverges. */
import { describe, expect, jest, test } from '@jest/globals';
import type { Batch } from '../../src/core/model.js';
import { UnspoolError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { sgd } from '../../src/optim/sgd.js';
import { yieldToEventLoop } from '../../src/train/event-loop-yield.js';
import { findLearningRate } from '../../src/train/find-learning-rate.js';
import { rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const batch: Batch = { steps: 1, batchSize: 1, inputs: [1], targets: [1] };
const train = { stateful: false, length: 3, batch: () => batch };

/** The curve of a training whose losses are given; the last one repeats. */
function curveOf(losses: readonly (number | Error)[], more: object = {}) {
  const model = buildModel(createReference('float64'), { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1 }] });
  let at = 0;
  const gradient = async () => {
    const loss = losses[Math.min(at++, losses.length - 1)]!;
    if (loss instanceof Error) throw loss;
    return { loss };
  };
  const options = { optimizer: sgd({ learningRate: 0.5 }), gradient, from: 1e-3, to: 10, updates: losses.length };
  return findLearningRate(model, { train }, { ...options, ...more } as never);
}

const rateOf = (update: number, updates: number): number => 1e-3 * 1e4 ** ((update - 1) / (updates - 1));
/** A valley with its lowest loss at `lowest`. */
const valley = (length: number, lowest: number, depth = 8): number[] =>
  Array.from({ length }, (_, i) => 10 - Math.max(0, depth - Math.abs(i - lowest)));

describe('the learning rate finder', () => {
  test('means the losses around each, with weights that fall to 0, and suggests a tenth of the rate of the lowest', async () => {
    const losses = valley(30, 17).map((loss, i) => loss + Math.sin(i) / 4);
    const { points, suggestion, divergedAt } = await curveOf(losses);
    const smoothed = losses.map((_, at) => {
      let [sum, weights] = [0, 0];
      for (let i = 0; i < losses.length; i++) {
        const weight = Math.max(0, 6 - Math.abs(i - at));
        sum += weight * losses[i]!;
        weights += weight;
      }
      return sum / weights;
    });
    expect(points).toEqual(
      losses.map((loss, i) => ({
        ...{ loss, learningRate: expect.closeTo(rateOf(i + 1, 30), 12), smoothed: expect.closeTo(smoothed[i]!, 12) },
      })),
    );
    const lowest = smoothed.indexOf(Math.min(...smoothed));
    expect(suggestion).toBeCloseTo(rateOf(lowest + 1, 30) / 10, 12);
    expect(divergedAt).toBeNull();
  });

  test('suggests nothing if the loss is lowest among the last five, or hardly falls', async () => {
    expect((await curveOf(valley(30, 24))).suggestion).toBeCloseTo(rateOf(25, 30) / 10, 12);
    expect((await curveOf(valley(30, 26))).suggestion).toBeNull();
    const fallingBy = (depth: number) =>
      curveOf(Array.from({ length: 40 }, (_, i) => (i > 10 && i < 30 ? 10 - depth : 10)));
    expect((await fallingBy(0.49)).suggestion).toBeNull();
    expect((await fallingBy(0.51)).suggestion).not.toBeNull();
  });

  test('diverges when the mean of five losses is above the first by a tenth of it, and by what it has fallen', async () => {
    const after = (...losses: number[]) => curveOf([...losses, ...new Array<number>(12).fill(10)]);
    const { divergedAt, points } = await after(10, 10, 10, 10, 10, 15.1);
    expect([points.length, divergedAt]).toEqual([6, expect.closeTo(rateOf(6, 18), 12)]);
    expect((await after(10, 10, 10, 10, 10, 14.9)).divergedAt).toBeNull();
    // It has fallen by 6: the mean of (4, 4, 4, 4, x) must be above 16.
    expect((await after(10, 4, 4, 4, 4, 63.9, ...new Array<number>(12).fill(4))).divergedAt).toBeNull();
    expect((await after(10, 4, 4, 4, 4, 64.1)).points).toHaveLength(6);
    expect((await after(10, 12.1)).points).toHaveLength(2); // the mean of two
    // A lowest loss among the last five counts if the loss diverges after it.
    const steep = await curveOf([...valley(20, 12), ...new Array<number>(10).fill(200)]);
    expect(steep.suggestion).not.toBeNull();
  });

  test('a loss that is not finite diverges at the next rate; other errors are thrown', async () => {
    const broken = await curveOf([10, 9, Number.NaN, ...new Array<number>(9).fill(1)]);
    expect([broken.points.length, broken.divergedAt]).toEqual([2, expect.closeTo(rateOf(3, 12), 12)]);
    const failure = new TypeError('no luck');
    await expect(curveOf([10, failure, ...new Array<number>(9).fill(1)])).rejects.toBe(failure);
    const data = new UnspoolError({ code: 'INVALID_DATA', what: 'x', problem: 'is wrong.' });
    expect((await rejected(() => curveOf([10, data, ...new Array<number>(9).fill(1)]))).code).toBe('INVALID_DATA');
  });

  test('by default, makes 100 updates from 1e-6 to 10', async () => {
    const { points } = await curveOf([10], { from: undefined, to: undefined, updates: undefined });
    expect(points).toHaveLength(100);
    expect(points[0]!.learningRate).toBeCloseTo(1e-6, 15);
    expect(points[99]!.learningRate).toBeCloseTo(10, 9);
  });
});

test('yields to the event loop every 30 ms, also without setImmediate', async () => {
  let now = 1e6;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
  const { setImmediate } = globalThis;
  try {
    for (const immediate of [setImmediate, undefined]) {
      globalThis.setImmediate = immediate as never;
      now += 1000;
      const first = yieldToEventLoop();
      expect(first).toBeInstanceOf(Promise);
      await first;
      now += 29;
      expect(yieldToEventLoop()).toBeUndefined();
      now += 1;
      await expect(yieldToEventLoop()).resolves.toBeUndefined();
      expect(yieldToEventLoop()).toBeUndefined();
    }
  } finally {
    globalThis.setImmediate = setImmediate;
    clock.mockRestore();
  }
});
