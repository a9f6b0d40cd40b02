/** All numbers of one unit at one time step, forward and backward, by the id of the wire that carries them. */
import {
  type Gate,
  type Grid,
  type LstmTrace,
  preactivationTerms,
  stateBefore,
  stepBefore,
  type Trace,
} from 'unspool/inspect';

export interface Pair {
  readonly value: number;
  /** Gradient of the loss by the value. */
  readonly grad: number;
}

/** A term of a pre-activation: its source and its two factors. */
export interface Term {
  readonly from: string;
  readonly factor: number;
  readonly weight: number;
  readonly product: number;
}

export interface Cell {
  readonly t: number;
  readonly unit: number;
  readonly a: Readonly<Record<Gate, Pair>>;
  readonly gate: Readonly<Record<Gate, Pair>>;
  readonly c: Pair;
  readonly h: Pair;
  readonly tanhC: number;
  /** The unit's previous state. All gates of all units contribute to the gradient of its output. */
  readonly cBefore: Pair;
  readonly hBefore: Pair;
  /** dL/dh = above + next; dL/dc = next + through h. */
  readonly hFromAbove: number;
  readonly hFromNext: number;
  readonly cFromNext: number;
  readonly cFromH: number;
}

const at = ({ data, cols }: Grid, row: number, col: number): number => data[row * cols + col]!;

/**
 * In a layer with a projection, h is the cell's output before the projection: no unit has a previous output, and the whole gradient
 * of h comes from the projection above it.
 */
export function cellAt(layer: LstmTrace, t: number, unit: number): Cell {
  const { grad, gates, a, variant } = layer;
  const before = stepBefore(layer, t);
  const { c: c0, h: h0 } = stateBefore(layer, t);
  const both = (values: Grid, grads: Grid): Pair => ({ value: at(values, t, unit), grad: at(grads, t, unit) });
  const each = (make: (gate: Gate) => Pair) => ({ i: make('i'), f: make('f'), g: make('g'), o: make('o') });
  const output = variant.projected ? both(layer.cell.h, grad.cell.h) : both(layer.h, grad.h);
  const gradBefore = (first: Grid, next: Grid): number =>
    before === null ? first.data[unit]! : at(next, before, unit);
  const none = { value: 0, grad: 0 };
  return {
    t,
    unit,
    a: each((gate) => both(a[gate], grad.a[gate])),
    gate: each((gate) => both(gates[gate], grad.gates[gate])),
    c: both(layer.c, grad.c),
    h: output,
    tanhC: at(layer.tanhC, t, unit),
    cBefore: { value: c0[unit]!, grad: gradBefore(grad.initial.c, grad.cFromNext) },
    hBefore: variant.projected ? none : { value: h0[unit]!, grad: gradBefore(grad.initial.h, grad.hFromNext) },
    hFromAbove: variant.projected ? output.grad : at(grad.hFromAbove, t, unit),
    hFromNext: variant.projected ? 0 : at(grad.hFromNext, t, unit),
    cFromNext: at(grad.cFromNext, t, unit),
    cFromH: at(grad.cFromH, t, unit),
  };
}

const NAMES = { x: (k: number) => `x[${k}]`, h: (k: number) => `h⁻[${k}]`, bias: () => 'b' } as const;

/** (F1): the terms of a gate's pre-activation, the largest first. A last term `other` holds what they do not explain. */
export function terms(trace: Trace, layer: LstmTrace, t: number, unit: number, gate: Gate): Term[] {
  const list: Term[] = preactivationTerms(trace, layer, t, gate, unit)
    .map(({ from, index, ...numbers }) => ({ from: NAMES[from](index), ...numbers }))
    .sort((p, q) => Math.abs(q.product) - Math.abs(p.product));
  const known = list.reduce((sum, { product }) => sum + product, 0);
  const rest = at(layer.a[gate], t, unit) - known;
  if (Math.abs(rest) > 1e-4 * (1 + Math.abs(known)))
    list.push({ from: 'other', factor: 1, weight: rest, product: rest });
  return list;
}
