/** A text that is larger than memory, as batches of parallel streams. */
import { tmpdir } from 'node:os';
import { requireInteger, requireOptions, shown } from '../checks.js';
import type { Batch } from '../core/model.js';
import { type Rng, requireRng } from '../core/rng.js';
import type { BatchSource } from '../data/source.js';
import { batchOf, StreamCut, trainingLength, validationStreamCount } from '../data/stream-cut.js';
import { STREAM_OPTIONS, streamSettings, type TextStreamOptions } from '../data/text.js';
import { unknownCharacter, Vocabulary } from '../data/vocabulary.js';
import { invalidSetting } from '../errors.js';
import { changedText, POINTS, readPoints, scanText, type TextScan } from './text-scan.js';
import { TokenFile, tokenList } from './token-file.js';

/** Options of `textFileStreams`. */
export interface TextFileOptions extends TextStreamOptions {
  /**
   * Where the temporary file with the tokens is written. Default: the system's folder for temporary files, which in some systems is in
   * memory.
   */
  readonly folder?: string;
}

/** Sizes that do not affect the result. */
export interface BufferSizes {
  /** Bytes of the text that are read at a time. */
  readonly piece: number;
  /** Tokens that are read ahead for each stream, and bytes for all streams. */
  readonly ahead: number;
  readonly aheadBytes: number;
}

const BUFFERS: BufferSizes = { piece: 1 << 20, ahead: 1 << 14, aheadBytes: 1 << 24 };

/**
 * A batch source of parallel streams of tokens in a file. Its batches are those of `TextStreams`, bit for bit. It reads some tokens of
 * each stream ahead; the memory does not depend on the length of the text.
 */
export class TextFileStreams implements BatchSource {
  readonly stateful = true;
  private readonly file: TokenFile;
  /** The first token in the file. */
  private readonly first: number;
  private readonly cut: StreamCut;
  private readonly buffers: BufferSizes;
  /** The tokens that are in memory: those of each stream from `start`, `width` for each. */
  private ahead: {
    readonly tokens: ReturnType<typeof tokenList>;
    readonly width: number;
    start: number;
    end: number;
  } | null = null;

  /** Use `textFileStreams`. */
  constructor(file: TokenFile, first: number, cut: StreamCut, buffers: BufferSizes) {
    this.file = file;
    this.first = first;
    this.cut = cut;
    this.buffers = buffers;
  }

  /** The number of streams. */
  get batchSize(): number {
    return this.cut.sizes.batchSize;
  }

  /** The number of time steps of a batch; the last one may have fewer. */
  get steps(): number {
    return this.cut.sizes.steps;
  }

  /** The number of batches. */
  get length(): number {
    return this.cut.length;
  }

  /** The number of tokens that all batches together predict. */
  get predictions(): number {
    return this.cut.predictions;
  }

  /** The number of tokens. */
  get characters(): number {
    return this.cut.characters;
  }

  /** Batch `index`: inputs [T, N] and, as targets [T, N], the token after each input. Throws `FILE_ACCESS`. */
  batch(index: number): Batch {
    const { start, T } = this.cut.batch(index);
    const { tokens, width, start: first } = this.tokensAt(start, T + 1);
    return batchOf(tokens, { T, N: this.batchSize }, (stream) => stream * width + start - first);
  }

  /** Tokens of all streams that contain `count` of each from `start`. */
  private tokensAt(start: number, count: number) {
    const { file, first } = this;
    const { vocabularySize } = file;
    const { batchSize, steps } = this.cut.sizes;
    if (this.ahead === null) {
      const bytes = batchSize * tokenList(vocabularySize, 0).BYTES_PER_ELEMENT;
      const fitting = Math.min(this.buffers.ahead, Math.floor(this.buffers.aheadBytes / bytes));
      const width = Math.min(Math.max(steps + 1, fitting), this.cut.streamLength + 1);
      this.ahead = { tokens: tokenList(vocabularySize, batchSize * width), width, start: 0, end: 0 };
    }
    const { ahead } = this;
    if (start >= ahead.start && start + count <= ahead.end) return ahead;
    const { tokens, width } = ahead;
    const read = Math.min(width, this.cut.streamLength + 1 - start);
    ahead.end = 0; // until all are read
    for (let n = 0; n < batchSize; n++) {
      file.read(tokens.subarray(n * width, n * width + read), first + this.cut.startOf(n) + start);
    }
    ahead.start = start;
    ahead.end = start + read;
    return ahead;
  }

  /** Returns the same text cut at other places, as `TextStreams` does. */
  shuffled(rng: Rng): TextFileStreams {
    requireRng('rng', rng);
    const cut = new StreamCut(this.characters, { ...this.cut.sizes, from: this.cut.shift(rng) });
    return new TextFileStreams(this.file, this.first, cut, this.buffers);
  }

  /** Returns the tokens from `from`, at most `count`. Throws `FILE_ACCESS`, and `INVALID_SETTING` for what is not in the text. */
  read(from: number, count: number): Int32Array {
    requireInteger('from', from, 0, this.characters);
    requireInteger('count', count, 0, Number.MAX_SAFE_INTEGER);
    const tokens = tokenList(this.file.vocabularySize, Math.min(count, this.characters - from));
    this.file.read(tokens, this.first + from);
    return new Int32Array(tokens);
  }
}

/** A text in a file, cut into training and validation streams: data for `fit`, as those of `textStreams`. */
export class TextFileData {
  readonly vocabulary: Vocabulary;
  readonly train: TextFileStreams;
  /** Null if `validationSplit` is 0. */
  readonly validation: TextFileStreams | null;
  readonly #tokens: TokenFile;
  readonly #scan: TextScan;

  /** Use `textFileStreams`. */
  constructor(vocabulary: Vocabulary, tokens: TokenFile, scan: TextScan, { train, validation, buffers }: Cuts) {
    this.vocabulary = vocabulary;
    this.train = new TextFileStreams(tokens, 0, train, buffers);
    this.validation = validation && new TextFileStreams(tokens, train.characters, validation, buffers);
    this.#tokens = tokens;
    this.#scan = scan;
  }

  /** The SHA-256 of the text in UTF-8, without a byte order mark, in hexadecimal. */
  get sha256(): string {
    return this.#scan.sha256;
  }

  /** The first 65,536 characters. */
  get beginning(): string {
    return this.#scan.beginning;
  }

  /** The size of the temporary file in bytes. */
  get temporaryBytes(): number {
    return this.#tokens.bytes;
  }

  /** Removes the temporary file. The streams cannot be read any more. */
  close(): Promise<void> {
    return this.#tokens.close();
  }
}

/** How a text is cut. */
interface Cuts {
  readonly train: StreamCut;
  readonly validation: StreamCut | null;
  readonly buffers: BufferSizes;
}

/**
 * Streams a UTF-8 text that may be larger than memory, with the batches of `textStreams` of the same text. Reads the file twice: to
 * find its vocabulary and length, and to write its tokens, of one, two or four bytes each, to a temporary file, which `close` removes.
 *
 * Throws `FILE_ACCESS`, also for a pipe, and for a disk with too little space; `INVALID_FILE` for what is not text; and what `textStreams`
 * throws.
 */
export function textFileStreams(file: string, options: TextFileOptions = {}): Promise<TextFileData> {
  return openTextFile(file, options);
}

/** `textFileStreams` with other buffers. `onScan` may refuse the text before its tokens are written. */
export async function openTextFile(
  file: string,
  options: TextFileOptions,
  { buffers = BUFFERS, onScan = () => {} }: { buffers?: BufferSizes; onScan?: (scan: TextScan) => void } = {},
): Promise<TextFileData> {
  requireOptions('options', options ?? null, [...STREAM_OPTIONS, 'folder']);
  const { folder = tmpdir() } = options;
  if (typeof folder !== 'string' || folder.includes('\0')) {
    throw invalidSetting('options.folder', `must be the path of a folder, got ${shown(folder)}.`);
  }
  const settings = streamSettings(options);
  const scan = await scanText(file, buffers.piece);
  onScan(scan);
  const { sha256, characters, points } = scan;
  const { vocabulary = new Vocabulary(points.map((point) => String.fromCodePoint(point))) } = options;
  const cuts = cutsOf(characters, settings);
  const tokens = await TokenFile.create(folder, characters, vocabulary.size);
  try {
    if ((await writeTokens(file, tokens, vocabulary, buffers.piece)) !== sha256) throw changedText(file);
  } catch (error) {
    await tokens.close();
    throw error;
  }
  return new TextFileData(vocabulary, tokens, scan, { ...cuts, buffers });
}

/** How so many characters are cut into streams. Throws `INVALID_DATA` for too few. */
function cutsOf(characters: number, settings: ReturnType<typeof streamSettings>) {
  const { batchSize, steps, validationSplit } = settings;
  const count = trainingLength(characters, settings);
  const rest = characters - count;
  const streams = validationStreamCount(rest, batchSize, steps);
  return {
    train: new StreamCut(count, { batchSize, steps, partial: false, from: 0 }),
    validation: validationSplit > 0 ? new StreamCut(rest, { batchSize: streams, steps, partial: true, from: 0 }) : null,
  };
}

/** The second pass: writes the token of each character. Returns the hash of the text. */
async function writeTokens(file: string, to: TokenFile, vocabulary: Vocabulary, piece: number): Promise<string> {
  const ids = new Int32Array(POINTS).fill(-1);
  for (const [id, character] of vocabulary.characters.entries()) ids[character.codePointAt(0)!] = id;
  let before = 0;
  return readPoints(file, piece, async (points, count) => {
    const tokens = tokenList(vocabulary.size, count);
    for (let i = 0; i < count; i++) {
      const id = ids[points[i]!]!;
      if (id < 0) throw unknownCharacter(vocabulary, String.fromCodePoint(points[i]!), before + i);
      tokens[i] = id;
    }
    before += count;
    await to.append(tokens);
  });
}
