/**
 * Losses and their derivatives (L1)-(L7). The derivations are in kernels/reference/losses.ts. Arrays: r has the weight
 * of each row in the loss, 0 for a row that is ignored; s the statistics of each row of logits.
 */
import type { ValueLoss } from '../../../contract/kernels.js';
import { at } from './indexing.js';
import type { Lanes } from './lanes.js';
import { exp, expMinus1, log1p, sigmoid } from './math.js';
import { type Program, program } from './program.js';

/** (L1) For each row of logits the largest, and log sum_k e^(z[k] - max), as log(1 + others): see kernels/reference/losses.ts. */
export function logitStatistics(R: number, C: number): Program {
  const body = `
let m = ${at('z', `y * ${C}`)};
for (let k = 1; k < ${C}; k += 1) { m = Math.max(m, ${at('z', `y * ${C} + k`)}); }
if (x < 1) { return m; }
let s = -1.0;
let others = 0.0;
for (let k = 0; k < ${C}; k += 1) {
  const d = ${at('z', `y * ${C} + k`)} - m;
  if (d == 0.0) { s += 1.0; }
  else { others += ${exp('d')}; }
}
return ${log1p('(s + others)')};`;
  return program([2, R], ['z'], body);
}

/** The softmax of each row of logits. */
export function softmax(R: number, C: number, lanes: Lanes): Program {
  const body = `
const max = ${at('s', 'y * 2')};
const share = 1.0 / (1.0 + ${expMinus1(at('s', 'y * 2 + 1'))});
${lanes.load('z', 'z', `y * ${C / lanes.count} + x`)}
${lanes.result((lane) => `${exp(`(${lanes.get('z', lane)} - max)`)} * share`)}`;
  return lanes.program([C / lanes.count, R], ['z', 's'], body, { sizes: {}, scalarArrays: ['s'] });
}

/**
 * (L1) What each row adds to the cross-entropy. w: class weights. `isSmoothed`: whether e, the label smoothing, is over
 * 0.
 */
export function crossEntropy(R: number, C: number, isSmoothed: boolean): Program {
  const logOf = (k: string): string => `${at('z', `x * ${C} + ${k}`)} - ${at('s', 'x * 2')} - ${at('s', 'x * 2 + 1')}`;
  const spread = isSmoothed
    ? `for (let k = 0; k < ${C}; k += 1) { v += e / ${C}.0 * ${at('w', 'k')} * (${logOf('k')}); }`
    : '';
  const body = `
const share = ${at('r', 'x')};
if (share == 0.0) { return 0.0; }
const t = ${at('t', 'x')};
let v = (1.0 - e) * ${at('w', 't')} * (${logOf('t')});
${spread}
return -share * v;`;
  return program([R], ['z', 's', 't', 'w', 'r'], body, { scalars: ['e'] });
}

/**
 * (L1') dz[j] = p[j] sum_k q[k] - q[j], q[k] = w[k] ((1-e) [k = y] + e/C). v and w are the class weights; `total` is
 * their sum.
 */
export function crossEntropyGrad(R: number, C: number, lanes: Lanes): Program {
  const body = `
const share = ${at('r', 'y')};
if (share == 0.0) { ${lanes.result(() => '0.0')} }
const t = ${at('t', 'y')};
const target = (1.0 - e) * ${at('w', 't')};
${lanes.load('w', 'v', 'x')}
${lanes.load('p', 'p', `y * ${C / lanes.count} + x`)}
${lanes.each((i) => `let q${i} = e / ${C}.0 * ${lanes.get('w', i)};\nif (Math.abs(x * ${lanes.count} + ${i} - t) < 0.5) { q${i} = q${i} + target; }`)}
${lanes.result((i) => `share * (${lanes.get('p', i)} * (target + e / ${C}.0 * total) - q${i})`)}`;
  const options = { scalars: ['e', 'total'], sizes: {}, scalarArrays: ['t', 'w', 'r'] };
  return lanes.program([C / lanes.count, R], ['p', 'v', 't', 'w', 'r'], body, options);
}

/**
 * The shape of a value loss: `rows` of `cols` outputs and `targets` targets, and of `terms` numbers to compute a row.
 */
export interface ValueLossShape {
  readonly rows: number;
  readonly cols: number;
  readonly targets: number;
  readonly terms: number;
}

/** Whether output and target have the same columns. */
export const isColumnwise = ({ kind }: ValueLoss): boolean => kind !== 'gaussian' && kind !== 'quantile';

/** (L2)-(L7) What each element adds to the loss. */
export const valueLoss = (shape: ValueLossShape, kind: ValueLoss, lanes: Lanes): Program =>
  ofValues(shape, kind, lossOf(kind), lanes);

/** The derivative of each element's loss by the output. */
export const valueLossGrad = (shape: ValueLossShape, kind: ValueLoss, lanes: Lanes): Program =>
  ofValues(shape, kind, slopeOf(kind, shape.targets), lanes);

/** An expression of an output v, its target t, and e = v - t. */
type Expression = (names: { readonly v: string; readonly t: string; readonly e: string }) => string;

/** The target of quantile output column x. */
const quantileTarget = ({ quantiles }: { readonly quantiles: readonly number[] }): string =>
  `Math.floor((x + 0.5) / ${quantiles.length}.0)`;

/**
 * Computes an expression of each output and its target, and of the row's `share`, `w` (a gaussian's log variance) and
 * `p` (a quantile).
 */
function ofValues(shape: ValueLossShape, kind: ValueLoss, expression: Expression, lanes: Lanes): Program {
  const { rows: R, cols: C, targets: K, terms } = shape;
  const side = `y * ${C / lanes.count} + x`;
  const [column, target] =
    kind.kind === 'gaussian'
      ? [`y * ${C} + c`, `y * ${K} + c`]
      : kind.kind === 'quantile'
        ? [`y * ${C} + x`, `y * ${K} + ${quantileTarget(kind)}`]
        : [side, side];
  const body = [
    `const share = ${at('r', 'y')};`,
    `if (share == 0.0) { ${lanes.result(() => '0.0')} }`,
    ...(kind.kind === 'gaussian'
      ? [`let c = x;\nif (x >= ${K}) { c = x - ${K}; }`, `const w = ${at('a', `y * ${C} + c + ${K}`)};`]
      : []),
    ...(kind.kind === 'quantile'
      ? [`const u = x - ${quantileTarget(kind)} * ${kind.quantiles.length}.0;`, `const p = ${at('q', 'u')};`]
      : []),
    lanes.load('v', 'a', column),
    lanes.load('t', 't', target),
    lanes.each((i) => `const e${i} = ${lanes.get('v', i)} - ${lanes.get('t', i)};`),
    lanes.result((i) => expression({ v: lanes.get('v', i), t: lanes.get('t', i), e: `e${i}` })),
  ].join('\n');
  const options = { scalars: ['delta'], sizes: {}, scalarArrays: ['r', 'q'] };
  return lanes.program([terms / lanes.count, R], ['a', 't', 'r', 'q'], body, options);
}

/** (L2)-(L7) What an element adds to the loss. A missing case does not compile. */
function lossOf({ kind }: ValueLoss): Expression {
  const loss: Expression = ({ v, t, e }) => {
    switch (kind) {
      case 'meanSquaredError':
        return `${e} * ${e}`;
      case 'meanAbsoluteError':
        return `Math.abs(${e})`;
      case 'huber':
        return `Math.min(Math.abs(${e}), delta) * (Math.abs(${e}) - Math.min(Math.abs(${e}), delta) / 2.0)`;
      case 'quantile':
        return `Math.max(-p * ${e}, (1.0 - p) * ${e})`;
      case 'binaryCrossEntropy':
        return `(${v} > 0.0 ? ${v} * (1.0 - ${t}) : -${v} * ${t}) + ${log1p(exp(`-Math.abs(${v})`))}`;
      case 'gaussian':
        return `(w + ${e} * ${e} * ${exp('-w')}) / 2.0`;
      default:
        return kind satisfies never;
    }
  };
  return (names) => `share * (${loss(names)})`;
}

/** Its derivative by the output. A gaussian's columns are K means and then K log variances. */
function slopeOf({ kind }: ValueLoss, K: number): Expression {
  return ({ v, t, e }) => {
    switch (kind) {
      case 'meanSquaredError':
        return `share * 2.0 * ${e}`;
      case 'meanAbsoluteError':
        return `(${e} > 0.0 ? share : (${e} < 0.0 ? -share : 0.0))`;
      case 'huber':
        return `share * Math.min(delta, Math.max(-delta, ${e}))`;
      case 'quantile':
        return `(${e} < 0.0 ? -share * p : (${e} > 0.0 ? share * (1.0 - p) : 0.0))`;
      case 'binaryCrossEntropy':
        return `share * (${v} > 0.0 ? 1.0 - ${t} - ${sigmoid(`-${v}`)} : ${sigmoid(v)} - ${t})`;
      case 'gaussian':
        return `(x < ${K} ? share * ${e} * ${exp('-w')} : share * (1.0 - ${e} * ${e} * ${exp('-w')}) / 2.0)`;
      default:
        return kind satisfies never;
    }
  };
}
