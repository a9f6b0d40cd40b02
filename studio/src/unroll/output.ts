/** From the layer's output to the loss at one time step: logits, probabilities and loss, or the prediction and its loss; and back. */
import type { LstmTrace, Trace } from 'unspool/inspect';
import type { Term } from './cell.js';
import type { Prediction } from './stages.js';

export interface OutputRow {
  readonly index: number;
  readonly name: string;
  /** The logit, or the prediction. */
  readonly value: number;
  /** Null for a number. */
  readonly probability: number | null;
  readonly isTarget: boolean;
  /** Gradient of the loss by `value`. */
  readonly grad: number;
}

export interface Output {
  readonly t: number;
  readonly prediction: Prediction;
  /** All classes, the most likely first; or the numbers. */
  readonly rows: readonly OutputRow[];
  /** The row that the equations compute: the target, or the most likely class. */
  readonly shown: OutputRow;
  /** The target's class or number; null for a step without a target. */
  readonly target: number | null;
  /** Loss of this step. */
  readonly loss: number;
  /** W: the number of steps with a target. */
  readonly counted: number;
  /** The sum of `shown.value`: the unit's part, the parts of the other units, and the bias. Null if another layer reads h. */
  readonly terms: readonly Term[] | null;
  /** The sum of the unit's dL/dh from the output: a term for each row, the largest first. Null if another layer reads h. */
  readonly gradTerms: readonly Term[] | null;
}

const byProbability = (a: OutputRow, b: OutputRow): number => (b.probability ?? 0) - (a.probability ?? 0);

/** The weights of the output layer, if it reads this layer. */
function outputWeights(trace: Trace, layer: LstmTrace) {
  const { output, parameters, layers } = trace;
  if (layers.at(-1) !== layer || layer.variant.projected) return null;
  const names = Object.keys(parameters);
  const name = names.findLast((one) => one.endsWith('.weight'));
  const weight = name === undefined ? undefined : parameters[name];
  if (!weight || weight.rows !== output.cols || weight.cols !== layer.outputSize) return null;
  return { weight, bias: parameters[name!.replace(/weight$/, 'bias')] ?? null };
}

/** `names`: those of the output's columns. Null for a loss that the view does not explain. */
export function outputAt(
  trace: Trace,
  layer: LstmTrace,
  t: number,
  unit: number,
  names: readonly string[],
): Output | null {
  const { output, outputGrad, probabilities, targets, weights, steps, lossByStep, lossSpec } = trace;
  const prediction =
    lossSpec.kind === 'crossEntropy' ? 'class' : lossSpec.kind === 'meanSquaredError' ? 'number' : null;
  if (!prediction || output.rows !== steps || !lossByStep) return null;
  const C = output.cols;
  const target = weights && weights[t] === 0 ? null : targets[prediction === 'class' ? t : t * C]!;
  const rows = Array.from({ length: C }, (_, index): OutputRow => {
    const at = t * C + index;
    return {
      index,
      name: names[index] ?? String(index),
      value: output.data[at]!,
      probability: probabilities ? probabilities.data[at]! : null,
      isTarget: prediction === 'class' ? index === target : target !== null,
      grad: outputGrad.data[at]!,
    };
  }).sort(byProbability);
  const shown = rows.find(({ isTarget }) => isTarget) ?? rows[0]!;
  const counted = weights ? weights.reduce((sum, v) => sum + v, 0) : steps;
  const loss = target === null ? 0 : lossByStep[t]!;
  return { t, prediction, rows, shown, target, loss, counted, ...termsOf(trace, layer, t, unit, rows, shown) };
}

function termsOf(
  trace: Trace,
  layer: LstmTrace,
  t: number,
  unit: number,
  rows: readonly OutputRow[],
  shown: OutputRow,
): Pick<Output, 'terms' | 'gradTerms'> {
  const found = outputWeights(trace, layer);
  if (!found) return { terms: null, gradTerms: null };
  const { weight, bias } = found;
  const weightOf = (row: number): number => weight.data[row * weight.cols + unit]!;
  const h = layer.h.data[t * layer.h.cols + unit]!;
  const own = weightOf(shown.index) * h;
  const b = bias?.data[shown.index] ?? 0;
  return {
    terms: [
      { from: `h[${unit}]`, factor: h, weight: weightOf(shown.index), product: own },
      { from: 'other units', factor: 1, weight: shown.value - own - b, product: shown.value - own - b },
      { from: 'b', factor: 1, weight: b, product: b },
    ],
    gradTerms: rows
      .map(({ index, grad }) => ({
        from: `k=${index}`,
        factor: grad,
        weight: weightOf(index),
        product: grad * weightOf(index),
      }))
      .sort((p, q) => Math.abs(q.product) - Math.abs(p.product)),
  };
}
