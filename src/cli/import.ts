import { defineCommand } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';
import { flag, text } from './settings.js';

const OPTIONS = {
  list: flag('list the layers of the file, and do not import it'),
  node: text({
    help: 'import only this LSTM or part; for PyTorch also several names in order, separated by commas',
    defaultText: 'the whole file',
  }),
  out: text({
    placeholder: 'FILE',
    help: 'where to write the model',
    defaultText: 'the name of FILE, with the ending .safetensors',
  }),
  force: flag('overwrite an existing file'),
  ...OUTPUT_OPTIONS,
};

export const importCommand = defineCommand({
  name: 'import',
  summary: 'Makes a model file of a model of another program, such as PyTorch.',
  arguments: [{ name: 'FILE', help: 'a model of another program; its content decides the format' }],
  options: OPTIONS,
  examples: [
    { does: 'make rnn.safetensors of a state dict', line: 'unspool import rnn.pt' },
    { does: 'show what a file contains', line: 'unspool import model.onnx --list' },
    { does: 'import one LSTM without the layers around it', line: 'unspool import model.onnx --node decoder.lstm' },
  ],
  async run(args, options) {
    return (await import('./import/run.js')).runImport(args, options);
  },
});
