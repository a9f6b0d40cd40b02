/** Streams: their states, rows that come and go, weights that change between steps, and their memory. */
import { describe, expect, test } from '@jest/globals';
import { generate } from '../../src/core/generate.js';
import type { Model } from '../../src/core/model.js';
import { createRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import type { Stream } from '../../src/core/stream.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { expectSameBits, flat } from '../support/arrays.js';
import { BACKENDS } from '../support/backends.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';
import { build, lstm, TOKENS, VALUES } from './support.js';

/** A learned initial state, and every stage of an LSTM that carries its state. */
const LEARNED: ModelSpec = {
  inputSize: 3,
  layers: [
    lstm(4, { initialState: 'learned', cell: { peepholes: true } }),
    lstm(5, { projectionSize: 2, zoneout: 0.1 }),
    { kind: 'linear', size: 2 },
  ],
};

/** Gives every parameter other numbers. */
function change(model: Model, seed: number): void {
  for (const { name, size } of model.parameters.layout.entries) {
    model.parameters.set(name, testRandom(seed + size).normals(size));
  }
}

const input = (row: number, step: number): number[] => testRandom(100 * row + step + 1).normals(3);
const inputs = (rows: readonly number[], step: number): number[] => rows.flatMap((row) => input(row, step));

describe.each(BACKENDS)('on $name in $precision', ({ create }) => {
  test.each([['plain', VALUES] as const, ['with all stages', LEARNED] as const])(
    'rows come and go, and each one is computed as in a stream with this row only: %s',
    async (_, spec) => {
      const model = buildModel(await create(), spec);
      change(model, 1);
      const alone = new Map<number, Stream>();
      const together = model.stream(2);
      let rows = [0, 1];
      const step = async (t: number): Promise<void> => {
        const output = await together.step(inputs(rows, t));
        expect(together.batchSize).toBe(rows.length);
        for (const [at, row] of rows.entries()) {
          if (!alone.has(row)) alone.set(row, model.stream());
          expectSameBits(await alone.get(row)!.step(input(row, t)), output.slice(2 * at, 2 * at + 2));
        }
      };
      await step(0);
      together.addRows(3);
      rows = [0, 1, 2, 3, 4];
      await step(1);
      together.removeRows([3, 0]);
      rows = [1, 2, 4];
      await step(2);
      together.addRows(2);
      together.removeRows([1, 3]); // one that has begun, and one that has not
      rows = [1, 4, 6];
      change(model, 2);
      await step(3);
      await step(4);
    },
  );

  test('state() and restore() continue as if nothing had been in between, also in another stream and in predict', async () => {
    const model = buildModel(await create(), LEARNED);
    change(model, 3);
    const stream = model.stream(2);
    expect((await stream.state()).map(({ h, c }) => [h.length, c.length])).toEqual([
      [8, 8],
      [4, 10],
    ]);
    const first = [...(await stream.step(inputs([0, 1], 0)))];
    const state = await stream.state();
    const next = [...(await stream.step(inputs([0, 1], 1)))];
    stream.restore(state);
    expectSameBits(await stream.step(inputs([0, 1], 1)), next);
    const other = model.stream(2);
    other.restore(state);
    expectSameBits(await other.step(inputs([0, 1], 1)), next);
    expectSameBits((await model.predict(inputs([0, 1], 1), { batchSize: 2, from: state })).output.data, next);
    other.restore((await model.predict(inputs([0, 1], 0), { batchSize: 2 })).state);
    expectSameBits(await other.step(inputs([0, 1], 1)), next);
    other.restore(null);
    expectSameBits(await other.step(inputs([0, 1], 0)), first);
    other.reset();
    other.restore(await model.stream(2).state());
    expectSameBits(await other.step(inputs([0, 1], 0)), first);
  });

  test('after an update, a step uses the new weights in all layers', async () => {
    const spec: ModelSpec = {
      layers: [
        { kind: 'embedding', size: 6, width: 3 },
        lstm(4),
        lstm(5, { projectionSize: 3 }),
        { kind: 'linear', size: 6 },
      ],
    };
    const model = buildModel(await create(), spec);
    const stream = model.stream();
    await stream.step([1]);
    const writes: Record<string, () => void> = {
      set: () => change(model, 4),
      'a view': () => void model.parameters.get('lstm.weight_hh_l0').set(2, 1, 0.7),
      'part of a view': () => void model.parameters.get('head.weight').pick(1, null).set(2, -0.6),
      'numbers of a view': () => void model.parameters.get('lstm.weight_ih_l1').data.set(3, 0.5),
      clear: () => model.parameters.clear(),
      'set again': () => change(model, 5),
      'the memory of a view': () => void (model.parameters.get('lstm.weight_hr_l1').data.array[1] = 0.9),
    };
    const { array } = model.parameters.get('lstm.weight_hh_l1').data;
    writes['that memory, later'] = () => void (array[4] = -0.8);
    const row = model.kernels.host(model.parameters.matrix)!;
    writes['the memory of all'] = () => void row.fill(0.2, 30, 60);
    for (const [name, write] of Object.entries(writes)) {
      const state = await stream.state();
      write();
      const expected = await model.predict([2], { from: state });
      const copy = buildModel(await create(), spec);
      for (const [part, values] of await model.parameters.download()) copy.parameters.set(part, values);
      expect([name, ...(await stream.step([2]))]).toEqual([name, ...flat(expected.output)]);
      expectSameBits(flat((await copy.predict([2], { from: state })).output), flat(expected.output));
    }
  });

  test('calls that are not awaited take effect in order', async () => {
    const model = buildModel(await create(), VALUES);
    const run = async (stream: Stream, wait: (result: Promise<unknown>) => unknown): Promise<number[]> => {
      const results: Promise<ArrayLike<number>>[] = [];
      const step = (t: number) => {
        results.push(stream.step(inputs([0], t)));
        return wait(results.at(-1)!);
      };
      await step(0);
      const kept = stream.state();
      await wait(kept);
      await step(1);
      stream.reset();
      await step(2);
      stream.addRows(1);
      stream.removeRows([0]);
      change(model, 7);
      await step(3);
      stream.restore(await kept);
      await step(4);
      return (await Promise.all(results)).flatMap((output) => [...Array.from(output)]);
    };
    change(model, 6);
    const ordered = await run(model.stream(), (result) => result);
    change(model, 6);
    expect(await run(model.stream(), () => null)).toEqual(ordered);
  });
});

test('what a stream cannot use is rejected, and it keeps its state', async () => {
  const model = build(VALUES);
  const [stream, same] = [model.stream(2), model.stream(2)];
  for (const one of [stream, same]) await one.step(inputs([0, 1], 0));
  const state = await stream.state();
  const codes: [string, () => unknown][] = [
    ['INVALID_SETTING', () => stream.addRows(0)],
    ['INVALID_SETTING', () => stream.addRows(1.5)],
    ['INVALID_SETTING', () => stream.removeRows([2])],
    ['INVALID_SETTING', () => stream.removeRows([0, 0])],
    ['INVALID_SETTING', () => stream.removeRows([0, 1])],
    ['INVALID_SETTING', () => stream.removeRows('1' as never)],
    ['INVALID_SETTING', () => stream.restore(7 as never)],
    ['SHAPE_MISMATCH', () => stream.restore(state.slice(1))],
    ['SHAPE_MISMATCH', () => stream.restore([state[0]!, { ...state[1]!, h: [1] }])],
    ['INVALID_DATA', () => stream.restore([state[0]!, { ...state[1]!, h: new Array(10).fill(Number.NaN) }])],
    ['SHAPE_MISMATCH', () => stream.step([1])],
    ['INVALID_DATA', () => stream.step(new Array(6).fill(null))],
  ];
  for (const [code, act] of codes) expect((await rejected(async () => act())).code).toBe(code);
  stream.removeRows([]);
  expectSameBits(await stream.step(inputs([0, 1], 1)), await same.step(inputs([0, 1], 1)));
});

test('1,500 streams of two layers with 256 units share one copy of the packed weights', async () => {
  const k = await createWasm('simd');
  const model = buildModel(k, { inputSize: 4, layers: [lstm(256), lstm(256), { kind: 'linear', size: 4 }] });
  await model.stream().step([1, 2, 3, 4]);
  const before = k.memory.inUse();
  const streams: Stream[] = [];
  for (let i = 0; i < 1500; i++) streams.push(model.stream());
  await Promise.all(streams.map((stream, i) => stream.step([i, 2, 3, 4])));
  expect((k.memory.inUse() - before) / 1500).toBeLessThan(32 * 1024);
  for (const stream of streams) stream.dispose();
  expect(k.memory.inUse()).toBe(before);
});

describe('generate', () => {
  test('checks everything at the call', () => {
    const model = build(TOKENS);
    const rng = createRng(1, 'x');
    const codes: [string, () => unknown][] = [
      ['INVALID_DATA', () => generate(model, [1, 6], rng)],
      ['INVALID_DATA', () => generate(model, [], rng)],
      ['INVALID_DATA', () => generate(model, 'abc' as never, rng)],
      ['INVALID_SETTING', () => generate(model, [1], rng, { temperature: -1 })],
      ['INVALID_SETTING', () => generate(model, [1], rng, { topk: 3 } as never)],
      ['INVALID_SETTING', () => generate(model, [1], null as never)],
      ['INVALID_SETTING', () => generate(null as never, [1], rng)],
    ];
    for (const [code, act] of codes) expect(thrown(act).code).toBe(code);
  });

  test('frees its stream when the loop ends, is left, or fails', async () => {
    const k = await createWasm('simd');
    const model = buildModel(k, TOKENS);
    await model.predict([1]);
    const before = k.memory.inUse();
    for await (const _ of generate(model, [1, 2], createRng(1, 'x'))) break;
    expect(k.memory.inUse()).toBe(before);
    const tokens = generate(model, [1, 2], createRng(1, 'x'));
    await tokens.next();
    expect(k.memory.inUse()).toBeGreaterThan(before);
    model.parameters.get('head.bias').set(1, Number.NaN);
    const error = await rejected(() => tokens.next());
    expect(problemOf(error, 'INVALID_DATA').what).toBe('logits[1]');
    expect(k.memory.inUse()).toBe(before);
  });
});
