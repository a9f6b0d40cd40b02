/** The forward half of an LSTM's trace: what the tape holds, and the pre-activations, summed again. */
import type { FloatArray, Kernels, Matrix } from '../contract/kernels.js';
import { outputActivation } from '../core/lstm/gate-gradients.js';
import { cellForm, isStandardCell, noiseRates } from '../core/lstm/spec.js';
import type { LstmTape } from '../core/lstm/tape.js';
import { columns, download, downloadAll, type Grid, grid, rowOf, timesTransposed } from './grid.js';
import { type GateGrids, type LstmTrace, shifted, type TracedForm } from './lstm-trace.js';
import { standardised } from './normalized.js';

/** The numbers of a part of the layer's parameters, such as `weight_ih`. */
export type Parts = (part: string) => Grid;
export type Products = Readonly<Record<'x' | 'h', Grid>>;
export type Forward = Omit<LstmTrace, 'grad' | 'a'>;

export function formOf(layer: LstmTape): TracedForm {
  const { spec } = layer;
  const { peepholes = false, layerNorm = false, gateRecurrence = false } = spec.cell ?? {};
  const [form, { zoneoutH, zoneoutC }] = [cellForm(spec.cell), noiseRates(spec)];
  const standard = isStandardCell(spec.cell);
  const projected = spec.projectionSize !== undefined;
  return { ...form, standard, peepholes, layerNorm, gateRecurrence, projected, zoneoutH, zoneoutC };
}

const PARTS = [
  ...['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh', 'weight_hr', 'peephole_i', 'peephole_f', 'peephole_o'],
  ...['weight_gate_recurrence', 'norm_gain_ih', 'norm_bias_ih', 'norm_gain_hh', 'norm_bias_hh'],
  ...['norm_gain_c', 'norm_bias_c', 'h0', 'c0'],
];

export const split = (all: Grid, H: number): GateGrids => ({
  i: columns(all, 0, H),
  f: columns(all, H, H),
  g: columns(all, 2 * H, H),
  o: columns(all, 3 * H, H),
});

export const range = (count: number): number[] => Array.from({ length: count }, (_, t) => t);

/** Everything of the forward pass but the pre-activations. */
export async function forwardTrace(k: Kernels, layer: LstmTape, form: TracedForm): Promise<Forward> {
  const { steps: T } = layer.shape;
  const H = layer.hiddenSize;
  const own = (m: (t: number) => Matrix) => downloadAll(k, range(T).map(m));
  const [c, h] = [await own((t) => layer.steps[t]!.y.c), await own((t) => layer.steps[t]!.y.h)];
  const zoned = form.zoneoutC > 0 || form.zoneoutH > 0;
  const names = new Set(layer.parameters.list.map(({ name }) => name));
  const named = PARTS.map((part) => [part, layer.parameters.nameOf(part)] as const);
  const tc = await own((t) => layer.cell(t).squashed);
  const squashed = k.alloc(T, H);
  k.upload(squashed, tc.data);
  const output = outputActivation(k, squashed, form);
  const tanhC = await download(k, output.fs);
  output.free();
  k.free(squashed);
  const { h: h0, c: c0 } = layer.initialState();
  return {
    name: layer.reverse ? `${layer.name}_reverse` : layer.name,
    steps: T,
    inputSize: layer.x.cols,
    hiddenSize: H,
    outputSize: h.cols,
    reverse: layer.reverse,
    lastOnly: layer.spec.returns === 'last',
    form,
    parameters: Object.fromEntries(named.filter(([, name]) => names.has(name))),
    x: await download(k, layer.x),
    gates: split(await download(k, layer.gates), H),
    c,
    tanhC,
    h,
    cell: {
      c: zoned ? await own((t) => layer.cell(t).y.c) : c,
      h: zoned || form.projected ? await own((t) => layer.cell(t).y.h) : h,
    },
    initial: { h: await download(k, h0), c: await download(k, c0) },
  };
}

/** x Wx and h- Wh, [T, 4H]. */
export const products = (layer: Forward, parts: Parts): Products => ({
  x: timesTransposed(layer.x, parts('weight_ih')),
  h: timesTransposed(shifted(layer, layer.h, layer.initial.h), parts('weight_hh')),
});

const SEEN = ['i', 'f', 'o'] as const; // what gate recurrence connects

/** (F1), what plain and normalized layers have: x Wx + h- Wh + b, [T, 4H]. */
function linearSum(layer: Forward, product: Products, parts: Parts): Grid {
  const { form, steps: T, parameters } = layer;
  const width = 4 * layer.hiddenSize;
  const sum = grid(T, width);
  const addRow = (row: FloatArray): void => {
    for (let s = 0; s < sum.data.length; s++) sum.data[s]! += row[s % width]!;
  };
  for (const [end, own] of [
    ['ih', product.x],
    ['hh', product.h],
  ] as const) {
    const { data } = form.layerNorm ? standardised(own) : own;
    const gain = form.layerNorm ? parts(`norm_gain_${end}`).data : null;
    for (let s = 0; s < sum.data.length; s++) sum.data[s]! += data[s]! * (gain ? gain[s % width]! : 1);
    if (form.layerNorm) addRow(parts(`norm_bias_${end}`).data);
    if (parameters[`bias_${end}`]) addRow(parts(`bias_${end}`).data);
  }
  return sum;
}

/** a_ifo += [i f o]- R', gate by gate. */
function addGateRecurrence(a: GateGrids, layer: Forward, weight: Grid): void {
  const { hiddenSize: H } = layer;
  const seen = SEEN.map((s) => shifted(layer, layer.gates[s], grid(1, H)));
  for (const [to, s] of SEEN.entries()) {
    for (const [from, gates] of seen.entries()) {
      const block = grid(H, H);
      for (let r = 0; r < H; r++) {
        rowOf(block, r).set(rowOf(weight, to * H + r).subarray(from * H, (from + 1) * H));
      }
      const add = timesTransposed(gates, block).data;
      for (let e = 0; e < add.length; e++) a[s].data[e]! += add[e]!;
    }
  }
}

/** (F1), every term of it. */
export function preactivations(layer: Forward, product: Products, parts: Parts): GateGrids {
  const { form, hiddenSize: H } = layer;
  const a = split(linearSum(layer, product, parts), H);
  if (form.gateRecurrence) addGateRecurrence(a, layer, parts('weight_gate_recurrence'));
  if (form.peepholes) {
    const cBefore = shifted(layer, layer.c, layer.initial.c);
    for (const s of SEEN) {
      const [p, { data }] = [parts(`peephole_${s}`).data, s === 'o' ? layer.cell.c : cBefore];
      for (let e = 0; e < data.length; e++) a[s].data[e]! += p[e % H]! * data[e]!;
    }
  }
  return a;
}
