/** Imports models of PyTorch. */

import type { FloatArray } from '../../../contract/kernels.js';
import type { ParameterLayout } from '../../../core/memory/parameters.js';
import type { ModelSpec } from '../../../core/spec.js';
import { contentOf } from '../../content.js';
import { toPytorch } from '../../exports/pytorch.js';
import { invalidFile } from '../../invalid.js';
import { readSafetensors, tensorValues } from '../../safetensors.js';
import { importFrom } from '../finish.js';
import type { Draft, Imported, ImportSource } from '../imported.js';
import { type ImportOptions, type OpenOptions, requireImport } from '../options.js';
import { ownModel } from '../own.js';
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
  const dict = { file, format: 'a PyTorch state dict (safetensors)', tensors: new Map(named), notes: [] };
  const source = openStateDict(dict);
  const read = (node?: string): Draft => {
    const parametersOf = (spec: ModelSpec, layout: ParameterLayout) => exportedParameters(spec, layout, dict.tensors);
    const own =
      node === undefined ? ownModel(bytes, metadata, parametersOf, (model) => toPytorch(model).weights) : null;
    return own === null ? source.read(node) : { ...own, used: source.layers.map(({ name }) => name) };
  };
  return { ...source, read };
}

/**
 * The parameters of a spec, from the tensors that it is exported to. An export whose parameters are their own numbers gives the names
 * of the tensors: 1 is the first parameter, and 0 the second bias of an LSTM that has one.
 */
function exportedParameters(
  spec: ModelSpec,
  { entries }: ParameterLayout,
  tensors: ReadonlyMap<string, ForeignTensor>,
): Map<string, FloatArray> {
  const numbered = entries.map(({ name, size }, i): [string, FloatArray] => [name, new Float32Array(size).fill(i + 1)]);
  const { weights } = toPytorch({ spec, parameters: new Map(numbered) });
  const parameters = new Map<string, FloatArray>();
  for (const tensor of readSafetensors(weights).tensors.values()) {
    const entry = entries[tensorValues(tensor)[0]! - 1];
    const found = tensors.get(tensor.name);
    if (entry && found) parameters.set(entry.name, found.data());
  }
  return parameters;
}

/**
 * Imports a state dict of PyTorch: a safetensors file, or a .pt file that `torch.save(model.state_dict(), ...)` wrote, alone or
 * in a checkpoint. The pickle of a .pt file is read without running it. The spec follows from the names and shapes of the tensors;
 * that of a file that `toPytorch` wrote is in the file. Throws `INVALID_FILE`, with all tensors that are missing, have another shape, or are left, and `INVALID_SETTING` for an unknown
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
