/** What `unspool data` says about a text for a language model. */
import { stat } from 'node:fs/promises';
import { bytesText } from '../../errors.js';
import { scanText } from '../../node/text-scan.js';
import { tokenList } from '../../node/token-file.js';
import { grouped, type Output } from '../output.js';
import { isStreamed } from '../train/training-source.js';
import { dataIn } from '../train/training-text.js';

/** Names of files that are not read as texts. */
const IS_DATA = /\.(csv|tsv|tab|json|jsonl|ndjson|npy|parquet)$/i;
/** Bytes that are read at a time. */
const PIECE = 1 << 20;

/** Prints what a file has, if `unspool train` would train a language model on it. Returns whether it would. */
export async function describeText(file: string, out: Output): Promise<boolean> {
  const stats = await stat(file).catch(() => null);
  if (stats?.isFile() !== true || IS_DATA.test(file)) return false;
  const { characters, points, beginning } = await scanText(file, PIECE);
  if (dataIn(file, beginning, characters) !== null) return false;
  const bytes = characters * tokenList(points.length, 0).BYTES_PER_ELEMENT;
  const temporaryBytes = (await isStreamed(file, { stream: false })) ? bytes : null;
  out.record({ kind: 'data', file, task: 'language-model', characters, distinct: points.length, temporaryBytes });
  out.print(`${file}: language-model`);
  out.print(`${grouped(characters)} characters, ${grouped(points.length)} different ones.`);
  if (temporaryBytes !== null) {
    out.print(`The text is streamed: a training writes its tokens to a temporary file of ${bytesText(bytes)}.`);
  }
  return true;
}
