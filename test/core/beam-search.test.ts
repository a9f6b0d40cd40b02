/** Beam search, compared with the probabilities of all continuations. */
import { describe, expect, test } from '@jest/globals';
import { beamSearch, createModel, createRng, generate, type Model, type ModelSpec } from '../../src/index.js';

const SIZE = 4;
const SPEC: ModelSpec = {
  seed: 5,
  layers: [
    { kind: 'embedding', size: SIZE, width: 3, init: { kind: 'normal', std: 2 } },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: SIZE, init: { weight: { kind: 'normal', std: 2 } } },
  ],
};
const create = (): Promise<Model> => createModel(SPEC, { backend: 'reference', precision: 'float64' });

/** The log probabilities of all sequences of `length` tokens after a prompt, from whole passes. */
async function everySequence(model: Model, prompt: readonly number[], length: number) {
  const sequences = Array.from({ length: SIZE ** length }, (_, n) =>
    Array.from({ length }, (_, i) => Math.floor(n / SIZE ** i) % SIZE),
  );
  const all = [];
  for (const tokens of sequences) {
    const { output } = await model.predict([...prompt, ...tokens]);
    let sum = 0;
    for (const [i, token] of tokens.entries()) {
      const row = Array.from({ length: SIZE }, (_, k) => output.get(prompt.length - 1 + i, 0, k));
      sum += row[token]! - Math.log(row.reduce((total, logit) => total + Math.exp(logit), 0));
    }
    all.push({ tokens, logProbability: sum });
  }
  return all.sort((a, b) => b.logProbability - a.logProbability);
}

describe('beamSearch', () => {
  test('with a beam for every sequence, it finds all of them, the likeliest first', async () => {
    const model = await create();
    const expected = await everySequence(model, [1, 3], 3);
    const found = await beamSearch(model, [1, 3], { beams: SIZE ** 3, length: 3 });
    expect(found.map(({ tokens }) => tokens)).toEqual(expected.map(({ tokens }) => tokens));
    for (const [i, { logProbability }] of found.entries()) {
      expect(logProbability).toBeCloseTo(expected[i]!.logProbability, 10);
    }
  });

  test('a few beams find likely sequences with their probabilities', async () => {
    const model = await create();
    const all = await everySequence(model, [2], 4);
    const found = await beamSearch(model, [2], { beams: 3, length: 4 });
    expect(found).toHaveLength(3);
    for (const { tokens, logProbability } of found) {
      const same = all.find((one) => one.tokens.join() === tokens.join())!;
      expect(logProbability).toBeCloseTo(same.logProbability, 10);
    }
    expect(found[0]!.logProbability).toBeGreaterThanOrEqual(found[1]!.logProbability);
  });

  test('one beam takes the likeliest token each time, as generate with temperature 0', async () => {
    const model = await create();
    const [{ tokens } = { tokens: [] as readonly number[] }] = await beamSearch(model, [0], { beams: 1, length: 12 });
    const greedy: number[] = [];
    for await (const token of generate(model, [0], createRng(1, 'x'), { temperature: 0 })) {
      if (greedy.push(token) === 12) break;
    }
    expect(tokens).toEqual(greedy);
  });

  test('invalid arguments are rejected', async () => {
    const model = await create();
    await expect(beamSearch(model, [], {})).rejects.toThrow('prompt');
    await expect(beamSearch(model, [4], {})).rejects.toThrow('prompt[0]');
    await expect(beamSearch(model, [1], { beams: 0 })).rejects.toThrow('beams must be');
    await expect(beamSearch(model, [1], { width: 3 } as object)).rejects.toThrow('unknown setting');
  });
});
