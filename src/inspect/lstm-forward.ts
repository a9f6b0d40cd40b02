/** The forward half of an LSTM's trace, copied from the tape. */
import type { Kernels, Matrix } from '../contract/kernels.js';
import { outputActivation } from '../core/lstm/gate-gradients.js';
import type { LstmTape } from '../core/lstm/tape.js';
import { cellVariant, isStandardCell, noiseRates } from '../core/lstm/variant.js';
import { columns, download, downloadAll, type Grid } from './grid.js';
import type { GateGrids, LstmTrace, TracedVariant } from './lstm-trace.js';

/** The part of a trace that the forward pass leaves on the tape. */
export type Forward = Omit<LstmTrace, 'grad' | 'a'>;

/** The variant of a layer. */
export function variantOf(layer: LstmTape): TracedVariant {
  const { spec } = layer;
  const { peepholes = false, layerNorm = false, gateRecurrence = false } = spec.cell ?? {};
  const { zoneoutH, zoneoutC } = noiseRates(spec);
  const standard = isStandardCell(spec.cell);
  const projected = spec.projectionSize !== undefined;
  return { ...cellVariant(spec.cell), standard, peepholes, layerNorm, gateRecurrence, projected, zoneoutH, zoneoutC };
}

const PARTS = [
  ...['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr', 'peephole_i', 'peephole_f', 'peephole_o'],
  ...['weight_gate_recurrence', 'norm_gain_ih', 'norm_bias_ih', 'norm_gain_hh', 'norm_bias_hh'],
  ...['norm_gain_c', 'norm_bias_c', 'h0', 'c0'],
];

/** Splits [T, 4H] into the four gates. */
export const splitGates = (all: Grid, H: number): GateGrids => ({
  i: columns(all, 0, H),
  f: columns(all, H, H),
  g: columns(all, 2 * H, H),
  o: columns(all, 3 * H, H),
});

/** 0 to count - 1. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, t) => t);

/** The name of an LSTM in traces: the two of a bidirectional layer share a name in its spec. */
export const traceName = ({ name, reverse }: LstmTape): string => (reverse ? `${name}_reverse` : name);

/** The forward trace of one LSTM. */
export async function forwardTrace(k: Kernels, layer: LstmTape, variant: TracedVariant): Promise<Forward> {
  const { steps: T } = layer.shape;
  const H = layer.hiddenSize;
  const allSteps = (of: (t: number) => Matrix) => downloadAll(k, range(T).map(of));
  const [c, h] = [await allSteps((t) => layer.steps[t]!.y.c), await allSteps((t) => layer.steps[t]!.y.h)];
  const zoned = variant.zoneoutC > 0 || variant.zoneoutH > 0;
  const names = new Set(layer.parameters.list.map(({ name }) => name));
  const named = PARTS.map((part) => [part, layer.parameters.nameOf(part)] as const);
  const tc = await allSteps((t) => layer.cell(t).squashed);
  const squashed = k.alloc(T, H);
  k.upload(squashed, tc.data);
  await k.loadVariants?.();
  const output = outputActivation(k, squashed, variant);
  const tanhC = await download(k, output.fs);
  output.free();
  k.free(squashed);
  const { h: h0, c: c0 } = layer.initialState();
  return {
    name: traceName(layer),
    steps: T,
    inputSize: layer.x.cols,
    hiddenSize: H,
    outputSize: h.cols,
    reverse: layer.reverse,
    lastOnly: layer.spec.returns === 'last',
    variant,
    parameters: Object.fromEntries(named.filter(([, name]) => names.has(name))),
    x: await download(k, layer.x),
    gates: splitGates(await download(k, layer.gates), H),
    c,
    tanhC,
    h,
    cell: {
      c: zoned ? await allSteps((t) => layer.cell(t).y.c) : c,
      h: zoned || variant.projected ? await allSteps((t) => layer.cell(t).y.h) : h,
    },
    initial: { h: await download(k, h0), c: await download(k, c0) },
  };
}
