/** Single sequences that are predicted as one batch: the same bits, and errors only for the calls that cause them. */
import { expect, it } from '@jest/globals';
import { createModel } from '../../src/create.js';
import { batching } from '../../src/node/batching.js';

const LAYERS = [
  { kind: 'lstm', hiddenSize: 5 },
  { kind: 'lstm', hiddenSize: 4, projectionSize: 3 },
  { kind: 'linear', size: 2 },
] as const;

it.each(['reference', 'wasm'] as const)(
  'calls of any lengths get the bits that they get alone: %s',
  async (backend) => {
    const model = await createModel({ inputSize: 2, layers: LAYERS }, { backend, threads: 1 });
    let batches = 0;
    const { predict: predictBatch } = model;
    model.predict = ((...args: Parameters<typeof predictBatch>) => {
      batches++;
      return predictBatch.apply(model, args);
    }) as typeof predictBatch;
    const predict = batching(model, { mostRows: 4 });
    const inputs = Array.from({ length: 11 }, (_, n) =>
      Float32Array.from({ length: 2 * (1 + (n % 2)) }, (_, i) => Math.sin(n + i)),
    );
    const first = await Promise.all(inputs.map((x) => predict(x)));
    expect(batches).toBe(2 + 2); // six of one step and five of two, at most four together
    const next = await Promise.all(inputs.map((x, n) => predict(x, { from: first[n]!.state })));
    for (const [n, x] of inputs.entries()) {
      const alone = await model.predict(x);
      expect([...first[n]!.output]).toEqual([...alone.output.data]);
      const after = await model.predict(x, { from: alone.state });
      expect([...next[n]!.output]).toEqual([...after.output.data]);
      expect(next[n]!.state.map(({ h, c }) => [[...h], [...c]])).toEqual(
        after.state.map(({ h, c }) => [[...h], [...c]]),
      );
    }
    model.dispose();
  },
);

it('an invalid call rejects alone, and the others of its batch get their results', async () => {
  const model = await createModel({ inputSize: 2, layers: LAYERS }, { backend: 'reference' });
  const predict = batching(model);
  const results = await Promise.allSettled([predict([1, 2]), predict([1, Number.NaN]), predict([3, null as never])]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  await expect(predict([1, 2], { from: [{ h: [1], c: [2] }] })).rejects.toMatchObject({ name: 'UnspoolError' });
  await expect(predict([1, 2], { from: [1] as never })).rejects.toMatchObject({ code: 'INVALID_SETTING' });
  await expect(predict([])).rejects.toMatchObject({ code: 'INVALID_SETTING' });
  model.dispose();
  await expect(predict([1, 2])).rejects.toMatchObject({ code: 'DISPOSED' });
});

it('what is not a model, or another option, is refused', async () => {
  expect(() => batching({ spec: { layers: [{}] } } as never)).toThrow('model must be a model');
  const model = await createModel({ inputSize: 1, layers: LAYERS }, { backend: 'reference' });
  expect(() => batching(model, { mostRows: 0 })).toThrow('mostRows must be an integer');
  model.dispose();
});
