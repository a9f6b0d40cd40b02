/** `unspool/node`: functions that need a file system. */
import { deserializeModel, type LoadedModel } from '../create.js';
import { type ModelFileParts, type SerializableModel, serializeModel } from '../interop/model-file.js';
import type { BackendOptions } from '../kernels/select.js';
import { type WriteOptions, writeFileAtomic } from './files.js';
import { readBytes } from './read.js';

export { batching, type PredictSequence, type SequencePrediction, type SequenceState } from './batching.js';
export { appendText, type WriteOptions, writeFileAtomic } from './files.js';
export { lockFile } from './lock.js';
export { readBytes, readText } from './read.js';
export { revectorize } from './revectorize.js';
export {
  type TextFileBaselineOptions,
  type TextFileBaselines,
  textFileBaselines,
} from './text-baselines.js';
export { type TextFileData, type TextFileOptions, type TextFileStreams, textFileStreams } from './text-file.js';

/** Writes a model file (safetensors) atomically, as `writeFileAtomic` does. Throws `FILE_ACCESS`. */
export async function saveModel(
  file: string,
  model: SerializableModel,
  parts: ModelFileParts = {},
  options: WriteOptions = {},
): Promise<void> {
  await writeFileAtomic(file, await serializeModel(model, parts), options);
}

/** Reads a model file or checkpoint. Throws `FILE_ACCESS`, or `INVALID_FILE` if the content is invalid. */
export async function loadModel(file: string, options: BackendOptions = {}): Promise<LoadedModel> {
  return deserializeModel(await readBytes(file), options, file);
}
