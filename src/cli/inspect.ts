import { defineCommand } from './command.js';
import { INSPECT_OPTIONS } from './inspect/options.js';

export const inspectCommand = defineCommand({
  name: 'inspect',
  summary: 'Shows gates, gradients and influential inputs while a model reads. Saves a page of plots.',
  arguments: [{ name: 'MODEL', help: 'a run directory, model file or checkpoint' }],
  options: INSPECT_OPTIONS,
  savesFiles: true,
  examples: [
    { does: 'inspect a model on a sentence', line: 'unspool inspect model.safetensors --text "Call me Ishmael."' },
    {
      does: 'compare two models on the beginning of a novel',
      line: 'unspool inspect a.safetensors --compare b.safetensors --text @novel.txt',
    },
    { does: 'print every number for a program', line: 'unspool inspect model.safetensors --text @novel.txt --json' },
  ],
  async run([file], options) {
    return (await import('./inspect/run.js')).inspect(file!, options);
  },
});
