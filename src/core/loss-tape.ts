/** The buffers of a loss over a model's output, and its passes. */
import type { Kernels, Matrix, ValueLoss } from '../contract/kernels.js';
import { UnspoolError } from '../errors.js';
import { frozenCopy } from './copies.js';
import { type CrossEntropySpec, type CtcSpec, type LossChoice, type LossSpec, requireLoss } from './losses.js';
import type { PassShape } from './pass.js';
import { type CountedRows, type OutputRows, readTargets, targetWidth } from './targets.js';

/** The loss's part of a tape. */
export interface LossTape {
  readonly spec: LossSpec;
  /** (1,1) */
  readonly value: Matrix;
  /** Softmax of the logits for `crossEntropy`, (rows, classes). */
  readonly probabilities: Matrix | null;
  /** Reads the targets and the weight of each row of the output; null: 1 each. */
  forward(targets: ArrayLike<number>, weights?: ArrayLike<number> | null, rows?: CountedRows): void;
  /** Writes dL/dy into the output's gradient. Needs the forward pass. */
  backward(): void;
  /** Throws `INVALID_DATA` if the targets make the loss infinite. */
  requireFinite?(): void;
  free(): void;
}

/** Allocates the buffers of the CTC loss: `ctcTape` of ctc-tape.ts. */
export type CtcMaker = (k: Kernels, spec: CtcSpec, y: Matrix, dy: Matrix | null, output: OutputRows) => LossTape;

/** Allocates the buffers of a loss over a model's output `y` (T*N, width). `backward` writes `dy`, unless it is null. */
export function lossTape(
  k: Kernels,
  choice: LossChoice,
  y: Matrix,
  dy: Matrix | null,
  shape: PassShape,
  makeCtc: CtcMaker,
): LossTape {
  const spec = frozenCopy(requireLoss(choice));
  const { steps, batchSize } = shape;
  const output = { steps, batchSize, width: y.cols };
  if (spec.kind === 'crossEntropy') return classTape(k, spec, y, dy, output);
  if (spec.kind === 'ctc') return makeCtc(k, spec, y, dy, output);
  return valueTape(k, spec, y, dy, output);
}

function classTape(k: Kernels, spec: CrossEntropySpec, y: Matrix, dy: Matrix | null, output: OutputRows): LossTape {
  if (spec.classWeights && spec.classWeights.length !== y.cols) {
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'crossEntropy',
      tensor: 'classWeights',
      expected: [y.cols],
      actual: [spec.classWeights.length],
      help: 'Pass one weight per class.',
    });
  }
  const value = k.alloc(1, 1);
  const probabilities = k.alloc(y.rows, y.cols);
  const classes = new Int32Array(y.rows);
  let rowWeights: ArrayLike<number> | null = null;
  return {
    spec,
    value,
    probabilities,
    forward(targets, weights = null, rows = {}) {
      const read = readTargets(spec, withOrder(output, rows), targets, weights);
      classes.set(read.targets);
      rowWeights = read.rowWeights;
      k.softmaxCrossEntropy(value, probabilities, y, { classes, rowWeights }, spec);
    },
    backward() {
      if (dy) k.softmaxCrossEntropyGrad(dy, probabilities, { classes, rowWeights }, spec);
    },
    free() {
      k.free(value);
      k.free(probabilities);
    },
  };
}

/** The rows of an output, as the caller orders and counts them. One literal: a spread of both takes a microsecond. */
const withOrder = ({ steps, batchSize, width }: OutputRows, { batchFirst, lengths = null }: CountedRows) => ({
  steps,
  batchSize,
  width,
  batchFirst,
  lengths,
});

function valueTape(k: Kernels, spec: ValueLoss, y: Matrix, dy: Matrix | null, output: OutputRows): LossTape {
  const width = targetWidth(spec, y.cols);
  const value = k.alloc(1, 1);
  const wanted = k.alloc(y.rows, width);
  let rowWeights: ArrayLike<number> | null = null;
  return {
    spec,
    value,
    probabilities: null,
    forward(targets, weights = null, rows = {}) {
      const read = readTargets(spec, withOrder(output, rows), targets, weights);
      k.upload(wanted, read.targets);
      rowWeights = read.rowWeights;
      k.valueLoss(value, y, { values: wanted, rowWeights }, spec);
    },
    backward() {
      if (dy) k.valueLossGrad(dy, y, { values: wanted, rowWeights }, spec);
    },
    free() {
      k.free(value);
      k.free(wanted);
    },
  };
}
