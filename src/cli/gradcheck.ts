import { defineCommand } from './command.js';
import { GRADCHECK_CONFIG } from './gradcheck/config.js';
import { OUTPUT_OPTIONS } from './output.js';
import { text } from './settings.js';

export const gradcheckCommand = defineCommand({
  name: 'gradcheck',
  summary: 'Checks every gradient of a model against finite differences, in float64.',
  arguments: [],
  options: {
    config: text({
      placeholder: 'FILE',
      help: `JSON with ${Object.keys(GRADCHECK_CONFIG).join(', ')}`,
      defaultText: 'a small model with an embedding, two LSTM layers and a linear layer',
    }),
    ...OUTPUT_OPTIONS,
  },
  examples: [
    { does: 'check a small model with every main kind of layer', line: 'unspool gradcheck' },
    { does: 'check another model', line: 'unspool gradcheck --config gradcheck.json' },
  ],
  async run(_args, options) {
    return (await import('./gradcheck/run.js')).runGradcheck(options);
  },
});
