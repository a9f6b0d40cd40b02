import { basename, dirname, isAbsolute, join } from 'node:path';
import { UnspoolError } from '../index.js';
import type { ImportContents, Imported, ImportedLayer } from '../interop/index.js';
import { readBytes } from '../node/index.js';
import { defineCommand, UsageError } from './command.js';
import { createOutput, grouped, OUTPUT_OPTIONS, type Output } from './output.js';
import { requireNew, saveFiles } from './save-files.js';
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

/** The model file next to which nothing of the same name exists: `rnn.pt` becomes `rnn.safetensors`. */
const outputOf = (source: string): string => {
  const name = basename(source);
  return name.endsWith('.safetensors')
    ? name.replace(/\.safetensors$/, '.unspool.safetensors')
    : `${name.replace(/\.\w+$/, '')}.safetensors`;
};

function printLayers(out: Output, source: string, { format, layers }: ImportContents): void {
  out.print(`${source}: ${format}\n`);
  const width = (key: 'name' | 'kind'): number => Math.max(...layers.map((layer) => layer[key].length));
  for (const layer of layers) {
    const { name, kind, size, problem } = layer;
    const isLeft = 'used' in layer && !(layer as ImportedLayer).used;
    const note = problem !== null ? `  not supported: ${problem}` : isLeft ? '  not imported' : '';
    out.print(`  ${name.padEnd(width('name'))}  ${kind.padEnd(width('kind'))}  ${size}${note}`);
  }
}

function printImported(out: Output, source: string, imported: Imported): void {
  const { format, layers, spec, precision, parameters, notes } = imported;
  const numbers = [...parameters.values()].reduce((sum, { length }) => sum + length, 0);
  out.record({ kind: 'import', source, format, layers, spec, precision, parameters: numbers, notes });
  printLayers(out, source, imported);
  out.print(`\n${grouped(numbers)} parameters, ${precision}`);
  for (const note of notes) out.print(note);
}

/** Reads a file that the imported file names. It must be in the same folder or below it. */
async function readPart(source: string, path: string): Promise<Uint8Array> {
  if (isAbsolute(path) || path.split(/[\\/]/).includes('..')) {
    throw new UnspoolError({
      code: 'INVALID_FILE',
      file: source,
      problem: `it names ${JSON.stringify(path)}, which is outside of its folder.`,
    });
  }
  return readBytes(join(dirname(source), path));
}

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
  async run([source], options) {
    const out = createOutput(options);
    const { list, node, force } = options;
    if (list && (node !== undefined || options.out !== undefined)) {
      throw new UsageError(`--${node === undefined ? 'out' : 'node'} cannot be combined with --list.`);
    }
    const bytes = await readBytes(source!);
    const { importContents, importModel, toModelFile } = await import('../interop/index.js');
    const part = (path: string): Promise<Uint8Array> => readPart(source!, path);
    const given = { file: source!, part };
    if (list) {
      const contents = await importContents(bytes, given);
      out.record({ kind: 'contents', source, ...contents });
      printLayers(out, source!, contents);
      return 0;
    }
    const imported = await importModel(bytes, node === undefined ? given : { ...given, node });
    const file = options.out ?? outputOf(source!);
    await requireNew([file], ['the imported file', source!], force);
    printImported(out, source!, imported);
    await saveFiles(out, [{ file, content: toModelFile(imported) }], force);
    return 0;
  },
});
