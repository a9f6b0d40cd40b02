/** The losses, each with its derivative under it (L1-L8); the derivations are beside the reference's. */
import {
  type ClassTargets,
  type CrossEntropyOptions,
  crossEntropyDivisor,
  type Kernels,
  type Matrix,
  type ValueLoss,
  type ValueTargets,
  valueLossScale,
} from '../../../contract/kernels.js';
import type { Recorder } from '../record/recorder.js';
import type { Piece, Value } from '../record/values.js';
import { sigmoid } from '../shaders/cell.js';
import { at } from '../shaders/indexing.js';
import { ONE } from '../shaders/lanes.js';
import { program } from '../shaders/program.js';
import { ctc } from './ctc.js';
import { sumOf } from './sums.js';

type Losses = Pick<Kernels, 'softmaxCrossEntropy' | 'softmaxCrossEntropyGrad' | 'valueLoss' | 'valueLossGrad' | 'ctc'>;

const inverse = (divisor: number): number => (divisor === 0 ? 0 : 1 / divisor);

/** What each row counts: its weight over the divisor, 0 for one that is ignored. */
function shares(targets: ClassTargets, options: CrossEntropyOptions): Float32Array {
  const { classes, rowWeights } = targets;
  const scale = inverse(crossEntropyDivisor(targets, options));
  const ignored = options.ignoreIndex ?? -1;
  return Float32Array.from(classes, (target, r) => (target === ignored ? 0 : scale * (rowWeights?.[r] ?? 1)));
}

/** Targets that kernels may use as an index, also where the row is ignored. */
const indices = (targets: Int32Array, C: number): Float32Array =>
  Float32Array.from(targets, (t) => (t >= 0 && t < C ? t : 0));

/** (L1) Of each row of logits the largest one, and log sum_k e^(z[k] - max). */
function statistics(rec: Recorder, z: Matrix): Piece {
  const { rows: R, cols: C } = z;
  const body = `
let m = ${at('z', `y * ${C}`)};
for (let k = 1; k < ${C}; k += 1) { m = Math.max(m, ${at('z', `y * ${C} + k`)}); }
if (x < 1) { return m; }
let s = 0.0;
for (let k = 0; k < ${C}; k += 1) { s += Math.exp(${at('z', `y * ${C} + k`)} - m); }
return Math.log(s);`;
  return { value: rec.call(program([2, R], ['z'], body), [rec.read(z)]), shift: 0 };
}

export function losses(rec: Recorder): Losses {
  const crossEntropy = (options: CrossEntropyOptions, C: number) => {
    const { classWeights, labelSmoothing: smooth = 0 } = options;
    return {
      weights: rec.host(classWeights ? Float32Array.from(classWeights) : new Float32Array(C).fill(1)),
      sum: classWeights ? classWeights.reduce((a, b) => a + b, 0) : C,
      smooth,
    };
  };
  /** `terms` columns of an expression (of a lane of it) of y, its target t, e = y - t, and what the row counts, `share`. */
  const ofValues = (
    terms: number,
    y: Matrix,
    targets: ValueTargets,
    kind: ValueLoss,
    expression: Expression,
  ): Value => {
    const { values: target } = targets;
    const [R, C, K] = [y.rows, y.cols, target.cols];
    const [ys, ts] = [rec.read(y), rec.read(target)];
    const isPlain = kind.kind !== 'gaussian' && kind.kind !== 'quantile'; // column for column
    const lanes = isPlain ? rec.lanes([ys, ts], R * C, C) : ONE;
    const body = [
      `const share = ${at('r', 'y')};`,
      `if (share == 0.0) { ${lanes.give(() => '0.0')} }`,
      ...(kind.kind === 'gaussian'
        ? [`let c = x;\nif (x >= ${K}) { c = x - ${K}; }`, `const w = ${at('a', `y * ${C} + c + ${K}`)};`]
        : []),
      ...(kind.kind === 'quantile' ? [`const u = x - ${groupOf(kind)} * ${kind.quantiles.length}.0;`] : []),
      ...(kind.kind === 'quantile' ? [`const p = ${at('q', 'u')};`] : []),
      lanes.load(
        'v',
        'a',
        isPlain ? `y * ${C / lanes.count} + x` : `y * ${C} + ${kind.kind === 'gaussian' ? 'c' : 'x'}`,
      ),
      lanes.load('t', 't', isPlain ? `y * ${C / lanes.count} + x` : targetAt(kind, K)),
      lanes.each((i) => `const e${i} = ${lanes.get('v', i)} - ${lanes.get('t', i)};`),
      lanes.give((i) => expression({ v: lanes.get('v', i), t: lanes.get('t', i), e: `e${i}` })),
    ].join('\n');
    const how = { scalars: ['delta'], sizes: {}, singly: ['r', 'q'] };
    const text = lanes.program([terms / lanes.count, R], ['a', 't', 'r', 'q'], body, how);
    const inputs = [ys, ts, rec.host(rowShares(y, targets, kind)), rec.host(quantiles(kind))];
    return rec.call(text, inputs, [deltaOf(kind)]);
  };
  return {
    softmaxCrossEntropy(loss, p, z, targets, options = {}) {
      const { rows: R, cols: C } = z;
      const logits = rec.read(z);
      const stats = statistics(rec, z);
      const logOf = (k: string, y: string): string =>
        `${at('z', `${y} * ${C} + ${k}`)} - ${at('s', `${y} * 2`)} - ${at('s', `${y} * 2 + 1`)}`;
      const lanes = rec.lanes([logits], R * C, C);
      const body = `
const max = ${at('s', 'y * 2')};
const log = ${at('s', 'y * 2 + 1')};
${lanes.load('z', 'z', `y * ${C / lanes.count} + x`)}
${lanes.give((lane) => `Math.exp(${lanes.get('z', lane)} - max - log)`)}`;
      const softmax = lanes.program([C / lanes.count, R], ['z', 's'], body, { sizes: {}, singly: ['s'] });
      rec.write(p, rec.call(softmax, [logits, stats]));
      const { weights, smooth } = crossEntropy(options, C);
      const spread =
        smooth > 0
          ? `for (let k = 0; k < ${C}; k += 1) { v += e / ${C}.0 * ${at('w', 'k')} * (${logOf('k', 'x')}); }`
          : '';
      const ofRow = `
const share = ${at('r', 'x')};
if (share == 0.0) { return 0.0; }
const t = ${at('t', 'x')};
let v = (1.0 - e) * ${at('w', 't')} * (${logOf('t', 'x')});
${spread}
return -share * v;`;
      const inputs = [
        logits,
        stats,
        rec.host(indices(targets.classes, C)),
        weights,
        rec.host(shares(targets, options)),
      ];
      const each = {
        value: rec.call(program([R], ['z', 's', 't', 'w', 'r'], ofRow, { scalars: ['e'] }), inputs, [smooth]),
        shift: 0,
      };
      rec.write(loss, sumOf(rec, each, R).value);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}) {
      const { rows: R, cols: C } = dz;
      const { weights, sum, smooth } = crossEntropy(options, C);
      // (L1') dz[j] = p[j] sum_k q[k] - q[j], q[k] = w[k] ((1-e) [k = y] + e/C)
      const probabilities = rec.read(p);
      const lanes = rec.lanes([probabilities, weights], R * C, C);
      const body = `
const share = ${at('r', 'y')};
if (share == 0.0) { ${lanes.give(() => '0.0')} }
const t = ${at('t', 'y')};
const target = (1.0 - e) * ${at('w', 't')};
${lanes.load('w', 'v', 'x')}
${lanes.load('p', 'p', `y * ${C / lanes.count} + x`)}
${lanes.each((i) => `let q${i} = e / ${C}.0 * ${lanes.get('w', i)};\nif (Math.abs(x * ${lanes.count} + ${i} - t) < 0.5) { q${i} = q${i} + target; }`)}
${lanes.give((i) => `share * (${lanes.get('p', i)} * (target + e / ${C}.0 * total) - q${i})`)}`;
      const how = { scalars: ['e', 'total'], sizes: {}, singly: ['t', 'w', 'r'] };
      const text = lanes.program([C / lanes.count, R], ['p', 'v', 't', 'w', 'r'], body, how);
      const inputs = [
        probabilities,
        weights,
        rec.host(indices(targets.classes, C)),
        weights,
        rec.host(shares(targets, options)),
      ];
      rec.write(dz, rec.call(text, inputs, [smooth, sum]));
    },
    valueLoss(loss, y, targets, kind) {
      const terms = kind.kind === 'gaussian' ? targets.values.cols : y.cols;
      const each = ofValues(terms, y, targets, kind, lossOf(kind));
      rec.write(loss, sumOf(rec, { value: each, shift: 0 }, y.rows * terms).value);
    },
    valueLossGrad(dy, y, targets, kind) {
      rec.write(dy, ofValues(y.cols, y, targets, kind, slopeOf(kind, targets.values.cols)));
    },
    ctc: (loss, dlogits, logits, targets) => ctc(rec, [loss, dlogits], logits, statistics(rec, logits), targets),
  };
}

function rowShares(y: Matrix, { values: target, rowWeights: weights }: ValueTargets, kind: ValueLoss): Float32Array {
  const scale = valueLossScale((kind.kind === 'gaussian' ? target : y).cols, y.rows, weights);
  return Float32Array.from({ length: y.rows }, (_, r) => scale * (weights?.[r] ?? 1));
}

const deltaOf = (kind: ValueLoss): number => (kind.kind === 'huber' ? kind.delta : 0);

const quantiles = (kind: ValueLoss): Float32Array =>
  kind.kind === 'quantile' ? Float32Array.from(kind.quantiles) : new Float32Array(1);

/** Which target's quantile output column x is. */
const groupOf = ({ quantiles }: { readonly quantiles: readonly number[] }): string =>
  `Math.floor((x + 0.5) / ${quantiles.length}.0)`;

/** The target of output column x where columns and targets do not go side by side. */
const targetAt = (kind: ValueLoss, K: number): string => `y * ${K} + ${kind.kind === 'quantile' ? groupOf(kind) : 'c'}`;

/** An expression of the names of y, its target, and e = y - t. */
type Expression = (names: { readonly v: string; readonly t: string; readonly e: string }) => string;

/** What an element adds to the loss; w is a gaussian's logarithm of the variance, p a quantile. */
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
        return `Math.max(${v}, 0.0) - ${v} * ${t} + Math.log(1.0 + Math.exp(-Math.abs(${v})))`;
      case 'gaussian':
        return `(w + ${e} * ${e} * Math.exp(-w)) / 2.0`;
      default:
        return kind satisfies never;
    }
  };
  return (names) => `share * (${loss(names)})`;
}

/** Its slope by y; a gaussian's means come first, then, from column K on, its variances. */
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
        return `share * (${sigmoid(v)} - ${t})`;
      case 'gaussian':
        return `(x < ${K} ? share * ${e} * Math.exp(-w) : share * (1.0 - ${e} * ${e} * Math.exp(-w)) / 2.0)`;
      default:
        return kind satisfies never;
    }
  };
}
