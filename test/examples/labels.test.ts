/** The examples of names and spaces, run as their reader runs them, with little training. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** The last line of an example's output. */
function resultOf(...args: readonly string[]) {
  const output = execFileSync('node', args, { cwd: join(__dirname, '..', '..'), encoding: 'utf8' });
  return JSON.parse(output.trim().split('\n').at(-1)!);
}

test('names: 811 test names, next to the best n-gram of data/README.md', () => {
  const { results } = resultOf('examples/names/main.mjs', '--seeds', '1', '--members', '1', '--epochs', '1');
  const [own, majority, bayes] = results[0].methods;
  expect(own.accuracy).toBeGreaterThan(0.7);
  expect(majority.accuracy).toBe(466 / 811);
  expect(bayes.name).toMatch(/^naive Bayes, character n-grams up to \d$/);
  expect(bayes.accuracy).toBeGreaterThan(0.88);
});

test('spaces: the tagger next to dictionaries, on the end of the text', () => {
  const { results, removed } = resultOf(
    'examples/spaces/main.mjs',
    '--seeds',
    '1',
    '--epochs',
    '1',
    '--characters',
    '20000',
  );
  expect(results[0].methods.map(({ name }: { name: string }) => name)).toEqual([
    'LSTM',
    'most frequent tag',
    'dictionary, unigrams (Viterbi)',
    'dictionary, bigrams (Viterbi)',
  ]);
  expect(removed).toHaveLength(1);
  expect(results[0].text.replaceAll(' ', '')).toBe('CallmeIshmael.Someyearsago—nevermindhowlong');
});
