import { defineCommand } from './command.js';
import { SAMPLE_OPTIONS } from './sample/options.js';

export const sampleCommand = defineCommand({
  name: 'sample',
  summary: 'Writes text with a model.',
  arguments: [{ name: 'MODEL', help: 'a run directory, model file or checkpoint' }],
  options: SAMPLE_OPTIONS,
  examples: [
    { does: 'continue a beginning', line: 'unspool sample model.safetensors --prompt "Call me"' },
    {
      does: 'end before a text, without unlikely characters',
      line: 'unspool sample runs/novel --prompt "Call me" --stop "THE END" --top-p 0.9',
    },
    { does: 'write a more varied text', line: 'unspool sample model.safetensors --temperature 1.1 --seed 7' },
  ],
  async run(args, options) {
    return (await import('./sample/run.js')).runSample(args, options);
  },
});
