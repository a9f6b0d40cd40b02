/** Finds the first NaN or infinity of a pass and its causes. Tensors are searched in the order in which they are computed. */
import { requireTrace } from './checks.js';
import { GATES, type Gate } from './gates.js';
import { type Grid, rowOf } from './grid.js';
import { type LstmTrace, stateBefore, stepBefore } from './lstm-trace.js';
import { type PreactivationTerm, preactivationTerms } from './terms.js';
import type { Trace } from './trace.js';

/** One element of a tensor of a trace. */
export interface TensorElement {
  /** The tensor: `lstm i`, `lstm c`, `the parameter lstm.weight_ih_l0`, `dL/dc of lstm`, ... */
  readonly tensor: string;
  /** The time step; null for a tensor without time steps. */
  readonly step: number | null;
  /** The column: a unit, an input or an output. */
  readonly unit: number;
  /** The value of the element. */
  readonly value: number;
}

/** The first value of a trace that is not finite, and the values it was computed from. */
export interface NonFiniteReport {
  /** The first value that is not finite; null if all values are finite. */
  readonly first: TensorElement | null;
  /** The values that `first` was computed from; for a pre-activation, the three products of largest size. */
  readonly causes: readonly TensorElement[];
}

/** The index of the first value that is not finite; -1 if all are finite. */
const nonFiniteIndex = (values: ArrayLike<number>): number => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
};

/** Finds the first NaN or infinity of a trace: in the parameters, the input, the forward pass, the output, the backward pass. */
export function findNonFinite(trace: Trace): NonFiniteReport {
  requireTrace(trace);
  for (const [name, { data, cols }] of Object.entries(trace.parameters)) {
    const at = nonFiniteIndex(data);
    if (at >= 0)
      return found({
        tensor: `the parameter ${name}, row ${Math.floor(at / cols)}`,
        step: null,
        unit: at % cols,
        value: data[at]!,
      });
  }
  if (trace.input.kind === 'values') {
    const { data, cols } = trace.input.x;
    const at = nonFiniteIndex(data);
    if (at >= 0) return found({ tensor: 'the input', step: Math.floor(at / cols), unit: at % cols, value: data[at]! });
  }
  return inForward(trace) ?? inOutput(trace) ?? inBackward(trace) ?? { first: null, causes: [] };
}

const found = (first: TensorElement, causes: readonly TensorElement[] = []): NonFiniteReport => ({ first, causes });

const timeOrder = ({ steps, reverse }: LstmTrace): number[] =>
  Array.from({ length: steps }, (_, i) => (reverse ? steps - 1 - i : i));

/** The first element of a row that is not finite. */
function nonFiniteIn(grid: Grid, t: number, tensor: string): TensorElement | null {
  const unit = nonFiniteIndex(rowOf(grid, t));
  return unit < 0 ? null : { tensor, step: t, unit, value: rowOf(grid, t)[unit]! };
}

const at = (grid: Grid, t: number, unit: number, tensor: string): TensorElement => ({
  tensor,
  step: t,
  unit,
  value: rowOf(grid, t)[unit]!,
});

function inForward(trace: Trace): NonFiniteReport | null {
  for (const layer of trace.layers) {
    const { name } = layer;
    for (const t of timeOrder(layer)) {
      for (const gate of GATES) {
        const bad = nonFiniteIn(layer.a[gate], t, `${name} a_${gate}`);
        if (bad) return found(bad, largestTerms(trace, layer, t, gate, bad.unit));
      }
      for (const gate of GATES) {
        const bad = nonFiniteIn(layer.gates[gate], t, `${name} ${gate}`);
        if (bad) return found(bad, [at(layer.a[gate], t, bad.unit, `${name} a_${gate}`)]);
      }
      const c = nonFiniteIn(layer.cell.c, t, `${name} c`);
      if (c) return found(c, cellFactors(layer, t, c.unit));
      const h = nonFiniteIn(layer.h, t, `${name} h`);
      if (h)
        return found(h, [
          at(layer.gates.o, t, h.unit % layer.hiddenSize, `${name} o`),
          at(layer.tanhC, t, h.unit % layer.hiddenSize, `${name} tanh c`),
        ]);
    }
  }
  return null;
}

/** (F1): the largest terms of a pre-activation. */
function largestTerms(trace: Trace, layer: LstmTrace, t: number, gate: Gate, unit: number): TensorElement[] {
  const size = ({ product }: PreactivationTerm): number =>
    Number.isNaN(product) ? Number.POSITIVE_INFINITY : Math.abs(product);
  return preactivationTerms(trace, layer, t, gate, unit)
    .filter(({ from }) => from !== 'bias')
    .sort((a, b) => size(b) - size(a))
    .slice(0, 3)
    .map(({ from, index, factor, weight, product }) => {
      const name = `${layer.name} ${from === 'x' ? 'x' : 'h-'}[${index}]`;
      const tensor = `${name} = ${factor.toPrecision(3)} times its weight ${weight.toPrecision(3)}`;
      return { tensor, step: t, unit: index, value: product };
    });
}

/** (F3): the factors of c = f c- + i g. */
function cellFactors(layer: LstmTrace, t: number, unit: number): TensorElement[] {
  const before = stepBefore(layer, t);
  const { name } = layer;
  return [
    { tensor: `${name} c-`, step: before, unit, value: stateBefore(layer, t).c[unit]! },
    ...(['f', 'i', 'g'] as const).map((gate) => at(layer.gates[gate], t, unit, `${name} ${gate}`)),
  ];
}

function inOutput(trace: Trace): NonFiniteReport | null {
  for (let t = 0; t < trace.output.rows; t++) {
    const bad = nonFiniteIn(trace.output, t, 'the output');
    if (bad) return found(bad);
  }
  if (Number.isFinite(trace.loss)) return null;
  return found({ tensor: 'the loss', step: null, unit: 0, value: trace.loss });
}

function inBackward(trace: Trace): NonFiniteReport | null {
  for (const layer of [...trace.layers].reverse()) {
    const { name, grad } = layer;
    for (const t of timeOrder(layer).reverse()) {
      const dh = nonFiniteIn(grad.h, t, `dL/dh of ${name}`);
      if (dh)
        return found(dh, [
          at(grad.hFromAbove, t, dh.unit, `dL/dh of ${name}, from above`),
          at(grad.hFromNext, t, dh.unit, `dL/dh of ${name}, from the next step`),
        ]);
      const dc = nonFiniteIn(grad.c, t, `dL/dc of ${name}`);
      if (dc)
        return found(dc, [
          at(grad.cFromNext, t, dc.unit, `dL/dc of ${name}, from the next step`),
          at(grad.cFromH, t, dc.unit, `dL/dc of ${name}, through h`),
        ]);
      for (const gate of GATES) {
        const da = nonFiniteIn(grad.a[gate], t, `dL/da_${gate} of ${name}`);
        if (da)
          return found(da, [
            at(layer.gates[gate], t, da.unit, `${name} ${gate}`),
            at(grad.c, t, da.unit, `dL/dc of ${name}`),
          ]);
      }
    }
  }
  for (const [name, { data, cols }] of Object.entries(trace.gradients)) {
    const bad = nonFiniteIndex(data);
    if (bad >= 0)
      return found({
        tensor: `the gradient of ${name}, row ${Math.floor(bad / cols)}`,
        step: null,
        unit: bad % cols,
        value: data[bad]!,
      });
  }
  return null;
}
