/** Properties that hold for every size, weight and input, checked with random ones. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FloatArray } from '../../src/contract/kernels.js';
import type { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import type { Tape } from '../../src/core/tape.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { flat } from '../support/arrays.js';
import { expectClose } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const TIGHT = 1e-11;
const RUNS = { numRuns: 25 };

interface Sizes {
  steps: number;
  rows: number;
  inputSize: number;
  hidden: number;
  upper: number;
  outputs: number;
  bias: boolean;
  seed: number;
}

const sizes: fc.Arbitrary<Sizes> = fc.record({
  steps: fc.integer({ min: 3, max: 6 }),
  rows: fc.integer({ min: 2, max: 4 }),
  inputSize: fc.integer({ min: 1, max: 5 }),
  hidden: fc.integer({ min: 1, max: 6 }),
  upper: fc.integer({ min: 1, max: 5 }),
  outputs: fc.integer({ min: 1, max: 3 }),
  bias: fc.boolean(),
  seed: fc.integer({ min: 0, max: 1e6 }),
});

const spec = (s: Sizes): ModelSpec => ({
  seed: s.seed,
  inputSize: s.inputSize,
  layers: [
    { kind: 'lstm', hiddenSize: s.hidden, bias: s.bias, init: { input: 'normal', bias: 'normal' } },
    { kind: 'lstm', hiddenSize: s.upper, bias: s.bias, init: { input: 'normal', recurrent: 'normal' } },
    { kind: 'linear', size: s.outputs, bias: s.bias },
  ],
});

const build = (s: Sizes) => {
  const model = buildModel(createReference('float64'), spec(s));
  const random = testRandom(s.seed);
  const per = { x: s.rows * s.inputSize, y: s.rows * s.outputs };
  return { model, random, per, x: random.normals(s.steps * per.x), dy: random.normals(s.steps * per.y) };
};

const forward = (model: Model, s: Sizes, x: readonly number[], from: Tape | null = null): Tape => {
  const tape = model.tape({ steps: x.length / (s.rows * s.inputSize), batchSize: s.rows });
  tape.begin(from);
  tape.forward(model.parameters, x);
  return tape;
};

/** The gradients of sum(y * dy), added to `onto` if it is given. */
const backward = (model: Model, tape: Tape, dy: readonly number[], onto = model.arena(), after?: Tape) => {
  model.kernels.upload(tape.layers.at(-1)!.dy!, dy);
  const states = after ? after.lstms.map((l) => l.initialStateGrad()!) : [];
  tape.backward(model.parameters, onto, states);
  return onto;
};

const numbers = async (model: Model, matrix: Parameters<Model['kernels']['download']>[0]): Promise<FloatArray> =>
  model.kernels.download(matrix);

const states = async (model: Model, tape: Tape, of: 'finalState' | 'initialStateGrad') => {
  const out: number[] = [];
  for (const layer of tape.lstms) {
    const { h, c } = layer[of]()!;
    out.push(...(await numbers(model, h)), ...(await numbers(model, c)));
  }
  return out;
};

const holds = (property: (s: Sizes, cut: number) => Promise<void>): Promise<void> =>
  fc.assert(
    fc.asyncProperty(sizes, fc.nat(), (s, n) => property(s, 1 + (n % (s.steps - 1)))),
    RUNS,
  );

describe('a sequence split in two', () => {
  test('gives the same h, c and output', () =>
    holds(async (s, cut) => {
      const { model, per, x } = build(s);
      const whole = forward(model, s, x);
      const first = forward(model, s, x.slice(0, cut * per.x));
      const second = forward(model, s, x.slice(cut * per.x), first);
      expectClose('output', [...flat(first.output), ...flat(second.output)], flat(whole.output), TIGHT);
      const end = await states(model, whole, 'finalState');
      expectClose('final state', await states(model, second, 'finalState'), end, TIGHT);
      whole.lstms.forEach((layer, l) => {
        for (let t = 0; t < s.steps; t++) {
          const part = t < cut ? first.lstm(l).step(t) : second.lstm(l).step(t - cut);
          expectClose(`h of layer ${l} at ${t}`, flat(part.h), flat(layer.step(t).h), TIGHT);
          expectClose(`c of layer ${l} at ${t}`, flat(part.c), flat(layer.step(t).c), TIGHT);
        }
      });
    }));

  test('gives the same gradients if the gradient of the state is passed on', () =>
    holds(async (s, cut) => {
      const { model, per, x, dy } = build(s);
      const whole = forward(model, s, x);
      const expected = backward(model, whole, dy);
      const first = forward(model, s, x.slice(0, cut * per.x));
      const second = forward(model, s, x.slice(cut * per.x), first);
      const gradients = backward(model, second, dy.slice(cut * per.y));
      const later = await numbers(model, gradients.matrix);
      backward(model, first, dy.slice(0, cut * per.y), gradients, second);
      const all = await numbers(model, expected.matrix);
      expectClose('gradients', await numbers(model, gradients.matrix), all, TIGHT);
      const dx = [...flat(first.inputGrad!), ...flat(second.inputGrad!)];
      expectClose('dx', dx, flat(whole.inputGrad!), TIGHT);
      const start = await states(model, whole, 'initialStateGrad');
      expectClose('initial state', await states(model, first, 'initialStateGrad'), start, TIGHT);
      expect(() => expectClose('the later half alone', later, all, TIGHT)).toThrow('relative error');
    }));
});

test('permuting the batch permutes the outputs and keeps the gradients of the parameters', () =>
  holds(async (s, turn) => {
    const { model, per, x, dy } = build(s);
    const moved = (list: readonly number[], width: number): number[] => {
      const out = new Array<number>(list.length);
      list.forEach((v, at) => {
        const [t, n, j] = [Math.floor(at / (s.rows * width)), Math.floor(at / width) % s.rows, at % width];
        out[(t * s.rows + ((n + turn) % s.rows)) * width + j] = v;
      });
      return out;
    };
    const plain = forward(model, s, x);
    const turned = forward(model, s, moved(x, s.inputSize));
    const [a, b] = [backward(model, plain, dy), backward(model, turned, moved(dy, s.outputs))];
    expect(per.x).toBe(s.rows * s.inputSize);
    expectClose('output', flat(turned.output), moved(flat(plain.output), s.outputs), TIGHT);
    expectClose('dx', flat(turned.inputGrad!), moved(flat(plain.inputGrad!), s.inputSize), TIGHT);
    expectClose('gradients', await numbers(model, b.matrix), await numbers(model, a.matrix), TIGHT);
  }));

test('an output does not depend on other rows or later steps', () =>
  holds(async (s, at) => {
    const { model, per, x, random } = build(s);
    const row = at % s.rows;
    const other = x.map((v, i) => {
      const [t, n] = [Math.floor(i / per.x), Math.floor(i / s.inputSize) % s.rows];
      return t >= at && n === row ? v + 1 + random.uniform() : v;
    });
    const [before, after] = [forward(model, s, x), forward(model, s, other)];
    let changed = 0;
    const expected = flat(before.lstm(1).step(at).h);
    flat(after.lstm(1).step(at).h).forEach((v, i) => {
      if (v !== expected[i]) changed++;
      if (Math.floor(i / s.upper) !== row) expect(v).toBe(expected[i]);
    });
    expect(changed).toBeGreaterThan(0);
    for (let t = 0; t < at; t++) expect(flat(after.lstm(1).step(t).h)).toEqual(flat(before.lstm(1).step(t).h));
  }));

test('the backward pass is linear in the gradient of the output', () =>
  holds(async (s) => {
    const { model, x, dy, random } = build(s);
    const other = random.normals(dy.length);
    const tape = forward(model, s, x);
    const run = async (from: readonly number[]) => {
      const gradients = await numbers(model, backward(model, tape, from).matrix);
      return [...gradients, ...flat(tape.inputGrad!), ...(await states(model, tape, 'initialStateGrad'))];
    };
    const [a, b] = [await run(dy), await run(other)];
    const sum = await run(dy.map((v, i) => 2.5 * v - 0.75 * other[i]!));
    expectClose(
      '2.5 a - 0.75 b',
      sum,
      a.map((v, i) => 2.5 * v - 0.75 * b[i]!),
      TIGHT,
    );
    expect(Math.hypot(...a)).toBeGreaterThan(0);
  }));

test('the same seed gives the same bits, another seed different ones', () =>
  holds(async (s) => {
    const run = async (seed: number) => {
      const { model, x, dy } = build(s);
      const own = buildModel(createReference('float32'), { ...spec(s), seed });
      const tape = forward(own, s, x);
      const gradients = backward(own, tape, dy);
      expect(own.size).toBe(model.size);
      return [...(await numbers(own, own.parameters.matrix)), ...(await numbers(own, gradients.matrix))];
    };
    expect(await run(s.seed)).toEqual(await run(s.seed));
    expect(await run(s.seed)).not.toEqual(await run(s.seed + 1));
  }));

test('gradients of two batches add up in one arena', () =>
  holds(async (s) => {
    const { model, x, dy, random } = build(s);
    const [x2, dy2] = [random.normals(x.length), random.normals(dy.length)];
    const one = await numbers(model, backward(model, forward(model, s, x), dy).matrix);
    const two = await numbers(model, backward(model, forward(model, s, x2), dy2).matrix);
    const both = backward(model, forward(model, s, x), dy);
    backward(model, forward(model, s, x2), dy2, both);
    expectClose(
      'sum',
      await numbers(model, both.matrix),
      one.map((v: number, i: number) => v + two[i]!),
      TIGHT,
    );
  }));

test('the gradient of a batch is the sum of the gradients of its rows', () =>
  holds(async (s) => {
    const { model, x, dy } = build(s);
    const all = await numbers(model, backward(model, forward(model, s, x), dy).matrix);
    const sum = model.arena();
    for (let n = 0; n < s.rows; n++) {
      const row = (list: readonly number[], width: number) =>
        list.filter((_, i) => Math.floor(i / width) % s.rows === n);
      const single = { ...s, rows: 1 };
      backward(model, forward(model, single, row(x, s.inputSize)), row(dy, s.outputs), sum);
    }
    expectClose('sum over rows', await numbers(model, sum.matrix), all, TIGHT);
  }));

test('the two biases have the same gradient', () =>
  holds(async (s) => {
    const { model, x, dy } = build({ ...s, bias: true });
    const gradients = backward(model, forward(model, s, x), dy);
    for (const level of [0, 1]) {
      const [ih, hh] = ['ih', 'hh'].map((part) => flat(gradients.get(`lstm.bias_${part}_l${level}`)));
      expect(ih).toEqual(hh);
      expect(Math.hypot(...ih!)).toBeGreaterThan(0);
    }
  }));
