/** The text of a training: in memory, or streamed from a file if it is large. */
import { stat } from 'node:fs/promises';
import { type TextData, textStreams, type Vocabulary } from '../../index.js';
import type { TextFileData } from '../../node/index.js';
import { openTextFile } from '../../node/text-file.js';
import type { TextScan } from '../../node/text-scan.js';
import { UsageError } from '../command.js';
import { sha256 } from '../hash.js';
import { withDataName } from '../text-model.js';
import { readTrainingText, requireProse } from './training-text.js';

/** Larger texts are streamed. */
const LARGEST_IN_MEMORY = 1 << 26;

/** The streams of a text. */
export type TrainingText = TextData | TextFileData;

/** A text that was read, or that is being streamed. */
export interface OpenText {
  readonly text: TrainingText;
  readonly sha256: string;
  /** The text itself; null if it is streamed. */
  readonly content: string | null;
  /** Removes the temporary file of a text that is streamed. */
  close(): Promise<void>;
}

/** What decides how a text is read. */
export interface ReadingFlags {
  readonly stream: boolean;
  readonly distributed?: string | undefined;
}

/** How a text is read and cut. */
interface Reading {
  readonly flags: ReadingFlags;
  /** Whether a table or JSON is taken as a text. */
  readonly asText: boolean;
  /** Throws for the hash of another text than the one to read. */
  readonly requireHash?: (hash: string) => void;
  readonly streams: { readonly batchSize: number; readonly steps: number; readonly validationSplit: number };
  readonly vocabulary?: Vocabulary;
  /** Where the temporary file of a text that is streamed is written. */
  readonly folder: string;
}

/** The error for the option `stream` of a training that several ranks share. */
export const cannotShareStream = (): UsageError =>
  new UsageError('--stream cannot be combined with --distributed, which sends the text to all ranks.');

/** Whether a text is streamed: one above 64 MiB, or with `--stream`. Throws `UsageError` for `--stream` with several ranks. */
export async function isStreamed(file: string, { stream, distributed }: ReadingFlags): Promise<boolean> {
  if (distributed !== undefined) {
    if (stream) throw cannotShareStream();
    return false; // rank 0 sends all of the text to the others
  }
  if (stream) return true;
  const stats = await stat(file).catch(() => null); // reading it reports what is wrong
  return stats?.isFile() === true && stats.size > LARGEST_IN_MEMORY;
}

/** Opens the text of a training. Throws `FILE_ACCESS`, `INVALID_FILE` and `INVALID_DATA`, the last with the name of the file. */
export async function openTrainingText(file: string, reading: Reading): Promise<OpenText> {
  const { asText, streams, vocabulary, folder, requireHash = () => {} } = reading;
  const options = { ...streams, ...(vocabulary && { vocabulary }) };
  if (!(await isStreamed(file, reading.flags))) {
    const content = await readTrainingText(file, { asText });
    const hash = sha256(content);
    requireHash(hash);
    const text = withDataName(file, () => textStreams(content, options));
    return { text, sha256: hash, content, close: async () => {} };
  }
  const onScan = ({ sha256: hash, beginning, characters }: TextScan): void => {
    requireHash(hash);
    if (!asText) requireProse(file, beginning, characters);
  };
  const text = await withDataName(file, () => openTextFile(file, { ...options, folder }, { onScan }));
  return { text, sha256: text.sha256, content: null, close: () => text.close() };
}

/** Whether a text is not streamed. */
export const isInMemory = (text: TrainingText): text is TextData => 'tokens' in text.train;

/** The characters of each part, and the size of the temporary file of a text that is streamed; null for a text in memory. */
export function sizesOf(text: TrainingText) {
  const counts = isInMemory(text)
    ? { training: text.train.tokens.length, validation: text.validation?.tokens.length ?? 0 }
    : { training: text.train.characters, validation: text.validation?.characters ?? 0 };
  return { ...counts, temporaryBytes: isInMemory(text) ? null : text.temporaryBytes };
}

/** The first characters of the training part. */
export function beginningOf(text: TrainingText, count: number): string {
  const tokens = isInMemory(text) ? text.train.tokens.subarray(0, count) : text.train.read(0, count);
  return text.vocabulary.decode(tokens);
}
