/** Every number of one unit at one time step, forwards and back, by the name of the wire that carries it. */
import { type Grid, type LstmTrace, stateBefore, stepAfter, stepBefore, type Trace } from 'unspool/inspect';

export const GATES = ['i', 'f', 'g', 'o'] as const;
export type Gate = (typeof GATES)[number];

export interface Pair {
  /** What flows forwards. */
  readonly value: number;
  /** dL/d(that). */
  readonly grad: number;
}

/** A sum's term: where it comes from, and its two factors. */
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
  /** State before, of this unit. The gradient by h- is that of the whole unit's h: from all gates of all units. */
  readonly cBefore: Pair;
  readonly hBefore: Pair;
  /** dL/dh = above + next; dL/dc = next + through h. */
  readonly hFromAbove: number;
  readonly hFromNext: number;
  readonly cFromNext: number;
  readonly cFromH: number;
}

const at = ({ data, cols }: Grid, row: number, col: number): number => data[row * cols + col]!;

export function cellAt(layer: LstmTrace, t: number, unit: number): Cell {
  const { grad, gates, a } = layer;
  const before = stepBefore(layer, t);
  const state = stateBefore(layer, t);
  const both = (values: Grid, grads: Grid): Pair => ({ value: at(values, t, unit), grad: at(grads, t, unit) });
  const each = (make: (gate: Gate) => Pair) => ({ i: make('i'), f: make('f'), g: make('g'), o: make('o') });
  const stateGrad = (kind: 'c' | 'h'): number =>
    before === null ? grad.initial[kind].data[unit]! : at(kind === 'c' ? grad.cFromNext : grad.hFromNext, before, unit);
  return {
    t,
    unit,
    a: each((gate) => both(a[gate], grad.a[gate])),
    gate: each((gate) => both(gates[gate], grad.gates[gate])),
    c: both(layer.c, grad.c),
    h: both(layer.h, grad.h),
    tanhC: at(layer.tanhC, t, unit),
    cBefore: { value: state.c[unit]!, grad: stateGrad('c') },
    hBefore: { value: state.h[unit]!, grad: stateGrad('h') },
    hFromAbove: at(grad.hFromAbove, t, unit),
    hFromNext: at(grad.hFromNext, t, unit),
    cFromNext: at(grad.cFromNext, t, unit),
    cFromH: at(grad.cFromH, t, unit),
  };
}

/** (F1): the terms of a gate's pre-activation, the biggest first. Whatever no weight of this list explains stands last. */
export function terms(
  trace: Trace,
  layer: LstmTrace,
  t: number,
  unit: number,
  gate: Gate,
  names: readonly string[],
): Term[] {
  const row = GATES.indexOf(gate) * layer.hiddenSize + unit;
  const list: Term[] = [];
  const weights = (part: string): Grid | null => {
    const name = layer.parameters[part];
    return name === undefined ? null : trace.parameters[name]!;
  };
  const add = (from: string, factor: number, weight: number) =>
    list.push({ from, factor, weight, product: factor * weight });
  const [ih, hh] = [weights('weight_ih')!, weights('weight_hh')!];
  for (let k = 0; k < layer.inputSize; k++) add(names[k] ?? `x[${k}]`, at(layer.x, t, k), at(ih, row, k));
  const { h } = stateBefore(layer, t);
  for (let k = 0; k < layer.outputSize; k++) add(`h⁻[${k}]`, h[k]!, at(hh, row, k));
  for (const part of ['bias_ih', 'bias_hh']) {
    const bias = weights(part);
    if (bias) add('b', 1, bias.data[row]!);
  }
  list.sort((p, q) => Math.abs(q.product) - Math.abs(p.product));
  const known = list.reduce((sum, { product }) => sum + product, 0);
  const rest = at(layer.a[gate], t, unit) - known;
  if (Math.abs(rest) > 1e-4 * (1 + Math.abs(known)))
    list.push({ from: 'other', factor: 1, weight: rest, product: rest });
  return list;
}

/** (B1), back to h- of this unit's next-earlier step: dL/dh-[k] of all units is a sum over these, unit by unit. */
export const nextOf = stepAfter;
