/** A text that is read from a file: the same batches as of the text in memory, whatever is read at a time. */
import { readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRng } from '../../src/core/rng.js';
import { ngramBitsPerCharacter } from '../../src/data/ngram.js';
import type { BatchSource } from '../../src/data/source.js';
import { textStreams } from '../../src/data/text.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { readText } from '../../src/node/read.js';
import { textFileBaselines } from '../../src/node/text-baselines.js';
import { openTextFile, type TextFileData, type TextFileOptions, textFileStreams } from '../../src/node/text-file.js';
import { Utf8Decoder } from '../../src/node/utf8.js';
import { temporaryFolder } from '../cli/in-process.js';
import { problemOf, rejected } from '../support/errors.js';

const here = temporaryFolder();
const folder = here.at('tokens');

/** The error of an invalid text, with the same fields for both ways to read it. */
const errorOf = (error: unknown): unknown => (error as { problem: unknown }).problem;

/** Acts on an open text, and closes it. */
async function opened<T>(
  file: string,
  options: TextFileOptions,
  act: (data: TextFileData) => T | Promise<T>,
  buffers = { piece: 7, ahead: 5, aheadBytes: 64 },
): Promise<T> {
  const data = await openTextFile(file, { folder, ...options }, { buffers });
  try {
    return await act(data);
  } finally {
    await data.close();
  }
}

const batchesOf = (source: BatchSource) => Array.from({ length: source.length }, (_, index) => source.batch(index));

/** Few different characters of one to four bytes each, so that they repeat. */
const texts = fc
  .tuple(
    fc.constantFrom('ab', 'aé', 'a\r\n', '€😀x', 'é😀\uFEFF'),
    fc.array(fc.nat(), { minLength: 1, maxLength: 300 }),
  )
  .map(([alphabet, picks]) => picks.map((pick) => [...alphabet][pick % [...alphabet].length]!).join(''));

const cases = fc.record({
  text: texts,
  hasMark: fc.boolean(),
  batchSize: fc.integer({ min: 1, max: 5 }),
  steps: fc.integer({ min: 1, max: 9 }),
  validationSplit: fc.constantFrom(0, 0.1, 0.37, 0.5),
  piece: fc.integer({ min: 1, max: 40 }),
  ahead: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

describe('textFileStreams', () => {
  test('has the batches of textStreams, in any order, in every epoch, or the same error', async () => {
    await fc.assert(fc.asyncProperty(cases, compare), { numRuns: 60 });
  });

  async function compare({ text, hasMark, piece, ahead, seed, ...settings }: Case): Promise<void> {
    const file = here.write('text.txt', `${hasMark ? '\uFEFF' : ''}${text}`);
    const read = await readText(file);
    if (read === '') {
      // textStreams gets a text, not a file
      const { problem } = problemOf(
        await rejected(() => textFileStreams(file, { folder, ...settings })),
        'INVALID_FILE',
      );
      expect(problem).toBe('the file is empty.');
      return;
    }
    let wanted: ReturnType<typeof textStreams>;
    try {
      wanted = textStreams(read, settings);
    } catch (error) {
      expect(errorOf(await rejected(() => textFileStreams(file, { folder, ...settings })))).toEqual(errorOf(error));
      return;
    }
    const buffers = { piece, ahead, aheadBytes: 100 };
    await opened(
      file,
      settings,
      (data) => {
        expect(data.vocabulary.characters).toEqual(wanted.vocabulary.characters);
        expect(data.beginning).toBe(read);
        expect(data.validation === null).toBe(wanted.validation === null);
        for (const [own, other] of [
          [data.train, wanted.train],
          [data.validation, wanted.validation],
        ] as const) {
          if (!own || !other) continue;
          expect([own.length, own.predictions, own.characters]).toEqual([
            other.length,
            other.predictions,
            other.tokens.length,
          ]);
          expect(batchesOf(own)).toEqual(batchesOf(other));
          const middle = Math.floor(own.length / 2); // as a resumed training
          for (const index of [middle, own.length - 1, 0]) expect(own.batch(index)).toEqual(other.batch(index));
          const epochs = [createRng(seed, 'test'), createRng(seed, 'test')] as const;
          for (let epoch = 0; epoch < 2; epoch++) {
            expect(batchesOf(own.shuffled(epochs[0]))).toEqual(batchesOf(other.shuffled(epochs[1])));
          }
        }
      },
      buffers,
    );
    expect(readdirSync(folder)).toEqual([]);
  }

  test.each([
    [200, 1],
    [300, 2],
    [66_000, 4],
  ])('a vocabulary of %d has tokens of %d bytes', async (size) => {
    const points = Array.from({ length: size }, (_, i) => (i < 0xd000 ? i + 1 : i + 0x10000));
    const text = points.map((point) => String.fromCodePoint(point)).join('');
    const file = here.write('many.txt', text);
    const options = { batchSize: 3, steps: 7, validationSplit: 0.25 };
    const wanted = textStreams(text, options);
    await opened(
      file,
      options,
      (data) => {
        expect(data.vocabulary.characters).toEqual(wanted.vocabulary.characters);
        expect(data.train.read(0, size)).toEqual(wanted.train.tokens);
        expect(data.validation!.batch(1)).toEqual(wanted.validation!.batch(1));
      },
      { piece: 4096, ahead: 100, aheadBytes: 4096 },
    );
  });

  test('takes a vocabulary, and names the first character that it does not have', async () => {
    const file = here.write('given.txt', `${'ab'.repeat(40)}c`);
    const options = { batchSize: 1, steps: 4 };
    const vocabulary = new Vocabulary(['c', 'x', 'b', 'a']);
    await opened(file, { ...options, vocabulary }, (data) => {
      expect(data.vocabulary).toBe(vocabulary);
      expect([...data.train.read(0, 3)]).toEqual([3, 2, 3]);
    });
    const error = await rejected(() =>
      textFileStreams(file, { ...options, folder, vocabulary: new Vocabulary(['a', 'b']) }),
    );
    expect(error.message).toContain('"c" (character 81 of the text)');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a read after close() is refused', async () => {
    const data = await textFileStreams(here.write('closed.txt', 'abcd'.repeat(30)), { folder, batchSize: 2, steps: 3 });
    await data.close();
    await data.close();
    expect(() => data.train.batch(0)).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  });

  test('invalid options and files', async () => {
    const file = here.write('short.txt', 'ab');
    const codeOf = async (path: string, options: object) => (await rejected(() => textFileStreams(path, options))).code;
    expect(await codeOf(file, { folder: 5 })).toBe('INVALID_SETTING');
    expect(await codeOf(file, { batch: 5 })).toBe('INVALID_SETTING');
    expect(await codeOf(file, { steps: 0 })).toBe('INVALID_SETTING');
    expect(await codeOf(file, { folder })).toBe('INVALID_DATA');
    expect(await codeOf(here.at('missing.txt'), {})).toBe('FILE_ACCESS');
    expect(await codeOf(here.at('.'), {})).toBe('FILE_ACCESS');
    expect(await codeOf(here.write('empty.txt', ''), {})).toBe('INVALID_FILE');
    const blocked = { folder: join(file, 'sub'), batchSize: 1, steps: 1, validationSplit: 0 };
    expect(await codeOf(file, blocked)).toBe('FILE_ACCESS');
  });

  test('bytes that are not text have their position', async () => {
    const messageOf = async (bytes: readonly number[]) =>
      (await rejected(() => opened(here.write('bad.txt', Uint8Array.from(bytes)), {}, () => {}))).message;
    const valid = [...new TextEncoder().encode('12345678é')];
    expect(await messageOf([...valid, 0xff, 0x41])).toContain('not UTF-8 text at byte 11.');
    expect(await messageOf([0xef, 0xbb, 0xbf, ...valid, 0xff])).toContain('not UTF-8 text at byte 14.');
    expect(await messageOf([...valid, 0xc3])).toContain('not UTF-8 text at byte 12.');
    expect(await messageOf([...valid, 0])).toContain('zero bytes (character 10)');
    expect(await messageOf([0xff, 0xfe, 0x41, 0, 0x42, 0])).toContain('iconv -f utf-16');
  });

  test('a file that changes between the two passes is refused', async () => {
    const file = here.write('changes.txt', 'ab'.repeat(50));
    class Changing extends Vocabulary {
      override get size(): number {
        truncateSync(file, 60);
        return super.size;
      }
    }
    const options = { folder, batchSize: 1, steps: 2, vocabulary: new Changing(['a', 'b']) };
    expect((await rejected(() => textFileStreams(file, options))).message).toContain('was changed while it was read');
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('the decoder accepts what TextDecoder accepts, in pieces of any size', () => {
  const parts = fc.oneof(
    fc.constantFrom(
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe0, 0x9f, 0xbf],
      [0xf0, 0x8f, 0xbf, 0xbf],
      [0xc0, 0xaf],
    ),
    fc.integer({ min: 0, max: 0x10ffff }).map((point) => [...new TextEncoder().encode(String.fromCodePoint(point))]),
    fc.array(fc.integer({ min: 0x78, max: 0xff }), { minLength: 1, maxLength: 2 }),
  );
  const property = fc.property(fc.array(parts, { maxLength: 8 }), fc.integer({ min: 1, max: 9 }), (lists, size) => {
    const bytes = Uint8Array.from(lists.flat());
    let wanted: number[] | null = null;
    try {
      const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      wanted = [...text].map((character) => character.codePointAt(0)!);
    } catch {}
    const decoder = new Utf8Decoder();
    const found: number[] = [];
    const points = new Int32Array(size);
    const decode = () => {
      for (let at = 0; at < bytes.length; at += size) {
        found.push(...points.subarray(0, decoder.decode(bytes.subarray(at, at + size), points)));
      }
      decoder.end();
    };
    if (wanted === null) expect(decode).toThrow();
    else {
      decode();
      expect(found).toEqual(wanted);
    }
  });
  fc.assert(property, { numRuns: 500 });
});

describe('textFileBaselines', () => {
  const text = 'she sells sea shells, the shells she sells are sea shells. '.repeat(30);
  const options = { batchSize: 2, steps: 5, validationSplit: 0.3 };

  test('has the bits of ngramBitsPerCharacter', async () => {
    const { train, validation, vocabulary } = textStreams(text, options);
    const orders = [1, 5, 2, 5];
    const result = await opened(here.write('sea.txt', text), options, (data) => textFileBaselines(data, { orders }));
    const bits = (order: number) => ngramBitsPerCharacter(train.tokens, validation!.tokens, vocabulary.size, order);
    expect(result.baselines).toEqual(orders.map((order) => ({ order, bits: bits(order) })));
    expect(result.counted).toBe(train.tokens.length);
  });

  test('counts only the end of the training part if a limit is reached', async () => {
    const { train, validation, vocabulary } = textStreams(text, options);
    const { tokens } = train;
    await opened(here.write('sea.txt', text), options, async (data) => {
      const { counted, baselines } = await textFileBaselines(data, { orders: [1], maxCharacters: 100 });
      expect(counted).toBe(100);
      const end = ngramBitsPerCharacter(tokens.subarray(-100), validation!.tokens, vocabulary.size, 1);
      expect(baselines[0]!.bits).toBe(end);
      expect((await textFileBaselines(data, { maxNgrams: 1 })).counted).toBeGreaterThan(1); // a whole block
      const stopped = { signal: AbortSignal.abort() };
      expect(await textFileBaselines(data, stopped)).toEqual({ baselines: [], counted: 0 });
      const wrong = { signal: true } as never;
      expect((await rejected(() => textFileBaselines(data, wrong))).message).toContain('options.signal must be');
    });
  });

  test('needs a validation part', async () => {
    await opened(here.write('sea.txt', text), { ...options, validationSplit: 0 }, async (data) => {
      expect((await rejected(() => textFileBaselines(data))).message).toContain('validationSplit above 0');
    });
  });
});
