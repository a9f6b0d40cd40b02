/** `unspool export`: writes a model for other programs. */
import { basename } from 'node:path';
import { parseModel } from '../../index.js';
import { toJson } from '../../interop/exports/json.js';
import { toKeras } from '../../interop/exports/keras.js';
import { toModule } from '../../interop/exports/module.js';
import { toOnnx } from '../../interop/exports/onnx.js';
import { toPytorch } from '../../interop/exports/pytorch.js';
import type { WeightType } from '../../interop/exports/weight-types.js';
import type { ModelFile } from '../../interop/model-file.js';
import { readBytes } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput, type OutputFlags } from '../output.js';
import { type NewFile, requireNew, saveFiles } from '../save-files.js';

interface ExportOptions extends OutputFlags {
  readonly to: string | undefined;
  readonly out: string | undefined;
  readonly weights: string;
  readonly simd: boolean;
  readonly force: boolean;
}

/** What is written, and what the user should know about it. */
interface Result {
  readonly files: readonly NewFile[];
  readonly note: string;
}

const ENDINGS = { module: '.js', onnx: '.onnx', pytorch: '.pytorch.safetensors', keras: '.keras', json: '.json' };

function exported(model: ModelFile, format: keyof typeof ENDINGS, file: string, options: ExportOptions): Result {
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

/** Writes the files. Returns the exit code. */
export async function runExport([source]: readonly string[], options: ExportOptions): Promise<number> {
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
}
