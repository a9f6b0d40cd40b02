import { describe, expect, test } from '@jest/globals';
import { generate, sampleToken } from '../../src/core/generate.js';
import type { Model } from '../../src/core/model.js';
import { createRng, restoreRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { flat } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { build, TOKENS, VALUES } from './support.js';

describe('sampleToken', () => {
  const logits = [0.3, -1, 2, 1.2, 0, -0.5];

  test('temperature 0 takes the likeliest token, and the first of equally likely ones', () => {
    const rng = createRng(1, 'draw');
    for (let n = 0; n < 20; n++) {
      expect(sampleToken(logits, rng, { temperature: 0 })).toBe(2);
      expect(sampleToken([1, 5, 5, 2], rng, { temperature: 0 })).toBe(1);
    }
  });

  test.each([
    [1, undefined],
    [0.5, undefined],
    [2, undefined],
    [1, 3],
    [1.5, 1],
  ])('temperature %d, topK %p: tokens are drawn with the probabilities of softmax', (temperature, topK) => {
    const draws = 20_000;
    const rng = createRng(11, 'draw');
    const seen = new Array<number>(logits.length).fill(0);
    const options = { temperature, ...(topK === undefined ? {} : { topK }) };
    for (let n = 0; n < draws; n++) seen[sampleToken(logits, rng, options)]!++;
    const kept = [2, 3, 0, 4, 5, 1].slice(0, topK);
    const weights = logits.map((z, i) => (kept.includes(i) ? Math.exp(z / temperature) : 0));
    const total = weights.reduce((a, b) => a + b, 0);
    seen.forEach((count, i) => {
      const p = weights[i]! / total;
      if (p === 0) expect(count).toBe(0);
      // Five standard deviations of a binomial count. A correct sampler exceeds them for one seed in 10^6.
      else expect(Math.abs(count - p * draws)).toBeLessThanOrEqual(5 * Math.sqrt(draws * p * (1 - p)));
    });
  });

  test.each([
    [1, [2, 3, 0, 4, 5, 1]],
    [0.95, [2, 3, 0, 4, 5]],
    [0.8, [2, 3, 0]],
    [0.5, [2]],
    [1e-9, [2]],
  ])('topP %d draws from the fewest likely tokens that have this probability: %j', (topP, kept) => {
    const rng = createRng(7, 'draw');
    const drawn = new Set<number>();
    for (let n = 0; n < 2000; n++) drawn.add(sampleToken(logits, rng, { topP }));
    expect([...drawn].sort()).toEqual([...kept].sort());
  });

  test('topP counts the probabilities that temperature and topK leave', () => {
    const rng = createRng(7, 'draw');
    const drawn = new Set<number>();
    // Of tokens 2 and 3 alone, token 2 has probability 0.69.
    for (let n = 0; n < 300; n++) drawn.add(sampleToken(logits, rng, { topK: 2, topP: 0.68 }));
    expect([...drawn]).toEqual([2]);
  });

  test('repetitionPenalty divides positive logits of recent tokens, and multiplies negative ones', () => {
    const best = (previous: number[], options: object): number =>
      sampleToken(logits, createRng(1, 'draw'), { temperature: 0, ...options }, previous);
    expect(best([2], { repetitionPenalty: 1.6 })).toBe(2); // 2 / 1.6 = 1.25 is still more than 1.2
    expect(best([2], { repetitionPenalty: 1.7 })).toBe(3);
    expect(best([2, 2, 2], { repetitionPenalty: 1.6 })).toBe(2); // once, however often it occurs
    expect(best([2, 3, 0, 4], { repetitionPenalty: 100 })).toBe(2); // 0.02; a logit of 0 stays 0
    expect(best([2, 0, 1], { repetitionPenalty: 9, repetitionWindow: 2 })).toBe(2); // token 2 is too long ago
    expect(sampleToken([-1, -1.5], createRng(1, 'draw'), { temperature: 0, repetitionPenalty: 2 }, [0])).toBe(1);
  });

  test.each([
    [{ topP: 0 }, 'topP must be'],
    [{ topP: 1.1 }, 'topP must be'],
    [{ repetitionPenalty: 0.9 }, 'repetitionPenalty must be'],
    [{ repetitionWindow: 0 }, 'repetitionWindow must be'],
    [{ topp: 0.5 }, 'Did you mean "topP"?'],
  ])('%j is rejected', (options, message) => {
    expect(() => sampleToken(logits, createRng(1, 'draw'), options as object)).toThrow(message);
    expect(() => sampleToken(logits, createRng(1, 'draw'), {}, [6])).toThrow('previous');
  });

  test('huge logits do not overflow, and minus infinity is never drawn', () => {
    const rng = createRng(2, 'draw');
    const drawn = new Set<number>();
    for (let n = 0; n < 300; n++) drawn.add(sampleToken([1e5, 1e5 + 1, Number.NEGATIVE_INFINITY, 1e5 - 1], rng));
    expect([...drawn].sort()).toEqual([0, 1, 3]);
  });

  test.each([
    [[Number.NaN, 1, 2], 'logits[0]'],
    [[1, Number.NaN, 2], 'logits[1]'],
    [[1, Number.POSITIVE_INFINITY], 'logits[1]'],
    [[1, null], 'logits[1]'],
    [new Array(3), 'logits[0]'],
    [['1', '2'], 'logits[0]'],
    [[Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], 'logits[0]'],
    [[], 'logits'],
    [null, 'logits'],
  ])('logits %j are rejected', (bad, what) => {
    const error = thrown(() => sampleToken(bad as number[], createRng(1, 'draw')));
    expect(problemOf(error, 'INVALID_DATA').what).toBe(what);
  });

  test('invalid settings are rejected', () => {
    const rng = createRng(1, 'draw');
    for (const [path, options] of [
      ['temperature', { temperature: -1 }],
      ['temperature', { temperature: Number.NaN }],
      ['topK', { topK: 0 }],
      ['topK', { topK: 1.5 }],
      ['topK', { topK: null as never }],
      ['options.temp', { temp: 0 } as object],
    ] as const) {
      expect(
        problemOf(
          thrown(() => sampleToken(logits, rng, options)),
          'INVALID_SETTING',
        ).path,
      ).toBe(path);
    }
  });
});

describe('generate', () => {
  const take = async (model: Model, prompt: readonly number[], count: number, seed: number, temperature = 1) => {
    const out: number[] = [];
    for await (const token of generate(model, prompt, createRng(seed, 'text'), { temperature })) {
      if (out.push(token) === count) break;
    }
    return out;
  };

  test('reads the prompt and the options at the call', async () => {
    const expected = await take(build(TOKENS), [1, 2], 6, 4);
    const [prompt, options] = [[1, 2], { temperature: 1 }];
    const tokens = generate(build(TOKENS), prompt, createRng(4, 'text'), options);
    prompt.fill(0);
    options.temperature = 0;
    for (const token of expected) expect((await tokens.next()).value).toBe(token);
    await tokens.return();
  });

  test('a model with NaN in its weights writes nothing', async () => {
    const model = build(TOKENS);
    model.parameters.get('head.bias').set(1, Number.NaN);
    expect((await rejected(() => take(model, [1], 1, 1))).message).toMatch(/^logits\[1\] must be a finite number/);
  });

  test('reads the prompt, then feeds back each token that it draws', async () => {
    const model = build({
      ...TOKENS,
      layers: TOKENS.layers.map((l) => (l.kind === 'linear' ? { ...l, init: { weight: 'normal' } } : l)),
    });
    const text = await take(model, [1, 4, 2], 6, 1, 0);
    const sequence = [1, 4, 2];
    for (let n = 0; n < 6; n++) {
      const { output } = await model.predict(sequence);
      const row = flat(output).slice(-6);
      sequence.push(row.indexOf(Math.max(...row)));
    }
    expect(text).toEqual(sequence.slice(3));
  });

  test('the same seed gives the same text', async () => {
    const model = build(TOKENS);
    expect(await take(model, [0], 30, 5)).toEqual(await take(model, [0], 30, 5));
    expect(await take(model, [0], 30, 5)).not.toEqual(await take(model, [0], 30, 6));
  });

  test('an empty prompt, or a model without the same input and output tokens, is rejected', async () => {
    expect((await rejected(() => take(build(TOKENS), [], 1, 1))).code).toBe('INVALID_DATA');
    expect((await rejected(() => take(build(VALUES), [1], 1, 1))).code).toBe('INVALID_SETTING');
    const other: ModelSpec = { layers: [...TOKENS.layers.slice(0, 3), { kind: 'linear', size: 5 }] };
    expect((await rejected(() => take(build(other), [1], 1, 1))).code).toBe('INVALID_SETTING');
    expect(problemOf(await rejected(() => take(build(TOKENS), [7], 1, 1)), 'INVALID_DATA').what).toBe('prompt[0]');
  });
});

describe('random numbers', () => {
  test('a restored generator continues with exactly the next number', () => {
    const rng = createRng(3, 'x');
    for (let n = 0; n < 10; n++) rng.normal();
    const state = JSON.parse(JSON.stringify(rng.state())) as object;
    const expected = [rng.uniform(), rng.normal(), rng.integer(1000), rng.uniform()];
    const again = restoreRng(state);
    expect([again.uniform(), again.normal(), again.integer(1000), again.uniform()]).toEqual(expected);
  });

  test('another purpose gives an independent stream', () => {
    expect(createRng(3, 'x').uniform()).not.toBe(createRng(3, 'y').uniform());
    expect(createRng(3, 'x').uniform()).toBe(createRng(3, 'x').uniform());
  });

  test('uniform, normal and integer numbers have the right distribution', () => {
    const rng = createRng(1, 'spread');
    const n = 20_000;
    const normal = Array.from({ length: n }, () => rng.normal());
    expect(Math.abs(normal.reduce((a, b) => a + b, 0) / n)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(normal.reduce((a, b) => a + b * b, 0) / n - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) counts[rng.integer(7)]!++;
    for (const count of counts) expect(Math.abs(count - n / 7)).toBeLessThan(5 * Math.sqrt(n / 7));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(n);
  });
});
