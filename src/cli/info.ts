import { defineCommand } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';

export const infoCommand = defineCommand({
  name: 'info',
  summary: 'Describes a model file or checkpoint or, without one, the backends of this machine.',
  arguments: [{ name: '[MODEL]', help: 'a run directory, model file or checkpoint' }],
  options: OUTPUT_OPTIONS,
  examples: [
    { does: 'show the layers, the parameters and the training', line: 'unspool info model.safetensors' },
    { does: 'the same for a program', line: 'unspool info model.safetensors --json' },
    { does: 'show which backend this machine uses', line: 'unspool info' },
  ],
  async run([file], options) {
    if (file === undefined) return (await import('./info/machine.js')).printMachine(options);
    return (await import('./info/model.js')).printModel(file, options);
  },
});
