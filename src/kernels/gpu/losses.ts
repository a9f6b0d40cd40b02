/** The losses, each with its derivative under it (L1-L8); the derivations are beside the reference's. */
import {
  type CrossEntropyOptions,
  crossEntropyDivisor,
  type Kernels,
  type Matrix,
  type ValueLoss,
  valueLossScale,
} from '../../core/kernels.js';
import { ctcLoss } from '../ctc.js';
import type { Recorder } from './recorder.js';
import { sumOf } from './sums.js';
import { sigmoid } from './text/cell.js';
import { at, program } from './text/moves.js';

type Losses = Pick<Kernels, 'softmaxCrossEntropy' | 'softmaxCrossEntropyGrad' | 'valueLoss' | 'valueLossGrad' | 'ctc'>;

const inverse = (divisor: number): number => (divisor === 0 ? 0 : 1 / divisor);

/** What each row counts: its weight over the divisor, 0 for one that is ignored. */
function shares(targets: Int32Array, options: CrossEntropyOptions, weights: ArrayLike<number> | null): Float32Array {
  const scale = inverse(crossEntropyDivisor(targets, options, weights));
  const ignored = options.ignoreIndex ?? -1;
  return Float32Array.from(targets, (target, r) => (target === ignored ? 0 : scale * (weights?.[r] ?? 1)));
}

/** Targets that kernels may use as an index, also where the row is ignored. */
const indices = (targets: Int32Array, C: number): Float32Array =>
  Float32Array.from(targets, (t) => (t >= 0 && t < C ? t : 0));

export function losses(rec: Recorder): Losses {
  const crossEntropy = (options: CrossEntropyOptions, C: number) => {
    const { classWeights, labelSmoothing: smooth = 0 } = options;
    return {
      weights: rec.host(classWeights ? Float32Array.from(classWeights) : new Float32Array(C).fill(1)),
      sum: classWeights ? classWeights.reduce((a, b) => a + b, 0) : C,
      smooth,
    };
  };
  return {
    softmaxCrossEntropy(loss, p, z, targets, options = {}, rowWeights = null) {
      const { rows: R, cols: C } = z;
      const logits = rec.read(z);
      // (L1) Of each row the largest logit, and log sum_k e^(z[k] - max).
      const statistics = `
let m = ${at('z', `y * ${C}`)};
for (let k = 1; k < ${C}; k += 1) { m = Math.max(m, ${at('z', `y * ${C} + k`)}); }
if (x < 1) { return m; }
let s = 0.0;
for (let k = 0; k < ${C}; k += 1) { s += Math.exp(${at('z', `y * ${C} + k`)} - m); }
return Math.log(s);`;
      const stats = { value: rec.call(program([2, R], ['z'], statistics), [logits]), shift: 0 };
      const logOf = (k: string, y: string): string =>
        `${at('z', `${y} * ${C} + ${k}`)} - ${at('s', `${y} * 2`)} - ${at('s', `${y} * 2 + 1`)}`;
      const softmax = program([C, R], ['z', 's'], `return Math.exp(${logOf('x', 'y')});`);
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
        rec.host(indices(targets, C)),
        weights,
        rec.host(shares(targets, options, rowWeights)),
      ];
      const each = {
        value: rec.call(program([R], ['z', 's', 't', 'w', 'r'], ofRow, { scalars: ['e'] }), inputs, [smooth]),
        shift: 0,
      };
      rec.write(loss, sumOf(rec, each, R).value);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}, rowWeights = null) {
      const { rows: R, cols: C } = dz;
      const { weights, sum, smooth } = crossEntropy(options, C);
      // (L1') dz[j] = p[j] sum_k q[k] - q[j], q[k] = w[k] ((1-e) [k = y] + e/C)
      const body = `
const share = ${at('r', 'y')};
if (share == 0.0) { return 0.0; }
const t = ${at('t', 'y')};
const target = (1.0 - e) * ${at('w', 't')};
let q = e / ${C}.0 * ${at('w', 'x')};
if (Math.abs(x - t) < 0.5) { q = q + target; }
return share * (${at('p', `y * ${C} + x`)} * (target + e / ${C}.0 * total) - q);`;
      const text = program([C, R], ['p', 't', 'w', 'r'], body, { scalars: ['e', 'total'] });
      const inputs = [
        rec.read(p),
        rec.host(indices(targets, C)),
        weights,
        rec.host(shares(targets, options, rowWeights)),
      ];
      rec.write(dz, rec.call(text, inputs, [smooth, sum]));
    },
    valueLoss(loss, y, target, kind, rowWeights) {
      const [R, C, K] = [y.rows, y.cols, target.cols];
      const share = rowShares(y, target, kind, rowWeights);
      const terms = kind.kind === 'gaussian' ? K : C;
      const here = { y: at('a', `y * ${C} + x`), s: at('a', `y * ${C} + x + ${K}`), t: targetAt(kind, K) };
      const body = `
const share = ${at('r', 'y')};
if (share == 0.0) { return 0.0; }
const v = ${here.y};
const t = ${here.t};
${kind.kind === 'gaussian' ? `const s = ${here.s};` : ''}
${quantileOf(kind)}
const e = v - t;
return share * (${lossText(kind)});`;
      const text = program([terms, R], ['a', 't', 'r', 'q'], body, { scalars: ['delta'] });
      const inputs = [rec.read(y), rec.read(target), rec.host(share), rec.host(quantiles(kind))];
      const each = { value: rec.call(text, inputs, [deltaOf(kind)]), shift: 0 };
      rec.write(loss, sumOf(rec, each, R * terms).value);
    },
    valueLossGrad(dy, y, target, kind, rowWeights) {
      const [R, C, K] = [y.rows, y.cols, target.cols];
      const share = rowShares(y, target, kind, rowWeights);
      const head = `const share = ${at('r', 'y')};\nif (share == 0.0) { return 0.0; }`;
      const body =
        kind.kind === 'gaussian'
          ? `${head}
let c = x;
if (x >= ${K}) { c = x - ${K}; }
const e = ${at('a', `y * ${C} + c`)} - ${at('t', `y * ${K} + c`)};
const w = Math.exp(-${at('a', `y * ${C} + c + ${K}`)});
if (x < ${K}) { return share * e * w; }
return share * (1.0 - e * e * w) / 2.0;`
          : `${head}
const v = ${at('a', `y * ${C} + x`)};
const t = ${targetAt(kind, K)};
${quantileOf(kind)}
const e = v - t;
${slopeText(kind)}`;
      const text = program([C, R], ['a', 't', 'r', 'q'], body, { scalars: ['delta'] });
      const inputs = [rec.read(y), rec.read(target), rec.host(share), rec.host(quantiles(kind))];
      rec.write(dy, rec.call(text, inputs, [deltaOf(kind)]));
    },
    // The lattice is a long row of small dependent sums: this side works it out, between two runs of the device.
    ctc(loss, dlogits, logits, targets) {
      const size = logits.rows * logits.cols;
      const both = rec.onHost([logits], size + 1, ([z]) => {
        const out = new Float32Array(size + 1);
        out[size] = ctcLoss(out.subarray(0, size), z!, logits.cols, targets);
        return out;
      });
      rec.write(dlogits, both, 0);
      rec.write(loss, both, size);
    },
  };
}

function rowShares(y: Matrix, target: Matrix, kind: ValueLoss, weights: ArrayLike<number> | null): Float32Array {
  const scale = valueLossScale((kind.kind === 'gaussian' ? target : y).cols, y.rows, weights);
  return Float32Array.from({ length: y.rows }, (_, r) => scale * (weights?.[r] ?? 1));
}

const deltaOf = (kind: ValueLoss): number => (kind.kind === 'huber' ? kind.delta : 0);

const quantiles = (kind: ValueLoss): Float32Array =>
  kind.kind === 'quantile' ? Float32Array.from(kind.quantiles) : new Float32Array(1);

/** Target of output column x: with Q quantiles, target x / Q. */
const targetAt = (kind: ValueLoss, K: number): string =>
  kind.kind === 'quantile'
    ? at('t', `y * ${K} + Math.floor((x + 0.5) / ${kind.quantiles.length}.0)`)
    : at('t', `y * ${K} + x`);

const quantileOf = (kind: ValueLoss): string =>
  kind.kind === 'quantile'
    ? `const u = x - Math.floor((x + 0.5) / ${kind.quantiles.length}.0) * ${kind.quantiles.length}.0;\nconst p = ${at('q', 'u')};`
    : '';

/** The loss of y = v against t, e = v - t. */
function lossText({ kind }: ValueLoss): string {
  switch (kind) {
    case 'meanSquaredError':
      return 'e * e';
    case 'meanAbsoluteError':
      return 'Math.abs(e)';
    case 'huber':
      return 'Math.min(Math.abs(e), delta) * (Math.abs(e) - Math.min(Math.abs(e), delta) / 2.0)';
    case 'quantile':
      return 'Math.max(-p * e, (1.0 - p) * e)';
    case 'binaryCrossEntropy':
      return 'Math.max(v, 0.0) - v * t + Math.log(1.0 + Math.exp(-Math.abs(v)))';
    case 'gaussian':
      return '(s + e * e * Math.exp(-s)) / 2.0';
    default:
      return kind satisfies never;
  }
}

/** Its slope by v: the end of a kernel. */
function slopeText({ kind }: ValueLoss): string {
  switch (kind) {
    case 'meanSquaredError':
      return 'return share * 2.0 * e;';
    case 'meanAbsoluteError':
      return 'if (e > 0.0) { return share; }\nif (e < 0.0) { return -share; }\nreturn 0.0;';
    case 'huber':
      return 'return share * Math.min(delta, Math.max(-delta, e));';
    case 'quantile':
      return 'if (e < 0.0) { return -share * p; }\nif (e > 0.0) { return share * (1.0 - p); }\nreturn 0.0;';
    case 'binaryCrossEntropy':
      return `return share * (${sigmoid('v')} - t);`;
    default:
      return '';
  }
}
