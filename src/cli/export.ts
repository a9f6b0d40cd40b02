import { basename } from 'node:path';
import { parseModel } from '../index.js';
import { toJson } from '../interop/exports/json.js';
import { toKeras } from '../interop/exports/keras.js';
import { toModule } from '../interop/exports/module.js';
import { toOnnx } from '../interop/exports/onnx.js';
import { toPytorch } from '../interop/exports/pytorch.js';
import { WEIGHT_TYPES, type WeightType } from '../interop/exports/quantize.js';
import type { ModelFile } from '../interop/model-file.js';
import { readBytes } from '../node/index.js';
import { defineCommand, UsageError } from './command.js';
import { createOutput, OUTPUT_OPTIONS } from './output.js';
import { type NewFile, requireNew, saveFiles } from './save-files.js';
import { flag, text, type ValuesOf } from './settings.js';

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
type Options = ValuesOf<typeof OPTIONS>;

/** What is written, and what the user should know about it. */
interface Result {
  readonly files: readonly NewFile[];
  readonly note: string;
}

const ENDINGS = { module: '.js', onnx: '.onnx', pytorch: '.pytorch.safetensors', keras: '.keras', json: '.json' };

function exported(model: ModelFile, format: keyof typeof ENDINGS, file: string, options: Options): Result {
  if (format === 'module') {
    const { code, types } = toModule(model, { weights: options.weights as WeightType, simd: options.simd });
    const note = `import model from './${basename(file)}';\nconst state = model.initialState();\nconst output = model.step(state, inputs);`;
    const typesFile = `${file.replace(/\.m?js$/, '')}.d.${file.endsWith('.mjs') ? 'mts' : 'ts'}`;
    return {
      files: [
        { file, content: code },
        { file: typesFile, content: types },
      ],
      note,
    };
  }
  if (format === 'onnx')
    return {
      files: [{ file, content: toOnnx(model) }],
      note: 'Inputs: input [T, N, ...] and the state of each LSTM; pass the next_ outputs back as the state_ inputs.',
    };
  if (format === 'keras') {
    const note = `import keras\nmodel = keras.models.load_model(${JSON.stringify(basename(file))})`;
    return { files: [{ file, content: toKeras(model) }], note };
  }
  if (format === 'json') return { files: [{ file, content: toJson(model) }], note: '' };
  const { weights, loader } = toPytorch(model, basename(file));
  return { files: [{ file, content: weights }], note: loader };
}

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
  async run([source], options) {
    const out = createOutput(options);
    const format = options.to as keyof typeof ENDINGS | undefined;
    if (format === undefined)
      throw new UsageError('missing --to: the format to write, module, onnx, pytorch, keras or json.');
    if (format !== 'module' && (options.simd || options.weights !== 'float32')) {
      throw new UsageError(`--${options.simd ? 'simd' : 'weights'} is for --to module.`);
    }
    const model = parseModel(await readBytes(source!), source!);
    const file = options.out ?? `${basename(source!).replace(/\.safetensors$/, '')}${ENDINGS[format]}`;
    const { files, note } = exported(model, format, file, options);
    await requireNew(
      files.map(({ file }) => file),
      ['the model', source!],
      options.force,
    );
    await saveFiles(out, files, options.force);
    if (note) out.print(`\n${note}`);
    return 0;
  },
});
