/** The models of the golden LSTM and cell cases, in our words. */
import type { Kernels } from '../../src/contract/kernels.js';
import type { CellSpec } from '../../src/core/lstm/spec.js';
import type { Model } from '../../src/core/model.js';
import { type GoldenCase, tensor } from './golden.js';
import { buildModel } from './model.js';

export interface Sizes {
  inputSize: number;
  hiddenSize: number;
  batch: number;
  steps: number;
  layers?: number;
  bias?: boolean;
  bidirectional?: boolean;
  projectionSize?: number;
  lengths?: number[] | null;
  variant?: string;
}

const IDENTITY = { kind: 'identity' } as const;

/** The cell specs for the cell names of the golden files. The cells of Greff et al. have peepholes and leave out one part. */
export const CELLS: Readonly<Record<string, CellSpec>> = {
  standard: {},
  peephole: { peepholes: true },
  coupled: { gates: 'coupled' },
  'coupled-peephole': { gates: 'coupled', peepholes: true },
  'no-input-gate': { gates: 'noInput', peepholes: true },
  'no-forget-gate': { gates: 'noForget', peepholes: true },
  'no-output-gate': { gates: 'noOutput', peepholes: true },
  'no-input-activation': { activations: { candidate: IDENTITY }, peepholes: true },
  'no-output-activation': { activations: { output: IDENTITY }, peepholes: true },
  'full-gate-recurrence': { gateRecurrence: true, peepholes: true },
  'layer-norm': { layerNorm: true },
};

/** The case's model, with its weights. */
export function goldenModel(g: GoldenCase, k: Kernels): { model: Model; sizes: Sizes } {
  const sizes = g.config as unknown as Sizes;
  const model = buildModel(k, {
    inputSize: sizes.inputSize,
    layers: Array.from({ length: sizes.layers ?? 1 }, () => ({
      kind: 'lstm' as const,
      hiddenSize: sizes.hiddenSize,
      bias: g.tensors.bias ? ('single' as const) : (sizes.bias ?? true),
      direction: sizes.bidirectional ? ('bidirectional' as const) : ('forward' as const),
      ...(sizes.projectionSize ? { projectionSize: sizes.projectionSize } : {}),
      cell: CELLS[sizes.variant ?? 'standard']!,
    })),
  });
  for (const { name } of model.parameters.layout.entries) {
    model.parameters.set(name, tensor(g, goldenName(g, name)));
  }
  return { model, sizes };
}

/** Of the model's parameter; the written-out cell has a single bias, and no levels. */
export function goldenName(g: GoldenCase, parameter: string): string {
  const name = parameter.replace('lstm.', '');
  if (g.tensors[name]) return name;
  return name === 'bias_ih_l0' ? 'bias' : name.replace('_l0', '');
}

/** Written-out cells whose gate is 1 or 1 - i: PyTorch keeps no gradient of a constant. */
export const CONSTANT: Readonly<Record<string, string>> = {
  'no-input-gate': 'i',
  'no-forget-gate': 'f',
  'no-output-gate': 'o',
};
