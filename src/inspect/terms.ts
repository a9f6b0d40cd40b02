/** What a gate's pre-activation is a sum of: inputs and outputs of the step before by their weights, and biases (F1). */
import { GATES, type Gate } from './gates.js';
import { rowOf } from './grid.js';
import { type LstmTrace, stateBefore } from './lstm-trace.js';
import type { Trace } from './trace.js';

export interface PreactivationTerm {
  readonly from: 'x' | 'h' | 'bias';
  /** Which input, or which unit of h-; of several biases, which. */
  readonly index: number;
  readonly factor: number;
  readonly weight: number;
  readonly product: number;
}

/** In the order x, h-, biases. What peepholes, normalization and gate recurrence do to the sum is not among them. */
export function preactivationTerms(
  trace: Trace,
  layer: LstmTrace,
  t: number,
  gate: Gate,
  unit: number,
): PreactivationTerm[] {
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
