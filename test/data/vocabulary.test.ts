import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { problemOf, thrown } from '../support/errors.js';

describe('Vocabulary', () => {
  test('sorts the characters of a text by code point', () => {
    const v = Vocabulary.of('hello, world\n');
    expect(v.characters).toEqual(['\n', ' ', ',', 'd', 'e', 'h', 'l', 'o', 'r', 'w']);
    expect(v.size).toBe(10);
    expect([...v.encode('hold')]).toEqual([5, 7, 6, 3]);
  });

  test('sorts by code point, not by UTF-16 unit', () => {
    // As a UTF-16 unit, U+FF5E is greater than the surrogates of U+1F600; as a code point it is smaller.
    expect(Vocabulary.of('😀～a').characters).toEqual(['a', '～', '😀']);
  });

  test('a code point with two UTF-16 units is one character', () => {
    const v = Vocabulary.of('a😀');
    expect([...v.encode('😀a😀')]).toEqual([1, 0, 1]);
    expect(v.decode([1, 0])).toBe('😀a');
  });

  test('decode inverts encode', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const v = Vocabulary.of(text);
        const ids = v.encode(text);
        expect(v.decode(ids)).toBe(text);
        expect(ids).toHaveLength([...text].length);
        expect(Math.max(...ids)).toBe(v.size - 1); // every character of the vocabulary occurs
      }),
    );
  });

  test('halves of pairs, whole pairs and unknown characters are those of iterating over the text', () => {
    const units = fc.array(fc.constantFrom(0x61, 0x62, 0xd83d, 0xde00, 0xff5e), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(units, units, (known, read) => {
        const [v, text] = [Vocabulary.of(String.fromCharCode(...known)), String.fromCharCode(...read)];
        expect(new Set(v.characters)).toEqual(new Set(String.fromCharCode(...known)));
        const unknown = [...text].findIndex((c) => !v.characters.includes(c));
        if (unknown < 0) expect([...v.encode(text)]).toEqual([...text].map((c) => v.characters.indexOf(c)));
        else expect(thrown(() => v.encode(text)).message).toContain(`(character ${unknown + 1} of the text)`);
        expect(v.unknownIn(text)).toEqual([...new Set(text)].filter((c) => !v.characters.includes(c)));
      }),
    );
  });

  test('an empty text has no tokens', () => {
    expect(new Vocabulary(['a']).encode('')).toHaveLength(0);
    expect(new Vocabulary(['a']).decode([])).toBe('');
  });

  test('an unknown token is decoded as the replacement character', () => {
    expect(new Vocabulary(['a', 'b']).decode([0, 2, 1, -1])).toBe('a�b�');
  });

  test.each([undefined, null, 5, {}, Buffer.from('ab')])('%p is neither a text nor tokens', (value) => {
    const v = new Vocabulary(['a', 'b']);
    for (const act of [
      () => v.encode(value as string),
      () => Vocabulary.of(value as string),
      () => v.unknownIn(value as string),
    ]) {
      expect(thrown(act).message).toMatch(/^text must be a string, got /);
    }
    if (!Buffer.isBuffer(value))
      expect(thrown(() => v.decode(value as number[])).message).toMatch(/^tokens must be an array/);
    else expect(thrown(() => v.encode(value as never)).message).toContain("readFile(path, 'utf8')");
  });

  test.each([undefined, null, '1', 0.5, Number.NaN, 1n])('%p is not a token', (bad) => {
    const error = thrown(() => new Vocabulary(['a', 'b']).decode([1, bad as number]));
    expect(error.message).toMatch(/^tokens\[1\] must be an integer, got /);
  });

  test('unknownIn lists each unknown character once', () => {
    expect(new Vocabulary(['a', 'b']).unknownIn('abcabd😀cc')).toEqual(['c', 'd', '😀']);
    expect(new Vocabulary(['a', 'b']).unknownIn('abba')).toEqual([]);
  });

  test('the error names an unknown character and its position in characters', () => {
    const error = thrown(() => new Vocabulary(['a', '😀']).encode('😀a😀?a'));
    expect(problemOf(error, 'INVALID_DATA').problem).toContain('"?" (character 4 of the text)');
    expect(error.message).toContain('It knows white space and a😀');
  });

  test('decode refuses an array whose memory was sent to a worker', () => {
    const ids = Int32Array.of(0, 1);
    structuredClone(ids, { transfer: [ids.buffer] });
    const error = thrown(() => new Vocabulary(['a', 'b']).decode(ids));
    expect(problemOf(error, 'INVALID_DATA').problem).toContain('its memory was transferred');
  });

  test('the error stays short for a large vocabulary', () => {
    const many = Array.from({ length: 5000 }, (_, i) => String.fromCodePoint(0x4e00 + i));
    expect(thrown(() => new Vocabulary(many).encode('?')).message.length).toBeLessThan(400);
  });

  test.each([
    ['an empty list', []],
    ['a character twice', ['a', 'b', 'a']],
    ['two characters in one entry', ['a', 'bc']],
    ['an empty entry', ['a', '']],
    ['a number', ['a', 1 as unknown as string]],
  ])('refuses %s', (_, characters) => {
    expect(
      problemOf(
        thrown(() => new Vocabulary(characters)),
        'INVALID_DATA',
      ).what,
    ).toBe('vocabulary');
  });
});
