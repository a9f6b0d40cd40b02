import { WEIGHT_TYPES } from '../interop/exports/weight-types.js';
import { defineCommand } from './command.js';
import { OUTPUT_OPTIONS } from './output.js';
import { flag, text } from './settings.js';

const OPTIONS = {
  to: text({
    placeholder: 'FORMAT',
    choices: ['module', 'onnx', 'pytorch', 'keras', 'json'],
    help: 'the format to write',
  }),
  out: text({
    placeholder: 'FILE',
    help: 'where to write it',
    defaultText: 'the name of the model, with another ending',
  }),
  weights: text({
    default: 'float32',
    placeholder: 'TYPE',
    choices: WEIGHT_TYPES,
    help: 'for a module: how it stores weights; float16 is half as large, int8 a quarter',
  }),
  simd: flag('for a module: compute in SIMD WebAssembly, which a page must allow'),
  force: flag('overwrite existing files'),
  ...OUTPUT_OPTIONS,
};

export const exportCommand = defineCommand({
  name: 'export',
  summary: 'Writes a model as a JavaScript module, or in the format of another program.',
  arguments: [{ name: 'MODEL', help: 'a run directory, model file or checkpoint' }],
  options: OPTIONS,
  examples: [
    {
      does: 'one module that contains the model and the code that runs it',
      line: 'unspool export model.safetensors --to module',
    },
    { does: 'a quarter as large', line: 'unspool export model.safetensors --to module --weights int8 --out small.js' },
    { does: 'for ONNX Runtime', line: 'unspool export model.safetensors --to onnx' },
    { does: 'for Keras 3', line: 'unspool export model.safetensors --to keras' },
    { does: 'for PyTorch; prints the program that loads it', line: 'unspool export model.safetensors --to pytorch' },
  ],
  async run(args, options) {
    return (await import('./export/run.js')).runExport(args, options);
  },
});
