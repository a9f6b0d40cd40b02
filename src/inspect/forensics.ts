/** Where the first NaN or infinity of a pass stands, and what led to it: tensor by tensor in the order in which they are computed. */
import { GATES, type Gate } from './gates.js';
import { type Grid, rowOf } from './grid.js';
import { type LstmTrace, stateBefore, stepBefore } from './lstm-trace.js';
import { type PreactivationTerm, preactivationTerms } from './terms.js';
import type { Trace } from './trace.js';

export interface Suspect {
  /** `lstm i`, `lstm c`, `the parameter lstm.weight_ih_l0`, `dL/dc of lstm`, ... */
  readonly tensor: string;
  /** Null for what belongs to no step. */
  readonly step: number | null;
  readonly unit: number;
  readonly value: number;
}

export interface Forensics {
  /** The first that is not finite; null where all is. */
  readonly first: Suspect | null;
  /** From what it was computed, the step's own numbers and the largest of the weights among them: the last finite ones. */
  readonly ledToBy: readonly Suspect[];
}

const badIn = (values: ArrayLike<number>): number => {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return i;
  return -1;
};

export function forensics(trace: Trace): Forensics {
  for (const [name, { data, cols }] of Object.entries(trace.parameters)) {
    const at = badIn(data);
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
    const at = badIn(data);
    if (at >= 0) return found({ tensor: 'the input', step: Math.floor(at / cols), unit: at % cols, value: data[at]! });
  }
  return inForward(trace) ?? inOutput(trace) ?? inBackward(trace) ?? { first: null, ledToBy: [] };
}

const found = (first: Suspect, ledToBy: readonly Suspect[] = []): Forensics => ({ first, ledToBy });

const order = ({ steps, reverse }: LstmTrace): number[] =>
  Array.from({ length: steps }, (_, i) => (reverse ? steps - 1 - i : i));

/** A row's first bad number. */
function badRow(grid: Grid, t: number, tensor: string): Suspect | null {
  const unit = badIn(rowOf(grid, t));
  return unit < 0 ? null : { tensor, step: t, unit, value: rowOf(grid, t)[unit]! };
}

const at = (grid: Grid, t: number, unit: number, tensor: string): Suspect => ({
  tensor,
  step: t,
  unit,
  value: rowOf(grid, t)[unit]!,
});

function inForward(trace: Trace): Forensics | null {
  for (const layer of trace.layers) {
    const { name } = layer;
    for (const t of order(layer)) {
      for (const gate of GATES) {
        const bad = badRow(layer.a[gate], t, `${name} a_${gate}`);
        if (bad) return found(bad, sumOf(trace, layer, t, gate, bad.unit));
      }
      for (const gate of GATES) {
        const bad = badRow(layer.gates[gate], t, `${name} ${gate}`);
        if (bad) return found(bad, [at(layer.a[gate], t, bad.unit, `${name} a_${gate}`)]);
      }
      const c = badRow(layer.cell.c, t, `${name} c`);
      if (c) return found(c, productsOf(layer, t, c.unit));
      const h = badRow(layer.h, t, `${name} h`);
      if (h)
        return found(h, [
          at(layer.gates.o, t, h.unit % layer.hiddenSize, `${name} o`),
          at(layer.tanhC, t, h.unit % layer.hiddenSize, `${name} tanh c`),
        ]);
    }
  }
  return null;
}

/** (F1): the largest terms of a sum that was not finite. */
function sumOf(trace: Trace, layer: LstmTrace, t: number, gate: Gate, unit: number): Suspect[] {
  const size = ({ product }: PreactivationTerm): number =>
    Number.isNaN(product) ? Number.POSITIVE_INFINITY : Math.abs(product);
  return preactivationTerms(trace, layer, t, gate, unit)
    .filter(({ from }) => from !== 'bias')
    .sort((a, b) => size(b) - size(a))
    .slice(0, 3)
    .map(({ from, index, factor, weight, product }) => {
      const what = `${layer.name} ${from === 'x' ? 'x' : 'h-'}[${index}]`;
      const tensor = `${what} = ${factor.toPrecision(3)} times its weight ${weight.toPrecision(3)}`;
      return { tensor, step: t, unit: index, value: product };
    });
}

/** (F3): c = f c- + i g. */
function productsOf(layer: LstmTrace, t: number, unit: number): Suspect[] {
  const before = stepBefore(layer, t);
  const { name } = layer;
  return [
    { tensor: `${name} c-`, step: before, unit, value: stateBefore(layer, t).c[unit]! },
    ...(['f', 'i', 'g'] as const).map((gate) => at(layer.gates[gate], t, unit, `${name} ${gate}`)),
  ];
}

function inOutput(trace: Trace): Forensics | null {
  for (let t = 0; t < trace.output.rows; t++) {
    const bad = badRow(trace.output, t, 'the output');
    if (bad) return found(bad);
  }
  if (Number.isFinite(trace.loss)) return null;
  return found({ tensor: 'the loss', step: null, unit: 0, value: trace.loss });
}

function inBackward(trace: Trace): Forensics | null {
  for (const layer of [...trace.layers].reverse()) {
    const { name, grad } = layer;
    for (const t of order(layer).reverse()) {
      const dh = badRow(grad.h, t, `dL/dh of ${name}`);
      if (dh)
        return found(dh, [
          at(grad.hFromAbove, t, dh.unit, `dL/dh of ${name}, from above`),
          at(grad.hFromNext, t, dh.unit, `dL/dh of ${name}, from the next step`),
        ]);
      const dc = badRow(grad.c, t, `dL/dc of ${name}`);
      if (dc)
        return found(dc, [
          at(grad.cFromNext, t, dc.unit, `dL/dc of ${name}, from the next step`),
          at(grad.cFromH, t, dc.unit, `dL/dc of ${name}, through h`),
        ]);
      for (const gate of GATES) {
        const da = badRow(grad.a[gate], t, `dL/da_${gate} of ${name}`);
        if (da)
          return found(da, [
            at(layer.gates[gate], t, da.unit, `${name} ${gate}`),
            at(grad.c, t, da.unit, `dL/dc of ${name}`),
          ]);
      }
    }
  }
  for (const [name, { data, cols }] of Object.entries(trace.gradients)) {
    const bad = badIn(data);
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
