/** `unspool/node`: functions that need a file system. */
import { deserializeModel, type LoadedModel } from '../create.js';
import { type ModelFileParts, type SerializableModel, serializeModel } from '../interop/model-file.js';
import type { BackendOptions } from '../kernels/select.js';
import { readBytes, writeFileAtomic } from './files.js';

export { appendText, readBytes, readText, writeFileAtomic } from './files.js';
export { lockFile } from './lock.js';
export { revectorize } from './revectorize.js';

/** Writes a model file (safetensors) atomically. Throws `FILE_ACCESS`. */
export async function saveModel(file: string, model: SerializableModel, parts: ModelFileParts = {}): Promise<void> {
  await writeFileAtomic(file, await serializeModel(model, parts));
}

/** Reads a model file or checkpoint. Throws `FILE_ACCESS`, or `INVALID_FILE` if the content is invalid. */
export async function loadModel(file: string, options: BackendOptions = {}): Promise<LoadedModel> {
  return deserializeModel(await readBytes(file), options, file);
}
