import { setImmediate } from 'node:timers/promises';
import { createRng, generate } from '../index.js';
import { loadModel } from '../node/index.js';
import { defineCommand } from './command.js';
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
  seed: integer({ default: 1, min: 0, help: 'random seed; another seed gives another text' }),
  ...OUTPUT_OPTIONS,
};

export const sampleCommand = defineCommand({
  name: 'sample',
  summary: 'Writes text with a model.',
  arguments: [{ name: 'MODEL', help: 'a run directory, model file or checkpoint' }],
  options: OPTIONS,
  examples: [
    { does: 'continue a beginning', line: 'unspool sample model.safetensors --prompt "Call me"' },
    { does: 'write a more varied text', line: 'unspool sample model.safetensors --temperature 1.1 --seed 7' },
  ],
  async run([file], options) {
    const out = createOutput(options);
    const loaded = await loadModel(file!);
    const vocabulary = requireVocabulary(file!, loaded);
    const { prompt = '' } = options;
    const start = prompt === '' ? contextOf({ ...loaded, vocabulary }) : prompt;
    const { length, seed, temperature, topK } = options;
    const ids = withDataName('prompt', () => vocabulary.encode(start));
    const sampling = { temperature, ...(topK !== undefined && { topK }) };
    const isStreaming = !out.json && !out.quiet;
    let text = '';
    if (isStreaming) process.stdout.write(prompt);
    const tokens = generate(loaded.model, ids, createRng(seed, 'sample'), sampling);
    for (let i = 0; i < length; i++) {
      const { value } = await tokens.next();
      const character = vocabulary.decode([value as number]);
      text += character;
      if (isStreaming) process.stdout.write(character);
      if (i % 100 === 99) await setImmediate(); // so that a closed pipe is noticed
    }
    await tokens.return();
    out.print('');
    out.record({ kind: 'sample', prompt, ...(prompt === '' && { context: start }), text });
    return 0;
  },
});
