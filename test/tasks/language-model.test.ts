import { afterAll, describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { ngramBitsPerCharacter } from '../../src/data/ngram.js';
import { validationStreams } from '../../src/data/text.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { testLanguageModel } from '../../src/tasks/index.js';
import { evaluate } from '../../src/train/evaluate.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const SIZE = 6;
const model = buildModel(createReference('float64'), {
  seed: 3,
  layers: [
    { kind: 'embedding', size: SIZE, width: 3 },
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: SIZE },
  ],
});
afterAll(() => model.dispose());

const random = createRng(1, 'tokens');
const tokensOf = (length: number): Int32Array => Int32Array.from({ length }, () => random.integer(SIZE));
const SETTINGS = { batchSize: 3, steps: 5, bootstrap: 200 };

test('its figures are means over all characters, whatever the windows', async () => {
  const tokens = tokensOf(200);
  const report = await testLanguageModel(model, tokens, SETTINGS);
  const source = validationStreams(tokens, 3, 5);
  let [characters, right, inTop5] = [0, 0, 0];
  const nats = await evaluate(model, source, 'crossEntropy', (logits, { targets }) => {
    for (const [row, target] of Array.from(targets).entries()) {
      const scores = Array.from(logits.subarray(row * SIZE, (row + 1) * SIZE));
      const above = scores.filter((score) => score > scores[target]!).length;
      characters++;
      if (above === 0) right++;
      if (above < 5) inTop5++;
    }
  });
  expect(characters).toBe(report.characters);
  expect(report.loss).toBe(nats);
  expect(report.bitsPerCharacter).toBeCloseTo(nats / Math.LN2, 12);
  expect(report.perplexity).toBeCloseTo(Math.exp(nats), 12);
  expect(report.accuracy).toBeCloseTo(right / characters, 12);
  expect(report.top5Accuracy).toBeCloseTo(inTop5 / characters, 12);
  expect(report.baselines).toBeNull();
});

describe('its intervals', () => {
  test('contain the result, and are shorter for a longer text', async () => {
    const widths: number[] = [];
    for (const length of [300, 3000]) {
      const { bitsPerCharacter, bitsInterval, accuracy, accuracyInterval } = await testLanguageModel(
        model,
        tokensOf(length),
        SETTINGS,
      );
      expect(bitsInterval![0]).toBeLessThan(bitsPerCharacter);
      expect(bitsInterval![1]).toBeGreaterThan(bitsPerCharacter);
      expect(accuracyInterval![0]).toBeLessThan(accuracy);
      expect(accuracyInterval![1]).toBeGreaterThan(accuracy);
      widths.push(bitsInterval![1] - bitsInterval![0]);
    }
    expect(widths[0]! / widths[1]!).toBeGreaterThan(1.8); // about sqrt(10)
    expect(widths[0]! / widths[1]!).toBeLessThan(6);
  });

  test('need ten windows', async () => {
    // 3 streams of 5 n + 1 tokens have n windows.
    const short = await testLanguageModel(model, tokensOf(3 * 45 + 1), SETTINGS);
    expect([short.bitsInterval, short.accuracyInterval]).toEqual([null, null]);
    expect((await testLanguageModel(model, tokensOf(3 * 50 + 1), SETTINGS)).bitsInterval).not.toBeNull();
  });

  test('of more than a thousand windows come from groups of consecutive ones', async () => {
    const { bitsPerCharacter, bitsInterval } = await testLanguageModel(model, tokensOf(2401), {
      ...{ batchSize: 1, steps: 2, bootstrap: 50 },
    });
    expect(bitsInterval![0]).toBeLessThan(bitsPerCharacter);
    expect(bitsInterval![1]).toBeGreaterThan(bitsPerCharacter);
    expect(bitsInterval![1] - bitsInterval![0]).toBeLessThan(0.2);
  });
});

test('baselines are counted in the text before the test part', async () => {
  const [train, tokens] = [tokensOf(90), tokensOf(60)];
  const { baselines } = await testLanguageModel(model, tokens, { ...SETTINGS, train, orders: [1, 3] });
  expect(baselines).toEqual(
    [1, 3].map((order) => ({ order, bits: ngramBitsPerCharacter(train, tokens, SIZE, order) })),
  );
});

test('rejects tokens and settings that make no sense', async () => {
  const bad = (tokens: Int32Array, options: object) => rejected(() => testLanguageModel(model, tokens, options));
  expect(problemOf(await bad(Int32Array.of(1), {}), 'INVALID_DATA').what).toBe('tokens');
  problemOf(await bad(Int32Array.of(1, 2, SIZE), {}), 'INVALID_DATA');
  problemOf(await bad(tokensOf(40), { bootstrap: 0 }), 'INVALID_SETTING');
  problemOf(await bad(tokensOf(40), { orders: [0], train: tokensOf(9) }), 'INVALID_SETTING');
  problemOf(await bad(tokensOf(40), { batch: 3 }), 'INVALID_SETTING');
});
