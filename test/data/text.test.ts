import { describe, expect, test } from '@jest/globals';
import { createRng } from '../../src/core/rng.js';
import { ngramBitsPerCharacter } from '../../src/data/ngram.js';
import { TextStreams, textStreams, validationStreams } from '../../src/data/text.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { problemOf, thrown } from '../support/errors.js';
import { integer, number, testRanges } from '../support/ranges.js';

const count = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** The steps of each batch, and the inputs and targets of each stream over all batches. */
function readAll(source: TextStreams) {
  const streams = Array.from({ length: source.batchSize }, () => ({ inputs: [] as number[], targets: [] as number[] }));
  const steps: number[] = [];
  for (let k = 0; k < source.length; k++) {
    const b = source.batch(k);
    steps.push(b.steps);
    expect(b.batchSize).toBe(source.batchSize);
    expect(b.inputs.length).toBe(b.steps * b.batchSize);
    expect(b.targets.length).toBe(b.steps * b.batchSize);
    for (let t = 0; t < b.steps; t++) {
      streams.forEach((stream, n) => {
        stream.inputs.push(b.inputs[t * b.batchSize + n]!);
        stream.targets.push(b.targets[t * b.batchSize + n]!);
      });
    }
  }
  return { streams, steps };
}

describe('TextStreams', () => {
  test('a batch continues where the previous one stopped; targets are the next characters', () => {
    const { streams, steps } = readAll(new TextStreams(count(3 * 20 + 1), 3, 4));
    expect(steps).toEqual([4, 4, 4, 4, 4]);
    streams.forEach(({ inputs, targets }, n) => {
      expect(inputs).toEqual([...count(20)].map((i) => i + 20 * n));
      expect(targets).toEqual(inputs.map((i) => i + 1));
    });
  });

  test('the end of each stream is dropped, or becomes a shorter last batch with `partial`', () => {
    const tokens = count(3 * 22 + 1 + 2);
    const cut = readAll(new TextStreams(tokens, 3, 4));
    expect(cut.steps).toEqual([4, 4, 4, 4, 4]);
    const whole = readAll(new TextStreams(tokens, 3, 4, true));
    expect(whole.steps).toEqual([4, 4, 4, 4, 4, 2]);
    expect(whole.streams.flatMap((s) => s.inputs)).toEqual([...count(66)]);
  });

  test.each([
    [2, 1, 1],
    [100, 3, 7],
    [101, 4, 5],
    [57, 8, 3],
    [40, 1, 64],
  ])('with `partial`, %d characters in %d streams of %d steps are each predicted once', (length, batchSize, steps) => {
    const source = new TextStreams(count(length), batchSize, steps, true);
    const predicted = readAll(source).streams.flatMap((s) => s.targets);
    const covered = batchSize * Math.floor((length - 1) / batchSize); // up to batchSize - 1 do not fit into equal streams
    expect(predicted).toEqual([...count(covered)].map((i) => i + 1));
    expect(source.predictions).toBe(covered);
    expect(length - 1 - covered).toBeLessThan(batchSize);
  });

  test('`predictions` is the number of targets in all batches', () => {
    for (const partial of [false, true]) {
      const source = new TextStreams(count(200), 6, 7, partial);
      expect(source.predictions).toBe(readAll(source).streams.flatMap((s) => s.targets).length);
    }
  });

  test('batch() refuses an index out of range', () => {
    const source = new TextStreams(count(30), 2, 3);
    for (const index of [-1, source.length, 0.5, Number.NaN]) {
      expect(thrown(() => source.batch(index)).code).toBe('INVALID_SETTING');
    }
  });
});

describe('shuffled', () => {
  test('cuts the text at other places, and streams stay contiguous', () => {
    const source = new TextStreams(count(3 * 40 + 12), 3, 8);
    const shifts = new Set<number>();
    const rng = createRng(5, 'test');
    for (let round = 0; round < 60; round++) {
      const cut = source.shuffled(rng);
      expect(cut.length).toBe(source.length); // the number of updates per epoch must not change
      const { streams } = readAll(cut);
      shifts.add(streams[0]!.inputs[0]!);
      for (const { inputs, targets } of streams) {
        expect(inputs).toEqual(inputs.map((_, i) => inputs[0]! + i));
        expect(targets).toEqual(inputs.map((i) => i + 1));
      }
    }
    expect([...shifts].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('never reads past the end of a short text', () => {
    for (const length of [13, 14, 16, 20]) {
      const source = new TextStreams(count(length), 3, 4);
      const rng = createRng(length, 'test');
      for (let round = 0; round < 20; round++) {
        const { streams } = readAll(source.shuffled(rng));
        expect(Math.max(...streams.flatMap((s) => s.targets))).toBeLessThan(length);
        expect(streams[0]!.inputs.length).toBeGreaterThanOrEqual(4);
      }
    }
  });

  test('the same random state gives the same cut', () => {
    const source = new TextStreams(count(500), 3, 50);
    const first = (seed: number) => source.shuffled(createRng(seed, 'test')).batch(0).inputs[0];
    expect(first(1)).toBe(first(1));
    expect(new Set([1, 2, 3, 4, 5].map(first)).size).toBeGreaterThan(1);
  });
});

describe('textStreams', () => {
  const text = 'the quick brown fox jumps over the lazy dog. '.repeat(20);

  test.each(['batchSize', 'steps'])('%s must be an integer, also before the text is cut', (name) => {
    for (const value of [1n, null, '4', 1.5, 0, [4], Symbol('4')]) {
      const error = thrown(() => textStreams('abc '.repeat(300), { [name]: value }));
      expect(error).toMatchObject({ code: 'INVALID_SETTING', problem: { path: name } });
    }
  });

  test('keeps the end of the text for validation', () => {
    const { vocabulary, train, validation } = textStreams(text, { batchSize: 4, steps: 6, validationSplit: 0.2 });
    expect(vocabulary.decode(train.tokens)).toBe(text.slice(0, 720));
    expect(vocabulary.decode(validation!.tokens)).toBe(text.slice(720));
    expect([train.batchSize, train.steps, validation!.batchSize, validation!.steps]).toEqual([4, 6, 4, 6]);
    expect(validation!.predictions).toBe(4 * Math.floor((180 - 1) / 4));
  });

  test('has no validation streams if validationSplit is 0', () => {
    const { vocabulary, train, validation } = textStreams(text, { batchSize: 4, steps: 6, validationSplit: 0 });
    expect(validation).toBeNull();
    expect(vocabulary.decode(train.tokens)).toBe(text);
  });

  test('uses the given vocabulary, or else that of the whole text', () => {
    const own = new Vocabulary([...new Set(text), '!']);
    expect(textStreams(text, { batchSize: 2, steps: 3, vocabulary: own }).vocabulary).toBe(own);
    const ending = `${'ab'.repeat(200)}z`;
    expect(textStreams(ending, { batchSize: 2, steps: 3 }).vocabulary.characters).toEqual(['a', 'b', 'z']);
  });

  test('counts code points, not UTF-16 units', () => {
    const { vocabulary, train } = textStreams('😀é'.repeat(30), { batchSize: 2, steps: 5, validationSplit: 0 });
    expect(vocabulary.characters).toEqual(['é', '😀']);
    expect(train.tokens).toHaveLength(60);
    expect([...(train.batch(0).inputs as Int32Array)]).toEqual([1, 0, 0, 1, 1, 0, 0, 1, 1, 0]);
  });

  test('a short validation part has fewer streams', () => {
    const { validation } = textStreams(text, { batchSize: 32, steps: 20, validationSplit: 0.1 });
    expect(validation!.batchSize).toBe(4);
    expect(validationStreams(count(2), 32, 64).predictions).toBe(1);
  });
});

test('textStreams has 32 streams of 64 steps, and keeps a tenth for validation', () => {
  const { train, validation } = textStreams('ab'.repeat(20000));
  expect([train.batchSize, train.steps, train.tokens.length]).toEqual([32, 64, 36000]);
  expect([validation!.batchSize, validation!.steps, validation!.tokens.length]).toEqual([32, 64, 4000]);
});

test('describe() has all that recreates the streams', () => {
  const tokens = count(40);
  const described = new TextStreams(tokens, 3, 4, true, 7).describe();
  expect(described).toEqual({ kind: 'textStreams', tokens, batchSize: 3, steps: 4, partial: true, from: 7 });
  expect(new TextStreams(tokens, 3, 4).describe()).toMatchObject({ partial: false, from: 0 });
});

test('a first token other than 0 shifts all streams, and leaves fewer predictions', () => {
  const source = new TextStreams(count(30), 2, 4, false, 5);
  expect(readAll(source).streams.map(({ inputs }) => [inputs[0], inputs.length])).toEqual([
    [5, 12],
    [17, 12],
  ]);
  expect(source.predictions).toBe(24);
  expect(thrown(() => new TextStreams(count(30), 1, 1, false, 30)).message).toContain('30 characters are too few');
});

describe('ranges', () => {
  testRanges([
    ['batchSize', integer(1, 1048576), (n) => new TextStreams(count(9), n, 1)],
    ['steps', integer(1, 1048576), (n) => new TextStreams(count(9), 1, n)],
    ['from', integer(0, 9), (from) => new TextStreams(count(9), 1, 1, false, from)],
    ['batch index', integer(0, 7), (index) => new TextStreams(count(9), 1, 1).batch(index)],
    ['batchSize', integer(1, 1048576), (n) => validationStreams(count(9), n, 1)],
    ['steps', integer(1, 1048576), (n) => validationStreams(count(9), 1, n)],
    ['batchSize', integer(1, 1048576), (batchSize) => textStreams('abc', { batchSize })],
    ['steps', integer(1, 1048576), (steps) => textStreams('abc', { steps })],
    ['validationSplit', number(0, 0.99), (validationSplit) => textStreams('abc', { validationSplit })],
    ['vocabularySize', integer(1, 2147483647), (n) => ngramBitsPerCharacter(count(2), count(2), n, 1)],
    ['order', integer(1, 32), (n) => ngramBitsPerCharacter(count(2), count(2), 2, n)],
  ]);
});

describe('invalid input is refused', () => {
  test.each([
    ['an empty text', () => textStreams('')],
    ['too little text', () => textStreams('short', { batchSize: 4, steps: 10 })],
    [
      'a validation part of one character',
      () => textStreams('abcdefghij', { batchSize: 1, steps: 2, validationSplit: 0.1 }),
    ],
    ['one token short of a batch', () => new TextStreams(count(12), 3, 4)],
    ['one token in all', () => new TextStreams(count(1), 1, 1, true)],
    ['no token', () => validationStreams(count(0), 4, 4)],
  ])('%s', (_, make) => {
    const problem = problemOf(thrown(make), 'INVALID_DATA');
    expect(problem.what).toBe('text');
  });

  test('the minimum number of tokens is enough', () => {
    expect(new TextStreams(count(13), 3, 4).length).toBe(1);
    expect(new TextStreams(count(2), 1, 1, true).length).toBe(1);
  });

  test('the message contains the minimum number of characters', () => {
    expect(thrown(() => new TextStreams(count(12), 3, 4)).message).toContain('at least 13');
    expect(thrown(() => new TextStreams(count(3), 3, 4, true)).message).toContain('at least 4');
  });

  test.each([
    ['batchSize', { batchSize: 0 }],
    ['batchSize', { batchSize: 2.5 }],
    ['steps', { steps: 0 }],
    ['steps', { steps: Number.NaN }],
    ['validationSplit', { validationSplit: 1 }],
    ['validationSplit', { validationSplit: -0.1 }],
  ])('%s: %o', (path, options) => {
    expect(
      problemOf(
        thrown(() => textStreams('abc'.repeat(100), options)),
        'INVALID_SETTING',
      ).path,
    ).toBe(path);
  });

  test('a text that is too short only because of its validation part', () => {
    const held = thrown(() => textStreams('ababababab', { batchSize: 1, steps: 2 }));
    expect(held.message).toContain('A validationSplit of 0.1 makes 9 of them training data');
    expect(held.message).toContain('Set validationSplit: 0');
    expect(textStreams('ababababab', { batchSize: 1, steps: 2, validationSplit: 0 }).train.length).toBe(4);
    const train = thrown(() => textStreams('ababababab', { batchSize: 2, steps: 4, validationSplit: 0.2 }));
    expect(train.message).toContain('makes 8 of them training data, which need 9,');
    expect(thrown(() => textStreams('abab', { batchSize: 2, steps: 4 })).message).not.toContain('validation');
  });

  test.each([
    ['lr', { lr: 1 }, 'options.lr: unknown setting.'],
    ['batch', { batch: 2 }, 'Did you mean "batchSize"?'],
    ['held_out', { held_out: 0 }, 'Did you mean "validationSplit"?'],
    ['vocabulary: a list', { vocabulary: ['a', 'b', 'c'] }, 'options.vocabulary must be a Vocabulary'],
    ['batchSize: null', { batchSize: null }, 'batchSize must be an integer'],
  ])('options with %s', (_, options, text) => {
    expect(thrown(() => textStreams('abc'.repeat(100), options as never)).message).toContain(text);
  });

  test('tokens of another kind', () => {
    expect(thrown(() => new TextStreams([0, 1, 0] as never, 1, 1)).code).toBe('INVALID_DATA');
    expect(thrown(() => new TextStreams(count(9), 1, 1, 1 as never)).code).toBe('INVALID_SETTING');
    expect(thrown(() => new TextStreams(count(9), 1, 1, false, -1)).code).toBe('INVALID_SETTING');
  });

  test('a character that is not in the given vocabulary', () => {
    const error = thrown(() => textStreams('abcabx', { vocabulary: new Vocabulary(['a', 'b', 'c']) }));
    expect(error.code).toBe('INVALID_DATA');
    expect(error.message).toContain('"x" (character 6 of the text)');
  });
});
