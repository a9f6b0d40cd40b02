/** Imports models of PyTorch. */

import { invalidFile } from '../../invalid.js';
import { readSafetensors, tensorValues } from '../../safetensors.js';
import { importFrom } from '../finish.js';
import type { Imported, ImportSource } from '../imported.js';
import { type ImportOptions, type OpenOptions, requireImport } from '../options.js';
import type { ForeignTensor } from '../tensors.js';
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
 * Imports a state dict of PyTorch: a safetensors file. The spec follows from the names and shapes of the tensors. Throws
 * `INVALID_FILE`, with all tensors that are missing, have another shape, or are left, and `INVALID_SETTING` for an unknown `node`.
 */
export function fromPytorch(bytes: Uint8Array, options: ImportOptions = {}): Imported {
  requireImport(bytes, options);
  const { file = 'PyTorch file' } = options;
  return importFrom(openSafetensors(bytes, { file, part: null }), { ...options, file });
}
