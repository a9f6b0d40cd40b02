/** `unspool sample`: writes text with a model. */
import { setImmediate } from 'node:timers/promises';
import { beamSearch, createRng, generateText, type Model, type Vocabulary } from '../../index.js';
import { loadModel } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput } from '../output.js';
import { dashed } from '../settings.js';
import { contextOf, requireVocabulary, withDataName } from '../text-model.js';
import type { SampleOptions } from './options.js';

/** The stop strings of `--stop`: one text, or a list in JSON. Throws `UsageError`. */
export function stopsIn(stop: string | undefined): readonly string[] {
  if (stop === undefined || stop === '') return [];
  if (!stop.startsWith('[')) return [stop];
  let list: unknown = null;
  try {
    list = JSON.parse(stop);
  } catch {}
  const isText = (one: unknown): boolean => typeof one === 'string' && one !== '';
  if (Array.isArray(list) && list.every(isText)) return list as string[];
  throw new UsageError(`--stop must be a text or a JSON list of texts, got ${stop}.`);
}

/** The text, piece by piece. Throws `UsageError`, `INVALID_SETTING` and `INVALID_DATA`. */
function piecesOf(model: Model, vocabulary: Vocabulary, start: string, options: SampleOptions): AsyncIterable<string> {
  const { length, seed, temperature, topK, topP, repetitionPenalty, repetitionWindow, beams } = options;
  const stop = stopsIn(options.stop);
  const limits = {
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    ...(repetitionPenalty !== undefined && { repetitionPenalty }),
  };
  if (beams === undefined) {
    const sampling = { length, temperature, repetitionWindow, stop, ...limits };
    return generateText(model, vocabulary, start, createRng(seed, 'sample'), sampling);
  }
  const other = Object.keys(limits)[0];
  if (other !== undefined) throw new UsageError(`--${dashed(other)} cannot be combined with --beams.`);
  return likeliest(model, vocabulary, vocabulary.encode(start), { beams, length, stop });
}

/** The text of a beam search, in one piece, because each step may choose another beginning. */
async function* likeliest(
  model: Model,
  vocabulary: Vocabulary,
  prompt: Int32Array,
  { beams, length, stop }: { readonly beams: number; readonly length: number; readonly stop: readonly string[] },
): AsyncGenerator<string> {
  if (length === 0) return;
  const [best] = await beamSearch(model, prompt, { beams, length });
  const text = vocabulary.decode(best!.tokens);
  const ends = stop.map((one) => text.indexOf(one)).filter((at) => at >= 0);
  yield text.slice(0, Math.min(text.length, ...ends));
}

/** Prints the text, piece by piece. Returns the exit code. */
export async function runSample([file]: readonly string[], options: SampleOptions): Promise<number> {
  const out = createOutput(options);
  const loaded = await loadModel(file!);
  const vocabulary = requireVocabulary(file!, loaded);
  const { prompt = '' } = options;
  const start = prompt === '' ? contextOf({ ...loaded, vocabulary }) : prompt;
  const pieces = withDataName('prompt', () => piecesOf(loaded.model, vocabulary, start, options));
  const isStreaming = !out.json && !out.quiet;
  let text = '';
  let count = 0;
  if (isStreaming) process.stdout.write(prompt);
  for await (const piece of pieces) {
    text += piece;
    if (isStreaming) process.stdout.write(piece);
    if (count++ % 100 === 99) await setImmediate(); // so that a closed pipe is noticed
  }
  out.print('');
  out.record({ kind: 'sample', prompt, ...(prompt === '' && { context: start }), text });
  return 0;
}
