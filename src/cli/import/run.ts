/** `unspool import`: makes a model file of a model of another program. */
import { basename, dirname, isAbsolute, join } from 'node:path';
import { UnspoolError } from '../../index.js';
import {
  type ImportContents,
  type Imported,
  type ImportedLayer,
  importContents,
  importModel,
  toModelFile,
} from '../../interop/index.js';
import { readBytes } from '../../node/index.js';
import { UsageError } from '../command.js';
import { createOutput, grouped, type Output, type OutputFlags } from '../output.js';
import { requireNew, saveFiles } from '../save-files.js';

interface ImportOptions extends OutputFlags {
  readonly list: boolean;
  readonly node: string | undefined;
  readonly out: string | undefined;
  readonly force: boolean;
}

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

/** Writes the model file, or lists the layers. Returns the exit code. */
export async function runImport([source]: readonly string[], options: ImportOptions): Promise<number> {
  const out = createOutput(options);
  const { list, node, force } = options;
  if (list && (node !== undefined || options.out !== undefined)) {
    throw new UsageError(`--${node === undefined ? 'out' : 'node'} cannot be combined with --list.`);
  }
  const bytes = await readBytes(source!);
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
}
