/** The losses, each with its derivative (L1)-(L8). */
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
import { sizeOf } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import { type Piece, pieceOf } from '../record/values.js';
import { SCALAR_LANES } from '../shaders/lanes.js';
import * as shaders from '../shaders/losses.js';
import { ctc } from './ctc.js';
import { sumOf } from './sums.js';

type Losses = Pick<Kernels, 'softmaxCrossEntropy' | 'softmaxCrossEntropyGrad' | 'valueLoss' | 'valueLossGrad' | 'ctc'>;

export function losses(rec: Recorder): Losses {
  const statistics = (z: Matrix): Piece => pieceOf(rec.call(shaders.logitStatistics(z.rows, z.cols), [rec.read(z)]));
  return {
    softmaxCrossEntropy(loss, p, z, targets, options = {}) {
      const { rows: R, cols: C } = z;
      const logits = rec.read(z);
      const stats = statistics(z);
      rec.write(p, rec.call(shaders.softmax(R, C, rec.lanes([logits], R * C, C)), [logits, stats]));
      const weights = rec.fromHost(classWeightsOf(options, C));
      const { labelSmoothing = 0 } = options;
      const inputs = [
        ...[logits, stats, rec.fromHost(indices(targets.classes, C)), weights],
        rec.fromHost(rowShares(targets, options)),
      ];
      const each = rec.call(shaders.crossEntropy(R, C, labelSmoothing > 0), inputs, [labelSmoothing]);
      rec.write(loss, sumOf(rec, pieceOf(each), R).value);
    },
    softmaxCrossEntropyGrad(dz, p, targets, options = {}) {
      const { rows: R, cols: C } = dz;
      const { classWeights, labelSmoothing = 0 } = options;
      const weights = rec.fromHost(classWeightsOf(options, C));
      const total = classWeights ? classWeights.reduce((a, b) => a + b, 0) : C;
      const probabilities = rec.read(p);
      const program = shaders.crossEntropyGrad(R, C, rec.lanes([probabilities, weights], R * C, C));
      const inputs = [
        ...[probabilities, weights, rec.fromHost(indices(targets.classes, C)), weights],
        rec.fromHost(rowShares(targets, options)),
      ];
      rec.write(dz, rec.call(program, inputs, [labelSmoothing, total]));
    },
    ...valueLosses(rec),
    ctc: (loss, dlogits, logits, targets) => ctc(rec, [loss, dlogits], logits, statistics(logits), targets),
  };
}

function valueLosses(rec: Recorder): Pick<Losses, 'valueLoss' | 'valueLossGrad'> {
  /** Runs a program of a value loss that computes `terms` numbers a row. */
  const run = (
    build: typeof shaders.valueLoss,
    terms: number,
    y: Matrix,
    targets: ValueTargets,
    kind: ValueLoss,
  ): Piece => {
    const shape = { rows: y.rows, cols: y.cols, targets: targets.values.cols, terms };
    const [outputs, values] = [rec.read(y), rec.read(targets.values)];
    const lanes = shaders.isColumnwise(kind) ? rec.lanes([outputs, values], sizeOf(y), y.cols) : SCALAR_LANES;
    const quantiles = kind.kind === 'quantile' ? Float32Array.from(kind.quantiles) : new Float32Array(1);
    const shares = rec.fromHost(valueShares(y, targets, kind));
    const inputs = [outputs, values, shares, rec.fromHost(quantiles)];
    return pieceOf(rec.call(build(shape, kind, lanes), inputs, [kind.kind === 'huber' ? kind.delta : 0]));
  };
  return {
    valueLoss(loss, y, targets, kind) {
      const terms = kind.kind === 'gaussian' ? targets.values.cols : y.cols;
      const each = run(shaders.valueLoss, terms, y, targets, kind);
      rec.write(loss, sumOf(rec, each, y.rows * terms).value);
    },
    valueLossGrad(dy, y, targets, kind) {
      rec.write(dy, run(shaders.valueLossGrad, y.cols, y, targets, kind).value);
    },
  };
}

/** The weight of each row: its own over the divisor, 0 if it is ignored. */
function rowShares(targets: ClassTargets, options: CrossEntropyOptions): Float32Array {
  const { classes, rowWeights } = targets;
  const divisor = crossEntropyDivisor(targets, options);
  const scale = divisor === 0 ? 0 : 1 / divisor;
  const ignored = options.ignoreIndex ?? -1;
  return Float32Array.from(classes, (target, r) => (target === ignored ? 0 : scale * (rowWeights?.[r] ?? 1)));
}

function valueShares(y: Matrix, { values, rowWeights }: ValueTargets, kind: ValueLoss): Float32Array {
  const scale = valueLossScale((kind.kind === 'gaussian' ? values : y).cols, y.rows, rowWeights);
  return Float32Array.from({ length: y.rows }, (_, r) => scale * (rowWeights?.[r] ?? 1));
}

/** Targets that kernels can use as an index, even if the row is ignored. */
const indices = (targets: Int32Array, C: number): Float32Array =>
  Float32Array.from(targets, (t) => (t >= 0 && t < C ? t : 0));

const classWeightsOf = ({ classWeights }: CrossEntropyOptions, C: number): Float32Array =>
  classWeights ? Float32Array.from(classWeights) : new Float32Array(C).fill(1);
