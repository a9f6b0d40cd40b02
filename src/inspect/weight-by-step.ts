/** The contribution of each time step to a weight's gradient (B1). */
import { requireInteger, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { requireTrace } from './checks.js';
import { GATES } from './gates.js';
import { normalized, timesTransposed } from './grid-math.js';
import { type LstmTrace, shifted, stateBefore, stepBefore } from './lstm-trace.js';
import type { Trace } from './trace.js';

type Contribution = (t: number) => number;

const RECURRENT_GATES = ['i', 'f', 'o'] as const; // connected by gate recurrence

/** dL/da of row `row` of 4H, in the gate order i, f, g, o. */
const preactivation =
  ({ grad, hiddenSize: H }: LstmTrace, row: number): Contribution =>
  (t) =>
    grad.a[GATES[Math.floor(row / H)]!].data[t * H + (row % H)]!;

/** The normalized products of one normalization, [T, 4H]. */
const normalizedProducts = (trace: Trace, layer: LstmTrace, end: 'ih' | 'hh') => {
  const from = end === 'ih' ? layer.x : shifted(layer, layer.h, layer.initial.h);
  return normalized(timesTransposed(from, trace.parameters[layer.parameters[`weight_${end}`]!]!));
};

/** The contribution to one element of a part of the parameters. A vector is a row, so its index is `col`. */
function contribution(trace: Trace, layer: LstmTrace, part: string, row: number, col: number): Contribution {
  const { grad, hiddenSize: H, inputSize: D, outputSize: R, variant } = layer;
  switch (part) {
    case 'weight_ih': // da' x
      return (t) => grad.inputProduct.data[t * 4 * H + row]! * layer.x.data[t * D + col]!;
    case 'weight_hh': // da' h-
      return (t) => grad.recurrentProduct.data[t * 4 * H + row]! * stateBefore(layer, t).h[col]!;
    case 'bias_ih':
    case 'bias_hh':
    case 'norm_bias_ih':
    case 'norm_bias_hh':
      return preactivation(layer, col);
    case 'norm_gain_ih':
    case 'norm_gain_hh': {
      const [da, values] = [
        preactivation(layer, col),
        normalizedProducts(trace, layer, part.endsWith('ih') ? 'ih' : 'hh'),
      ];
      return (t) => da(t) * values.data[t * 4 * H + col]!;
    }
    case 'norm_gain_c': {
      const values = normalized(layer.cell.c);
      return (t) => grad.normalizedC!.data[t * H + col]! * values.data[t * H + col]!;
    }
    case 'norm_bias_c':
      return (t) => grad.normalizedC!.data[t * H + col]!;
    case 'weight_hr': // (P1) dh' u
      return (t) => (1 - variant.zoneoutH) * grad.h.data[t * R + row]! * layer.cell.h.data[t * H + col]!;
    case 'peephole_i':
    case 'peephole_f':
      return (t) => grad.a[part === 'peephole_i' ? 'i' : 'f'].data[t * H + col]! * stateBefore(layer, t).c[col]!;
    case 'peephole_o':
      return (t) => grad.a.o.data[t * H + col]! * layer.cell.c.data[t * H + col]!;
    case 'weight_gate_recurrence': {
      const [to, from] = [RECURRENT_GATES[Math.floor(row / H)]!, RECURRENT_GATES[Math.floor(col / H)]!];
      return (t) => {
        const before = stepBefore(layer, t);
        return before === null
          ? 0
          : grad.a[to].data[t * H + (row % H)]! * layer.gates[from].data[before * H + (col % H)]!;
      };
    }
    default: // h0, c0: the state before the first step
      return (t) => (stepBefore(layer, t) === null ? grad.initial[part === 'h0' ? 'h' : 'c'].data[col]! : 0);
  }
}

/**
 * The contribution of each time step to dL/dw of one LSTM weight, [T]. The contributions add up to the gradient. `row` and
 * `col` are those of `trace.parameters[name]`, where a vector is a row. Throws `INVALID_SETTING` for an unknown name or an index out of range.
 */
export function weightGradientByStep(trace: Trace, name: string, row: number, col: number): Float64Array {
  requireTrace(trace);
  for (const layer of trace.layers) {
    const part = Object.keys(layer.parameters).find((p) => layer.parameters[p] === name);
    if (part === undefined) continue;
    const { rows, cols } = trace.parameters[name]!;
    requireInteger('row', row, 0, rows - 1);
    requireInteger('col', col, 0, cols - 1);
    const at = contribution(trace, layer, part, row, col);
    return Float64Array.from({ length: layer.steps }, (_, t) => at(t));
  }
  const names = trace.layers.flatMap((layer) => Object.values(layer.parameters));
  throw invalidSetting(
    `name ${shown(name)}`,
    'not a parameter of an LSTM in this trace.',
    `Use one of ${names.join(', ')}.`,
  );
}
