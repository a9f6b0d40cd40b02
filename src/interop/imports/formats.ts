/** The formats that are imported, each with its reader. content.ts recognizes them. */
import { contentOf, type FormatName } from '../content.js';
import { invalidFile } from '../invalid.js';
import { importFrom } from './finish.js';
import type { ImportContents, Imported, ImportSource } from './imported.js';
import { openJson } from './json.js';
import { openKeras } from './keras/archive.js';
import { openHdf5 } from './keras/legacy.js';
import { openNpz } from './keras/npz.js';
import { openTfjs } from './keras/tfjs.js';
import { openOnnx } from './onnx/index.js';
import { type ImportModelOptions, type Open, requireImport } from './options.js';
import { openArchive } from './pytorch/archive.js';
import { openSafetensors } from './pytorch/index.js';

/** The readers. A text is the reason why a format has none. */
const READERS: Readonly<Record<FormatName, Open | string>> = {
  safetensors: openSafetensors,
  pytorch: openArchive,
  pickle: 'a pickle is a program, which is not run.',
  json: openJson,
  onnx: openOnnx,
  hdf5: openHdf5,
  keras: openKeras,
  tfjs: openTfjs,
  npz: openNpz,
};

async function open(bytes: Uint8Array, options: ImportModelOptions): Promise<ImportSource> {
  requireImport(bytes, options, ['part']);
  const { file = 'file', part = null } = options;
  const content = contentOf(bytes);
  const name = content === null ? 'safetensors' : content.format;
  if (name === undefined) throw invalidFile(file, `it is ${content!.what}, not a model.`, content!.help);
  const reader = READERS[name];
  if (typeof reader === 'string') throw invalidFile(file, `it is ${content!.what}: ${reader}`, content!.help);
  return reader(bytes, { file, part });
}

/** Lists what a file of another program contains. Recognizes the format by the content. Throws `INVALID_FILE`. */
export async function importContents(bytes: Uint8Array, options: ImportModelOptions = {}): Promise<ImportContents> {
  const { format, layers } = await open(bytes, options);
  return { format, layers };
}

/**
 * Imports a file of another program; recognizes the format by the content. Without `node`, a file with a layer that cannot be
 * imported is an error: nothing is left out silently. Throws `INVALID_FILE`.
 */
export async function importModel(bytes: Uint8Array, options: ImportModelOptions = {}): Promise<Imported> {
  return importFrom(await open(bytes, options), options);
}
