/** What the gates of a pass did: how open they stood, how often they were saturated, and what gradient came back to them. */
import { norm } from '../estimators/vectors.js';
import type { Grid } from './grid.js';
import type { LstmTrace } from './lstm-trace.js';

export const GATES = ['i', 'f', 'g', 'o'] as const;
export type Gate = (typeof GATES)[number];

/** Nearly closed, nearly open (Karpathy, Johnson & Li 2015): of the candidate g, nearly -1 and nearly 1. */
export const CLOSED = 0.1;
export const OPEN = 0.9;

export interface GateStatistics {
  readonly gate: Gate;
  readonly mean: number;
  /** Shares of all steps and units. */
  readonly closed: number;
  readonly open: number;
  /** The same shares of the steps, unit by unit. */
  readonly closedByUnit: readonly number[];
  readonly openByUnit: readonly number[];
  /** Norm of dL/d(gate) over all steps and units. */
  readonly gradientNorm: number;
}

/** The share of rows of each column in which `test` holds. */
function shares({ rows, cols, data }: Grid, test: (value: number) => boolean): number[] {
  return Array.from({ length: cols }, (_, j) => {
    let count = 0;
    for (let t = 0; t < rows; t++) if (test(data[t * cols + j]!)) count++;
    return count / rows;
  });
}

const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
};

/** Of one LSTM's four gates, in the order i, f, g, o. */
export function gateStatistics({ gates, grad }: LstmTrace): GateStatistics[] {
  return GATES.map((gate) => {
    const low = gate === 'g' ? -OPEN : CLOSED;
    const closedByUnit = shares(gates[gate], (v) => v < low);
    const openByUnit = shares(gates[gate], (v) => v > OPEN);
    return {
      gate,
      mean: mean(gates[gate].data),
      closed: mean(closedByUnit),
      open: mean(openByUnit),
      closedByUnit,
      openByUnit,
      gradientNorm: norm(grad.gates[gate].data),
    };
  });
}

export interface DeadUnit {
  readonly unit: number;
  /** Its h stays within so little, or nothing of the loss comes back to it. */
  readonly why: 'silent' | 'no gradient';
}

/**
 * Units that take no part: |h| stays under `silent` at all steps, or dL/dc is 0 at all of them.
 *
 * @param silent default 1e-3.
 */
export function deadUnits(layer: LstmTrace, silent = 1e-3): DeadUnit[] {
  const { hiddenSize: H, steps: T, cell, grad } = layer;
  return Array.from({ length: H }, (_, unit) => {
    let [most, back] = [0, 0];
    for (let t = 0; t < T; t++) {
      most = Math.max(most, Math.abs(cell.h.data[t * H + unit]!));
      back = Math.max(back, Math.abs(grad.cell.c.data[t * H + unit]!));
    }
    if (most < silent) return { unit, why: 'silent' as const };
    return back === 0 ? { unit, why: 'no gradient' as const } : null;
  }).filter((one) => one !== null);
}

/** Norms over all steps: of each parameter, of its gradient, and the one over the other. */
export interface ParameterNorm {
  readonly name: string;
  readonly norm: number;
  readonly gradientNorm: number;
}

export const parameterNorms = (trace: {
  readonly parameters: Readonly<Record<string, Grid>>;
  readonly gradients: Readonly<Record<string, Grid>>;
}): ParameterNorm[] =>
  Object.keys(trace.parameters).map((name) => ({
    name,
    norm: norm(trace.parameters[name]!.data),
    gradientNorm: norm(trace.gradients[name]!.data),
  }));

/**
 * |after - before| / |before| of each parameter: how far an update, or many, moved it. About 1e-3 an update is usual; far under it
 * little is learnt, far over it much is forgotten. Both as `model.parameters.download()` gives them.
 */
export function updateRatios(
  before: ReadonlyMap<string, ArrayLike<number>>,
  after: ReadonlyMap<string, ArrayLike<number>>,
): { readonly name: string; readonly ratio: number }[] {
  return Array.from(before, ([name, old]) => {
    const now = after.get(name);
    const moved = now ? norm(Array.from(old, (v, i) => now[i]! - v)) : Number.NaN;
    return { name, ratio: moved === 0 ? 0 : moved / norm(old) };
  });
}
