/** Text from a model: streaming, its length, and stop strings. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { createModel, createRng, generate, generateText, type Model, Vocabulary } from '../../src/index.js';

const vocabulary = new Vocabulary([...'abc.']);
let model: Model;
beforeAll(async () => {
  const layers = [
    ...([{ kind: 'embedding', size: 4, width: 3 }] as const),
    ...([
      { kind: 'lstm', hiddenSize: 5 },
      { kind: 'linear', size: 4 },
    ] as const),
  ];
  model = await createModel({ seed: 3, layers }, { backend: 'reference' });
});

/** The pieces that `generateText` yields. */
async function pieces(options: object, seed = 1): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of generateText(model, vocabulary, 'ab', createRng(seed, 'sample'), options)) all.push(piece);
  return all;
}

test('it is the text of the tokens that `generate` yields, one character at a time', async () => {
  const tokens = generate(model, vocabulary.encode('ab'), createRng(1, 'sample'), { temperature: 0.7 });
  const ids: number[] = [];
  for (let i = 0; i < 30; i++) ids.push((await tokens.next()).value as number);
  await tokens.return();
  const text = await pieces({ temperature: 0.7, length: 30 });
  expect(text).toEqual([...vocabulary.decode(ids)]);
  expect(await pieces({ length: 0 })).toEqual([]);
});

describe('stop strings', () => {
  test('end the text before them, as if it had been cut there', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const whole = (await pieces({ length: 60 }, seed)).join('');
      for (const stop of [['.'], ['ca'], ['aa.', 'b.c'], ['abcabc'], ['bb', 'cbb', '..']]) {
        const ends = stop.map((one) => whole.indexOf(one)).filter((at) => at >= 0);
        const parts = await pieces({ length: 60, stop }, seed);
        expect(parts.every((part) => part !== '')).toBe(true);
        const text = parts.join('');
        expect(whole.startsWith(text)).toBe(true);
        expect(stop.some((one) => text.includes(one))).toBe(false);
        if (ends.length === 0) expect(text).toBe(whole);
        else expect(stop.some((one) => whole.startsWith(one, text.length))).toBe(true);
      }
    }
  });

  test('are never shown in part: a piece that may become one is held back, and released if it does not', async () => {
    const whole = (await pieces({ length: 40 }, 2)).join('');
    const at = 17; // a stop string that begins like the text, and then differs
    const stop = [`${whole.slice(at, at + 2)}${whole[at + 2] === 'a' ? 'b' : 'a'}`];
    const parts = await pieces({ length: 40, stop }, 2);
    if (!whole.includes(stop[0]!)) expect(parts.join('')).toBe(whole);
    expect(parts.length).toBeLessThan(parts.join('').length); // some characters came together
  });
});

test.each([
  [{ stop: [''] }, 'stop must be a list of texts'],
  [{ stop: '.' }, 'stop must be a list of texts'],
  [{ length: -1 }, 'length must be'],
  [{ topP: 2 }, 'topP must be'],
  [{ stops: [] }, 'unknown setting'],
])('%j is rejected at the call', (options, message) => {
  expect(() => generateText(model, vocabulary, 'ab', createRng(1, 'x'), options as object)).toThrow(message);
  expect(() => generateText(model, vocabulary, 'abx', createRng(1, 'x'))).toThrow('does not know the character "x"');
});
