import { setImmediate } from 'node:timers/promises';
import { invalidSetting } from '../errors.js';
import { createRng, generate, type LoadedModel, UnspoolError, type Vocabulary } from '../index.js';
import { loadModel } from '../node/index.js';
import type { Command } from './command.js';
import { naming } from './naming.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';

/** The vocabulary of a model file; one without is no language model. Throws `INVALID_FILE`. */
export function requireVocabulary(file: string, loaded: LoadedModel): Vocabulary {
  if (loaded.vocabulary) return loaded.vocabulary;
  throw new UnspoolError({
    code: 'INVALID_FILE',
    file,
    problem: 'this model has no vocabulary, so it cannot read or write text.',
    help: 'Use a model that `unspool train` saved.',
  });
}

export const sampleCommand: Command = {
  name: 'sample',
  summary: 'Lets a model write text.',
  arguments: [{ name: 'MODEL', help: 'a model file or checkpoint' }],
  options: {
    prompt: { type: 'text', value: 'TEXT', help: 'what the text begins with', standard: 'a line break' },
    length: { type: 'integer', help: 'characters to write', standard: 500 },
    temperature: { type: 'number', help: 'under 1 safer, over 1 wilder, 0 always the likeliest', standard: 0.8 },
    topK: { type: 'integer', help: 'draw among this many likeliest characters only', standard: 'all' },
    seed: { type: 'integer', help: 'another seed, another text', standard: 1 },
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'go on from a beginning', line: 'unspool sample model.safetensors --prompt "Call me"' },
    { does: 'a wilder text', line: 'unspool sample model.safetensors --temperature 1.1 --seed 7' },
  ],
  async run([file], options) {
    const out = createOutput(options);
    const loaded = await loadModel(file!);
    const vocabulary = requireVocabulary(file!, loaded);
    const prompt = (options.prompt as string | undefined) ?? (vocabulary.unknownIn('\n').length ? '' : '\n');
    const begin = prompt === '' ? vocabulary.characters[0]! : prompt;
    const { length = 500, seed = 1, temperature = 0.8, topK } = options as Record<string, number | undefined>;
    if (length < 0) throw invalidSetting('length', 'is under 0.');
    const ids = naming('prompt', () => vocabulary.encode(begin));
    const settings = { temperature, ...(topK === undefined ? {} : { topK }) };
    let text = '';
    if (!out.json && !out.quiet && prompt !== '\n') process.stdout.write(prompt);
    const tokens = generate(loaded.model, ids, createRng(seed, 'sample'), settings);
    for (let i = 0; i < length; i++) {
      const { value } = await tokens.next();
      const character = vocabulary.decode([value as number]);
      text += character;
      if (!out.json && !out.quiet) process.stdout.write(character);
      if (i % 100 === 99) await setImmediate(); // so that a reader who has gone away is noticed
    }
    await tokens.return();
    out.say('');
    out.record({ kind: 'sample', prompt, text });
    return 0;
  },
};
