/** The terms of a pre-activation (F1): weighted inputs, weighted outputs of the step before, and biases. */
import { requireChoice, requireInteger } from '../checks.js';
import { requireGrids, requireLayerOf } from './checks.js';
import { GATES, type Gate } from './gates.js';
import { requireObject, rowOf } from './grid.js';
import { type LstmTrace, stateBefore } from './lstm-trace.js';
import type { Trace } from './trace.js';

/** One term of the pre-activation of a gate (F1): `product` = `factor` * `weight`. */
export interface PreactivationTerm {
  /** The kind of term: input, output of the step before, or bias. */
  readonly from: 'x' | 'h' | 'bias';
  /** The index of the input, of the unit of h-, or of the bias. */
  readonly index: number;
  /** The input or the output of the step before; 1 for a bias. */
  readonly factor: number;
  /** The weight, or the bias. */
  readonly weight: number;
  /** The value of the term. */
  readonly product: number;
}

/**
 * The terms of the pre-activation of one gate of one unit at step `t`, in the order x, h-, biases. Peepholes, layer normalization
 * and gate recurrence are not included.
 */
export function preactivationTerms(
  trace: Trace,
  layer: LstmTrace,
  t: number,
  gate: Gate,
  unit: number,
): PreactivationTerm[] {
  requireObject('trace', trace);
  requireGrids('trace.parameters', trace.parameters);
  requireLayerOf(trace.parameters, layer);
  requireInteger('t', t, 0, layer.steps - 1);
  requireChoice('gate', gate, GATES);
  requireInteger('unit', unit, 0, layer.hiddenSize - 1);
  const row = GATES.indexOf(gate) * layer.hiddenSize + unit;
  const parameter = (part: string) => trace.parameters[layer.parameters[part] ?? ''];
  const products = (from: 'x' | 'h', part: string, factors: ArrayLike<number>): PreactivationTerm[] => {
    const weights = rowOf(parameter(part)!, row);
    return Array.from(factors, (factor, index) => {
      const weight = weights[index]!;
      return { from, index, factor, weight, product: factor * weight };
    });
  };
  const biases = ['bias_ih', 'bias_hh'].flatMap((part, index): PreactivationTerm[] => {
    const weight = parameter(part)?.data[row];
    return weight === undefined ? [] : [{ from: 'bias', index, factor: 1, weight, product: weight }];
  });
  return [
    ...products('x', 'weight_ih', rowOf(layer.x, t)),
    ...products('h', 'weight_hh', stateBefore(layer, t).h),
    ...biases,
  ];
}
