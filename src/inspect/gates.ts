/** Statistics of gates, units, parameters and updates. */
import { requireNumber, shown } from '../checks.js';
import { invalidData } from '../errors.js';
import { norm } from '../estimators/vectors.js';
import { requireGrids, requireLayer } from './checks.js';
import { type Grid, requireGrid, requireNumbers, requireObject } from './grid.js';
import type { LstmTrace } from './lstm-trace.js';

/** The gates in the order of all weights: input, forget, candidate, output. */
export const GATES = ['i', 'f', 'g', 'o'] as const;
/** The name of a gate. */
export type Gate = (typeof GATES)[number];

/** A gate value below this counts as closed, as in Karpathy, Johnson & Li 2015 (arXiv:1506.02078). The candidate g: below -`OPEN`. */
export const CLOSED = 0.1;
/** A gate value above this counts as open. */
export const OPEN = 0.9;

/** Statistics of one gate over all time steps and units of a sequence. */
export interface GateStatistics {
  readonly gate: Gate;
  /** The mean value of the gate. */
  readonly mean: number;
  /** The share of values below `CLOSED`, 0 to 1. */
  readonly closed: number;
  /** The share of values above `OPEN`, 0 to 1. */
  readonly open: number;
  /** `closed` for each unit. */
  readonly closedByUnit: readonly number[];
  /** `open` for each unit. */
  readonly openByUnit: readonly number[];
  /** The norm of dL/d(gate) over all steps and units. */
  readonly gradientNorm: number;
}

/** For each column, the share of its rows that pass `test`. */
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

/** The statistics of the four gates of one LSTM, in the order i, f, g, o. */
export function gateStatistics(layer: LstmTrace): GateStatistics[] {
  requireLayer(layer);
  const { gates, grad } = layer;
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

/** A unit that takes no part in the pass. */
export interface DeadUnit {
  /** The index of the unit. */
  readonly unit: number;
  /** `silent` if |h| stays below the threshold, `no gradient` if dL/dc is 0 at all steps. */
  readonly why: 'silent' | 'no gradient';
}

/**
 * The dead units of one LSTM: those with |h| below `silent` at all steps, and those with dL/dc = 0 at all steps.
 *
 * @param silent the threshold on |h|; default 1e-3.
 */
export function deadUnits(layer: LstmTrace, silent = 1e-3): DeadUnit[] {
  requireLayer(layer);
  requireNumber('silent', silent, 0, Number.POSITIVE_INFINITY);
  const { hiddenSize: H, steps: T, cell, grad } = layer;
  return Array.from({ length: H }, (_, unit) => {
    let [maxH, maxGradient] = [0, 0];
    for (let t = 0; t < T; t++) {
      maxH = Math.max(maxH, Math.abs(cell.h.data[t * H + unit]!));
      maxGradient = Math.max(maxGradient, Math.abs(grad.cell.c.data[t * H + unit]!));
    }
    if (maxH < silent) return { unit, why: 'silent' as const };
    return maxGradient === 0 ? { unit, why: 'no gradient' as const } : null;
  }).filter((one) => one !== null);
}

/** The norms of one parameter and of its gradient. */
export interface ParameterNorm {
  readonly name: string;
  readonly norm: number;
  readonly gradientNorm: number;
}

/** The norm of each parameter of a trace and of its gradient. */
export function parameterNorms(trace: {
  readonly parameters: Readonly<Record<string, Grid>>;
  readonly gradients: Readonly<Record<string, Grid>>;
}): ParameterNorm[] {
  requireObject('trace', trace);
  const { parameters, gradients } = trace;
  requireGrids('trace.parameters', parameters);
  requireGrids('trace.gradients', gradients);
  return Object.entries(parameters).map(([name, { rows, cols, data }]) => {
    requireGrid(`trace.gradients.${name}`, gradients[name], rows, cols);
    return { name, norm: norm(data), gradientNorm: norm(gradients[name]!.data) };
  });
}

/**
 * |after - before| / |before| of each parameter: the relative size of one or more updates. A usual value is about 1e-3 per update.
 * Pass the results of `model.parameters.download()` before and after. Throws `INVALID_DATA` for parameters of two models.
 */
export function updateRatios(
  before: ReadonlyMap<string, ArrayLike<number>>,
  after: ReadonlyMap<string, ArrayLike<number>>,
): { readonly name: string; readonly ratio: number }[] {
  for (const [name, value] of Object.entries({ before, after })) {
    if (!(value instanceof Map)) {
      throw invalidData(name, `must be what parameters.download() returned, got ${shown(value)}.`);
    }
  }
  return Array.from(before, ([name, old]) => {
    const now = after.get(name);
    requireNumbers(`before.get(${shown(name)})`, old);
    requireNumbers(`after.get(${shown(name)})`, now, old.length);
    const moved = norm(Array.from(old, (v, i) => now[i]! - v));
    return { name, ratio: moved === 0 ? 0 : moved / norm(old) };
  });
}
