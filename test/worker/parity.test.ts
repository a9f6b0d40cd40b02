/** One table of calls: in a worker, each gives the results and the errors that it gives on this thread. */
import { describe, expect, test } from '@jest/globals';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import type { BatchSource } from '../../src/data/source.js';
import { createModelInWorker } from '../../src/worker/index.js';
import { testRandom } from '../support/random.js';
import { type Calls, type Cases, describeBoth, outcome } from './both.js';
import { startWorker, TEXT_SPEC, textData, VALUE_SPEC, valueData } from './support.js';

const worker = startWorker();

const inputs = (steps: number, batchSize: number): Float32Array =>
  Float32Array.from(testRandom(steps).normals(steps * batchSize * 3));
const state = (seed: number) => ({ h: testRandom(seed).normals(2 * 4), c: testRandom(seed + 9).normals(2 * 4) });
const batch = valueData().batch(0);
const two = { batchSize: 2 };
const all = async <T>(list: readonly (() => T | Promise<T>)[]): Promise<T[]> => {
  const results: T[] = [];
  for (const act of list) results.push(await act());
  return results;
};

const PASSES: Cases = {
  'predict, steps of two sequences': (m) => m.predict(inputs(4, 2), two),
  'predict by sequence, of different lengths': (m) =>
    m.predict(inputs(4, 2), { ...two, batchFirst: true, lengths: [4, 2] }),
  'predict from { h, c }': (m) => m.predict(inputs(4, 2), { ...two, from: state(1) }),
  'predict from a list of typed arrays': (m) =>
    m.predict(inputs(4, 2), { ...two, from: [{ h: Float64Array.from(state(1).h), c: state(2).c }] }),
  'predict from null in a list': (m) => m.predict(inputs(4, 2), { ...two, from: [null] }),
  'predict from the state of another prediction': async (m) => {
    const { state } = await m.predict(inputs(4, 2), two);
    return m.predict(inputs(3, 2), { ...two, from: state });
  },
  'predict from a saved state': async (m) => {
    const { state } = await m.predict(inputs(4, 2), two);
    const saved = JSON.parse(JSON.stringify(state.map(({ h, c }) => ({ h: [...h], c: [...c] }))));
    return m.predict(inputs(3, 2), { ...two, from: saved });
  },
  'predict from the state of a stream': async (m) => {
    const stream = m.stream(2);
    await stream.step(inputs(1, 2));
    return m.predict(inputs(3, 2), { ...two, from: await stream.state() });
  },
  evaluate: (m) => m.evaluate(batch),
  'evaluate from a state, with another loss': (m) =>
    m.evaluate(batch, { loss: { kind: 'huber', delta: 0.3 }, from: state(3), noise: { seed: 1, update: 2 } }),
};

const WRONG_PASSES: Cases = {
  'no inputs': (m) => m.predict(undefined),
  'null as inputs': (m) => m.predict(null),
  'null among the inputs': (m) => m.predict([1, null, 3]),
  'a hole': (m) => m.predict(Object.assign([1, 2], { length: 3 })),
  strings: (m) => m.predict(['1', '2', '3']),
  BigInts: (m) => m.predict(new BigInt64Array(3)),
  'a DataView': (m) => m.predict(new DataView(new ArrayBuffer(12))),
  'nested arrays': (m) => m.predict([[1, 2, 3]]),
  NaN: (m) => m.predict(new Float32Array([1, 2, Number.NaN])),
  'text as inputs, with lengths': (m) => m.predict('', { lengths: [1] }),
  'too few inputs': (m) => m.predict([1, 2]),
  'an object that contains itself': (m) => {
    const list: unknown[] = [1, 2];
    list.push(list);
    return m.predict(list);
  },
  'options of null': (m) => m.predict([1, 2, 3], null),
  'a misspelled option': (m) => m.predict([1, 2, 3], { batchFrist: true }),
  'a batch size of 0': (m) => m.predict([1, 2, 3], { batchSize: 0 }),
  'a length of null': (m) => m.predict(inputs(4, 2), { ...two, lengths: [4, null] }),
  'batchFirst of 1': (m) => m.predict([1, 2, 3], { batchFirst: 1 }),
  'from of a number': (m) => m.predict([1, 2, 3], { from: 5 }),
  'from of an empty object': (m) => m.predict([1, 2, 3], { from: {} }),
  'from with another key': (m) => m.predict([1, 2, 3], { from: { h: [1, 2, 3, 4], c: [1, 2, 3, 4], x: 1 } }),
  'from with NaN': (m) => m.predict([1, 2, 3], { from: { h: [1, 2, 3, 4], c: [1, 2, 3, Number.NaN] } }),
  'from of another batch size': async (m) => m.predict([1, 2, 3], { from: (await m.predict(inputs(4, 2), two)).state }),
  'a tape of 1': (m) => m.predict([1, 2, 3], { tape: 1 }),
  'no batch': (m) => m.evaluate(undefined),
  'a misspelled key of a batch': (m) => m.evaluate({ ...batch, weigths: [1] }),
  'a batch with null targets': (m) => m.evaluate({ ...batch, targets: null }),
  'an unknown loss': (m) => m.evaluate(batch, { loss: 'mse' }),
  'a loss that does not fit': (m) => m.evaluate(batch, { loss: 'crossEntropy' }),
  'a misspelled option of evaluate': (m) => m.evaluate(batch, { los: 'huber' }),
  'noise without a seed': (m) => m.evaluate(batch, { noise: {} }),
  'a parameter that does not exist': (m) => m.set('head.bais', [1]),
  'a parameter of another size': (m) => m.set('head.bias', [1]),
  'a name of null': (m) => m.set(null, [1]),
};

const STREAMS: Cases = {
  'steps, rows added and removed': async (m) => {
    const stream = m.stream(2);
    const results = await all<unknown>([
      () => stream.step([1, 2]),
      () => stream.addRows(2),
      () => stream.batchSize,
      () => stream.step([3, 4, 5, 6]),
      () => stream.state(),
      () => stream.removeRows([0, 2]),
      () => stream.batchSize,
      () => stream.step([7, 8]),
      () => stream.reset(),
      () => stream.step([7, 8]),
    ]);
    stream.dispose();
    return results;
  },
  'calls that do not wait': async (m) => {
    const stream = m.stream();
    return Promise.all([stream.step([1]), stream.step([2]), stream.state(), stream.step([3])]);
  },
  'state and restore': async (m) => {
    const [first, second] = [m.stream(), m.stream()];
    await first.step([1]);
    const state = await first.state();
    await second.restore(state);
    const results = [await first.step([2]), await second.step([2])];
    await second.restore(null);
    return [...results, await second.step([1])];
  },
  'a state of another size': async (m) => {
    const stream = m.stream(2);
    await stream.step([1, 2]);
    return m.stream().restore(await stream.state());
  },
  'restore of undefined': (m) => m.stream().restore(undefined as never),
  'restore of a number': (m) => m.stream().restore(3 as never),
  'a token out of range': (m) => m.stream().step([99]),
  'too many tokens': (m) => m.stream().step([1, 2]),
  'no tokens': (m) => m.stream().step(undefined as never),
  'rows of a fraction': (m) => m.stream().addRows(0.5),
  'no rows to add': (m) => m.stream().addRows(0),
  'a row that does not exist': (m) => m.stream(2).removeRows([2]),
  'a row twice': (m) => m.stream(3).removeRows([1, 1]),
  'all rows': (m) => m.stream(2).removeRows([1, 0]),
  'rows of a string': (m) => m.stream(2).removeRows('01' as never),
  'after dispose()': (m) => {
    const stream = m.stream();
    stream.dispose();
    stream.dispose(); // does nothing
    return stream.step([1]);
  },
  'state() after dispose()': (m) => {
    const stream = m.stream();
    stream.dispose();
    return stream.state();
  },
  'addRows() after dispose()': (m) => {
    const stream = m.stream();
    stream.dispose();
    return stream.addRows(1);
  },
  'a batch size of 0': (m) => m.stream(0).step([]),
  'a batch size of null': (m) => m.stream(null).step([]),
};

const watched = async (m: Calls, source: unknown): Promise<unknown> => {
  const seen: unknown[] = [];
  const loss = await m.evaluateSource(source, undefined, (output, { inputs, batchSize }) => {
    seen.push([Float32Array.from(output), [...Array.from(inputs)], batchSize]);
  });
  return { loss, seen };
};
const weighted = (): BatchSource => ({
  length: 3,
  batch: (i) => ({ ...valueData().batch(i), lengths: [5, i + 1], weights: new Array(10).fill(i) }),
});

const SOURCES: Cases = {
  'a text': (m) => m.evaluateSource(textData().validation, { kind: 'crossEntropy', labelSmoothing: 0.1 }),
  'a text, with its outputs': (m) => watched(m, textData().validation),
};
const VALUE_SOURCES: Cases = {
  'weights and lengths, with its outputs': (m) => watched(m, weighted()),
  'a sum': (m) => m.evaluateSource(weighted(), { kind: 'huber', reduction: 'sum' }),
  'no source': (m) => m.evaluateSource(undefined),
  'a list of batches': (m) => m.evaluateSource([batch]),
  'a source without batches': (m) => m.evaluateSource({ length: 0, batch: () => batch }),
  'a source of NaN batches': (m) => m.evaluateSource({ length: Number.NaN, batch: () => batch }),
  'an endless source': (m) => m.evaluateSource({ length: Number.POSITIVE_INFINITY, batch: () => batch }),
  'a misspelled property of a source': (m) => m.evaluateSource({ lenght: 1, length: 1, batch: () => batch }),
  'a batch that is missing': (m) => m.evaluateSource({ length: 2, batch: (i: number) => [batch][i] }),
  'a batch with NaN': (m) => m.evaluateSource({ length: 1, batch: () => ({ ...batch, inputs: [Number.NaN] }) }),
  'weights of 0': (m) => m.evaluateSource({ length: 1, batch: () => ({ ...batch, weights: new Array(10).fill(0) }) }),
  'watch that is not a function': (m) => m.evaluateSource(valueData(), undefined, 5 as never),
};

describeBoth('passes', VALUE_SPEC, PASSES, 'value');
describeBoth('wrong passes', VALUE_SPEC, WRONG_PASSES, 'problem');
describeBoth('streams', TEXT_SPEC, STREAMS);
describeBoth('a text', TEXT_SPEC, SOURCES, 'value');
describeBoth('sources', VALUE_SPEC, VALUE_SOURCES);

describe('creating a model', () => {
  const LSTM = VALUE_SPEC.layers[0]!;
  test.each<[string, unknown, unknown]>([
    ['no spec', undefined, undefined],
    ['a spec of null', null, undefined],
    ['no layers', { inputSize: 3 }, undefined],
    ['a layer of null', { inputSize: 3, layers: [null] }, undefined],
    ['a misspelled setting', { inputSize: 3, layers: [{ ...LSTM, hidenSize: 3 }] }, undefined],
    ['options of null', VALUE_SPEC, null],
    ['an unknown backend', VALUE_SPEC, { backend: 'abacus' }],
    ['an unknown precision', VALUE_SPEC, { precision: 'float16' }],
    ['threads of NaN', VALUE_SPEC, { threads: Number.NaN }],
  ])('%s', async (_, spec, options) => {
    const given = options === undefined ? { worker } : options === null ? null : { ...options, worker };
    const expected = await outcome(() => createModel(spec as ModelSpec, options as object));
    expect(expected).toHaveProperty('problem');
    expect(await outcome(() => createModelInWorker(spec as ModelSpec, given as object))).toEqual(expected);
  });
});
