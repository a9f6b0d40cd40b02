import { setImmediate } from 'node:timers/promises';
import { beamSearch, createRng, generateText, type Model, type Vocabulary } from '../index.js';
import { loadModel } from '../node/index.js';
import { defineCommand, UsageError } from './command.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';
import { dashed, integer, number, text, type ValuesOf } from './settings.js';
import { contextOf, requireVocabulary, withDataName } from './text-model.js';

const OPTIONS = {
  prompt: text({
    placeholder: 'TEXT',
    help: 'the beginning of the text',
    defaultText: 'none; continues a piece of the training text, which is not printed',
  }),
  length: integer({ default: 500, min: 0, help: 'number of characters to write' }),
  temperature: number({
    default: 0.8,
    min: 0,
    placeholder: 'X',
    help: 'below 1 more predictable, above 1 more varied, 0 always the most likely character',
  }),
  topK: integer({ min: 1, help: 'sample only from the N most likely characters', defaultText: 'all' }),
  topP: number({
    min: 0.000001,
    max: 1,
    placeholder: 'P',
    help: 'sample only from the most likely characters that together have this probability',
    defaultText: '1: all',
  }),
  repetitionPenalty: number({
    min: 1,
    placeholder: 'X',
    help: 'above 1, characters of the last --repetition-window are less likely',
    defaultText: '1',
  }),
  repetitionWindow: integer({ default: 64, min: 1, help: 'number of characters that the penalty applies to' }),
  stop: text({
    placeholder: 'TEXT',
    help: 'end before this text; several as a JSON list: \'["\\n\\n", "THE END"]\'',
    defaultText: 'none',
  }),
  beams: integer({
    min: 1,
    max: 1024,
    help: 'beam search: the likeliest text that N beams find; temperature and seed have no effect',
    defaultText: 'none: draws characters',
  }),
  seed: integer({ default: 1, min: 0, help: 'random seed; another seed gives another text' }),
  ...OUTPUT_OPTIONS,
};

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
function piecesOf(
  model: Model,
  vocabulary: Vocabulary,
  start: string,
  options: ValuesOf<typeof OPTIONS>,
): AsyncIterable<string> {
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

export const sampleCommand = defineCommand({
  name: 'sample',
  summary: 'Writes text with a model.',
  arguments: [{ name: 'MODEL', help: 'a run directory, model file or checkpoint' }],
  options: OPTIONS,
  examples: [
    { does: 'continue a beginning', line: 'unspool sample model.safetensors --prompt "Call me"' },
    {
      does: 'end before a text, without unlikely characters',
      line: 'unspool sample runs/novel --prompt "Call me" --stop "THE END" --top-p 0.9',
    },
    { does: 'write a more varied text', line: 'unspool sample model.safetensors --temperature 1.1 --seed 7' },
  ],
  async run([file], options) {
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
  },
});
