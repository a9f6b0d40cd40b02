import { setImmediate } from 'node:timers/promises';
import { createRng, generateText } from '../index.js';
import { loadModel } from '../node/index.js';
import { defineCommand, UsageError } from './command.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';
import { integer, number, text } from './settings.js';
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
    const { length, seed, temperature, topK, topP, repetitionPenalty, repetitionWindow } = options;
    const sampling = {
      ...{ length, temperature, repetitionWindow, stop: stopsIn(options.stop) },
      ...(topK !== undefined && { topK }),
      ...(topP !== undefined && { topP }),
      ...(repetitionPenalty !== undefined && { repetitionPenalty }),
    };
    const pieces = withDataName('prompt', () =>
      generateText(loaded.model, vocabulary, start, createRng(seed, 'sample'), sampling),
    );
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
