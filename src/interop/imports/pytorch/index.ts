/** Imports models of PyTorch. */

import { contentOf } from '../../content.js';
import { invalidFile } from '../../invalid.js';
import { readSafetensors, tensorValues } from '../../safetensors.js';
import { importFrom } from '../finish.js';
import type { Imported, ImportSource } from '../imported.js';
import { type ImportOptions, type OpenOptions, requireImport } from '../options.js';
import type { ForeignTensor } from '../tensors.js';
import { openArchive } from './archive.js';
import { openStateDict } from './state-dict.js';

/** Opens a state dict in a safetensors file. */
export function openSafetensors(bytes: Uint8Array, { file }: OpenOptions): ImportSource {
  const { tensors, metadata } = readSafetensors(bytes, file);
  if (metadata.get('format') === 'unspool') {
    const help = 'Use it as it is: unspool info, sample, export, or deserializeModel().';
    throw invalidFile(file, 'it is already a model of Unspool.', help);
  }
  const named = [...tensors].map(([name, tensor]): [string, ForeignTensor] => {
    return [name, { name, shape: tensor.shape, data: () => tensorValues(tensor, file) }];
  });
  return openStateDict({ file, format: 'a PyTorch state dict (safetensors)', tensors: new Map(named), notes: [] });
}

/**
 * Imports a state dict of PyTorch: a safetensors file, or a .pt file that `torch.save(model.state_dict(), ...)` wrote, alone or
 * in a checkpoint. The pickle of a .pt file is read without running it. The spec follows from the names and shapes of the tensors.
 * Throws `INVALID_FILE`, with all tensors that are missing, have another shape, or are left, and `INVALID_SETTING` for an unknown
 * `node`.
 */
export function fromPytorch(bytes: Uint8Array, options: ImportOptions = {}): Imported {
  requireImport(bytes, options);
  const { file = 'PyTorch file' } = options;
  const content = contentOf(bytes);
  const open = content === null ? openSafetensors : content.format === 'pytorch' ? openArchive : null;
  if (!open) throw invalidFile(file, `it is ${content!.what}, not a state dict of PyTorch.`, content!.help);
  return importFrom(open(bytes, { file, part: null }), { ...options, file });
}
