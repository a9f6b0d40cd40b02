/** The variant of an LSTM that its spec describes. */
import type { Activation, ActivationKind, CellVariant, Kernels } from '../../contract/kernels.js';
import { weightGradient } from './live-sequence.js';
import { type LiveBuffers, LiveSteps } from './live-steps.js';
import type { LstmBuffers } from './program.js';
import type { ActivationSpec, CellSpec, LstmSpec } from './spec.js';

/** Defaults of alpha and beta; an activation without an entry does not use them. */
export const ACTIVATION_NUMBERS: Readonly<
  Partial<Record<ActivationKind, { readonly alpha: number; readonly beta?: number }>>
> = {
  affine: { alpha: 1, beta: 0 },
  leakyRelu: { alpha: 0.01 },
  thresholdedRelu: { alpha: 1 },
  scaledTanh: { alpha: 1, beta: 1 },
  hardSigmoid: { alpha: 0.2, beta: 0.5 },
  elu: { alpha: 1 },
};

export function activation(spec: ActivationSpec): Activation {
  const { kind, alpha, beta } = typeof spec === 'string' ? { kind: spec } : spec;
  const standard = ACTIVATION_NUMBERS[kind];
  return { kind, alpha: alpha ?? standard?.alpha ?? 0, beta: beta ?? standard?.beta ?? 0 };
}

export function cellVariant({ gates = 'all', clip, activations = {} }: CellSpec = {}): CellVariant {
  const { gate = 'sigmoid', candidate = 'tanh', output = 'tanh' } = activations;
  return {
    gates,
    gate: activation(gate),
    candidate: activation(candidate),
    output: activation(output),
    clip: clip ?? Number.POSITIVE_INFINITY,
  };
}

/** Whether the cell is the standard one, which `lstmCell` computes in one piece. */
export function isStandardCell(cell: CellSpec = {}): boolean {
  const { gates, gate, candidate, output, clip } = cellVariant(cell);
  return (
    !(cell.peepholes || cell.layerNorm || cell.gateRecurrence) &&
    gates === 'all' &&
    gate.kind === 'sigmoid' &&
    candidate.kind === 'tanh' &&
    output.kind === 'tanh' &&
    clip === Number.POSITIVE_INFINITY
  );
}

export interface Rates {
  /** Of the mask on h-, and of the mask on g. */
  readonly state: number;
  readonly candidate: number;
  readonly zoneoutH: number;
  readonly zoneoutC: number;
  readonly dropConnect: number;
}

export function noiseRates({ recurrentDropout = 0, zoneout = 0, dropConnect = 0 }: LstmSpec): Rates {
  const { kind, rate } =
    typeof recurrentDropout === 'number' ? { kind: 'variational', rate: recurrentDropout } : recurrentDropout;
  const { h = 0, c = 0 } = typeof zoneout === 'number' ? { h: zoneout, c: zoneout } : zoneout;
  return {
    state: kind === 'variational' ? rate : 0,
    candidate: kind === 'candidate' ? rate : 0,
    zoneoutH: h,
    zoneoutC: c,
    dropConnect,
  };
}

/** Whether plain.ts can compute the layer: a standard cell without projection, dropout and zoneout. */
export const isPlain = (spec: LstmSpec): boolean =>
  isStandardCell(spec.cell) &&
  spec.projectionSize === undefined &&
  Object.values(noiseRates(spec)).every((rate) => rate === 0);

/** The buffers of an LSTM, with the settings of its variant. */
export interface VariantBuffers extends LiveBuffers {
  readonly variant: CellVariant;
  /** Whether `lstmCell` computes the cell in one piece. */
  readonly standardCell: boolean;
  readonly rates: Rates;
  /** The instructions of the time loop. */
  readonly step: Kernels;
  readonly weightGradient: ReturnType<typeof weightGradient>;
}

export function variantBuffers(b: LstmBuffers): VariantBuffers {
  const live = LiveSteps.of(b);
  live?.blank(
    'forward',
    b.steps.map(({ y }) => y.gates),
  );
  if (b.grad)
    live?.blank(
      'backward',
      b.grad.steps.map(({ y }) => y.gates),
    );
  return {
    ...b,
    variant: cellVariant(b.spec.cell),
    standardCell: isStandardCell(b.spec.cell),
    rates: noiseRates(b.spec),
    live,
    step: live?.step ?? b.k,
    weightGradient: weightGradient({ ...b, live }),
  };
}
