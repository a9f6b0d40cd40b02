/** What a model reads before it writes without a prompt. */
import { expect, test } from '@jest/globals';
import { contextIn, contextOf } from '../../src/cli/text-model.js';
import { Vocabulary } from '../../src/data/vocabulary.js';

const words = (count: number): string => Array.from({ length: count }, (_, i) => `w${i}`).join(' ');

test.each([
  ['a line', `${words(30)}. More\n${words(30)}\nEnd`, /More\n$/],
  ['a sentence, with its quotes', `${words(30)} he said "No!" ${words(30)}. End`, /"No!" $/],
  ['a word', words(60), /w\d+ $/],
  ['anywhere', 'acgt'.repeat(40), /^(acgt){16}$/],
  ['the last line of a short text', 'one\ntwo\nthree', /^one\ntwo\n$/],
  ['a short text without a blank', 'acgt', /^acgt$/],
  ['characters of two code units', '\u{1f600}\u{1f601}'.repeat(50), /^(\u{1f600}\u{1f601}){32}$/u],
])('a context ends at %s', (_, text, expected) => {
  const context = contextIn(text);
  expect(text).toContain(context);
  expect(context).toMatch(expected);
  expect([...context].length).toBeLessThanOrEqual(64);
});

test.each([
  ['of the file', { context: 'a b\n' }, 'a b\n', 'a b\n'],
  ['a line break, in a file without one', {}, 'a\n. ', '\n'],
  ['a line break, if the one of the file has unknown characters', { context: 'xyz' }, 'a\n. ', '\n'],
  ['the end of a sentence', {}, 'a. ', '. '],
  ['a blank', {}, 'a b', ' '],
  ['the first character', { context: 3 }, 'cab', 'a'],
])('the context of a model is %s', (_, metadata, characters, expected) => {
  expect(contextOf({ metadata, vocabulary: Vocabulary.of(characters) })).toBe(expected);
});
