/** Imports models of Keras and TensorFlow. */
import { requireNumber } from '../../../checks.js';
import { contentOf, type FormatName } from '../../content.js';
import { invalidFile } from '../../invalid.js';
import { importFrom } from '../finish.js';
import type { Imported, ImportSource } from '../imported.js';
import { type ImportModelOptions, type OpenOptions, requireImport } from '../options.js';
import { openKeras } from './archive.js';
import { openHdf5 } from './legacy.js';
import { openNpz } from './npz.js';
import { openTfjs } from './tfjs.js';

/** How a model of Keras or TensorFlow is imported. */
export interface KerasOptions extends ImportModelOptions {
  /**
   * What `BasicLSTMCell` adds to the forget gate's bias when it runs: its argument `forget_bias`, which a checkpoint does not
   * contain. For weights without a Keras model only. Default 1, as in TensorFlow.
   */
  readonly forgetBias?: number;
}

interface KerasOpenOptions extends OpenOptions {
  readonly forgetBias?: number;
}

type OpenForm = (bytes: Uint8Array, options: KerasOpenOptions) => ImportSource | Promise<ImportSource>;

const READERS: Partial<Record<FormatName, OpenForm>> = {
  keras: openKeras,
  hdf5: openHdf5,
  tfjs: openTfjs,
  npz: openNpz,
};

/**
 * Imports a model of Keras or TensorFlow, recognized by its content: `.keras`, `.h5`, a TensorFlow.js `model.json` (its shards are
 * read with `part`), or the variables of TensorFlow's `BasicLSTMCell` (`.npz`, or a TensorFlow.js manifest). Throws `INVALID_FILE`
 * for a model with a layer that Unspool cannot express, and lists all of them; `node` imports one layer by its name.
 *
 * @example
 * const imported = await fromKeras(await readFile('model.keras'));
 * const { model } = await deserializeModel(toModelFile(imported));
 */
export async function fromKeras(bytes: Uint8Array, options: KerasOptions = {}): Promise<Imported> {
  requireImport(bytes, options, ['part', 'forgetBias']);
  const { file = 'Keras file', part = null, forgetBias } = options;
  if (forgetBias !== undefined) requireNumber('forgetBias', forgetBias, -1e6, 1e6);
  const content = contentOf(bytes);
  const open = content?.format === undefined ? undefined : READERS[content.format];
  if (!open) throw invalidFile(file, `it is ${content?.what ?? 'not a model of Keras or TensorFlow'}.`, content?.help);
  const source = await open(bytes, { file, part, ...(forgetBias !== undefined && { forgetBias }) });
  return importFrom(source, { ...options, file });
}
