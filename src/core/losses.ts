/** Losses over a model's output: their settings, their targets, and the buffers that they need. */

import {
  isKeyOf,
  requireChoice,
  requireInteger,
  requireKeys,
  requireNumber,
  requireOptional,
  shown,
} from '../checks.js';
import type { CrossEntropyOptions, Kernels, Matrix, ValueLoss } from '../contract/kernels.js';
import { invalidData, invalidSetting, UnspoolError } from '../errors.js';
import type { PassShape } from './pass.js';

/** Softmax cross-entropy in nats. Targets are class numbers, one per row of the output. */
export interface CrossEntropySpec extends CrossEntropyOptions {
  readonly kind: 'crossEntropy';
}

/**
 * Connectionist temporal classification (Graves et al. 2006) in nats, for a model with an output per step. Targets are N rows
 * of equally many labels, padded with -1. The mean is taken over a sequence's labels, then over the sequences, as in PyTorch.
 * A sequence with more labels than steps has an infinite loss, or 0 with `zeroInfinity`.
 */
export interface CtcSpec {
  readonly kind: 'ctc';
  /** The class that means "no label". Default 0. */
  readonly blank?: number;
  /** Default 'mean'. */
  readonly reduction?: 'mean' | 'sum';
  /** Default false. */
  readonly zeroInfinity?: boolean;
}

/**
 * A loss with its settings. A `ValueLoss` is a mean over all elements. Its targets have the output's shape, except for
 * `quantile` (one column per Q columns of the output) and `gaussian` (one column per mean and log-variance).
 */
export type LossSpec = CrossEntropySpec | ValueLoss | CtcSpec;

type NeedsNothing = Exclude<LossSpec['kind'], 'huber' | 'quantile'>;

/** A loss: its name, or an object with its settings. */
export type LossChoice = NeedsNothing | LossSpec;

/** The settings of each kind, without `kind`. */
const KEYS: Readonly<Record<LossSpec['kind'], readonly string[]>> = {
  crossEntropy: ['classWeights', 'ignoreIndex', 'labelSmoothing', 'reduction'],
  meanSquaredError: [],
  meanAbsoluteError: [],
  huber: ['delta'],
  quantile: ['quantiles'],
  binaryCrossEntropy: [],
  gaussian: [],
  ctc: ['blank', 'reduction', 'zeroInfinity'],
};

/** Whether the loss has targets and lengths per sequence instead of per row of the output. */
export const goesBySequence = (choice: LossChoice): boolean =>
  (typeof choice === 'string' ? choice : choice.kind) === 'ctc';

/** Throws `INVALID_SETTING` unless `choice` is a loss with valid settings. */
export function requireLoss(choice: LossChoice): LossSpec {
  const spec = typeof choice === 'string' ? ({ kind: choice } as LossSpec) : choice;
  if (!isKeyOf(KEYS, spec?.kind)) {
    throw invalidSetting('loss', `unknown loss ${shown(choice)}.`, `Use one of ${Object.keys(KEYS).join(', ')}.`);
  }
  requireKeys('loss', spec, ['kind', ...KEYS[spec.kind]]);
  if ((spec.kind === 'crossEntropy' || spec.kind === 'ctc') && spec.reduction !== undefined) {
    requireChoice('loss.reduction', spec.reduction, ['mean', 'sum']);
  }
  if (spec.kind === 'crossEntropy') {
    if (spec.labelSmoothing !== undefined) requireNumber('loss.labelSmoothing', spec.labelSmoothing, 0, 1);
    const { classWeights = [], ignoreIndex = 0 } = spec;
    if (!Array.isArray(classWeights))
      throw invalidSetting('loss.classWeights', 'must be a list with one number per class.');
    classWeights.forEach((w, i) => {
      requireNumber(`loss.classWeights[${i}]`, w, 0, Number.POSITIVE_INFINITY);
    });
    requireInteger('loss.ignoreIndex', ignoreIndex, -(2 ** 31), 2 ** 31 - 1);
  }
  if (spec.kind === 'ctc') {
    if (spec.blank !== undefined) requireInteger('loss.blank', spec.blank, 0, 1 << 24);
    requireOptional('loss.zeroInfinity', spec.zeroInfinity, 'boolean');
  }
  if (spec.kind === 'huber') requireNumber('loss.delta', spec.delta, Number.MIN_VALUE, Number.POSITIVE_INFINITY);
  if (spec.kind === 'quantile') {
    if (!Array.isArray(spec.quantiles) || spec.quantiles.length === 0) {
      throw invalidSetting('loss.quantiles', 'must be a list of numbers from 0 to 1.');
    }
    spec.quantiles.forEach((q, i) => {
      requireNumber(`loss.quantiles[${i}]`, q, 0, 1);
    });
  }
  return spec;
}

/** The loss's part of a tape. */
export interface LossTape {
  readonly spec: LossSpec;
  /** (1,1) */
  readonly value: Matrix;
  /** Softmax of the logits for `crossEntropy`, (rows, classes). */
  readonly probabilities: Matrix | null;
  /** `weights`: the weight of each row of the output; null: 1 each. `lengths`: the steps of each sequence. */
  forward(targets: ArrayLike<number>, weights?: ArrayLike<number> | null, lengths?: ArrayLike<number> | null): void;
  /** Writes dL/dy into the output's gradient. Needs the forward pass. */
  backward(): void;
  free(): void;
}

/** Allocates the buffers of a loss over a model's output `y` (T*N, width). `backward` writes `dy`, unless it is null. */
export function lossTape(k: Kernels, choice: LossChoice, y: Matrix, dy: Matrix | null, shape: PassShape): LossTape {
  const spec = requireLoss(choice);
  if (spec.kind === 'crossEntropy') return classTape(k, spec, y, dy);
  if (spec.kind === 'ctc') return ctcTape(k, spec, y, dy, shape);
  return valueTape(k, spec, y, dy);
}

function classTape(k: Kernels, spec: CrossEntropySpec, y: Matrix, dy: Matrix | null): LossTape {
  const value = k.alloc(1, 1);
  const probabilities = k.alloc(y.rows, y.cols);
  const classes = new Int32Array(y.rows);
  let rowWeights: ArrayLike<number> | null = null;
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
  return {
    spec,
    value,
    probabilities,
    forward(targets, weights = null) {
      requireCount('crossEntropy', 'targets', targets, [y.rows]);
      requireWeights(weights, y.rows);
      requireTokens('target', targets, y.cols, spec.ignoreIndex ?? -1);
      classes.set(targets);
      rowWeights = weights;
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

/** Columns of the targets for an output of `width` columns. */
export function targetWidth(spec: ValueLoss, width: number): number {
  const each = spec.kind === 'quantile' ? spec.quantiles.length : spec.kind === 'gaussian' ? 2 : 1;
  if (width % each === 0) return width / each;
  const what = spec.kind === 'gaussian' ? 'a mean and a log-variance' : `${each} quantiles`;
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op: spec.kind,
    tensor: 'the output (its width)',
    expected: [each * Math.ceil(width / each)],
    actual: [width],
    help: `The output needs ${what} per target: make the size of the last layer a multiple of ${each}.`,
  });
}

function valueTape(k: Kernels, spec: ValueLoss, y: Matrix, dy: Matrix | null): LossTape {
  const width = targetWidth(spec, y.cols);
  const value = k.alloc(1, 1);
  const wanted = k.alloc(y.rows, width);
  let rowWeights: ArrayLike<number> | null = null;
  return {
    spec,
    value,
    probabilities: null,
    forward(targets, weights = null) {
      requireCount(spec.kind, 'targets', targets, [y.rows, width]);
      requireWeights(weights, y.rows);
      k.upload(wanted, targets);
      rowWeights = weights;
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

function ctcTape(k: Kernels, spec: CtcSpec, y: Matrix, dy: Matrix | null, shape: PassShape): LossTape {
  const { steps, batchSize } = shape;
  const { blank = 0, reduction = 'mean', zeroInfinity = false } = spec;
  requireInteger('loss.blank', blank, 0, y.cols - 1);
  const value = k.alloc(1, 1);
  const gradient = k.alloc(y.rows, y.cols);
  return {
    spec,
    value,
    probabilities: null,
    forward(targets, weights = null, lengths = null) {
      if (weights)
        throw invalidSetting(
          'weights',
          'are not supported by ctc.',
          'Pass the number of steps of each sequence as lengths.',
        );
      if (targets.length === 0 || targets.length % batchSize !== 0) {
        requireCount('ctc', 'targets', targets, [batchSize, Math.max(1, Math.ceil(targets.length / batchSize))]);
      }
      requireTokens('label', targets, y.cols, -1);
      const labels = Int32Array.from(targets);
      const at = labels.indexOf(blank);
      if (at >= 0) {
        const problem = `is ${blank}, the blank, which ctc inserts between labels itself.`;
        throw invalidData(`label ${at}`, problem);
      }
      const own = lengths ?? new Array<number>(batchSize).fill(steps);
      k.ctc(value, gradient, y, { steps, batchSize, labels, lengths: own, blank, reduction, zeroInfinity });
    },
    backward() {
      if (dy) k.copy(dy, gradient);
    },
    free() {
      k.free(value);
      k.free(gradient);
    },
  };
}

function requireCount(op: string, tensor: string, values: ArrayLike<number>, expected: readonly number[]): void {
  if (values.length === expected.reduce((a, b) => a * b, 1)) return;
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op,
    tensor,
    expected,
    actual: [values.length],
    help: "Rows are time-major: row t*N + n is step t of sequence n. After `returns: 'last'` each sequence has one row.",
  });
}

function requireWeights(weights: ArrayLike<number> | null, rows: number): void {
  if (!weights) return;
  requireCount('loss', 'weights', weights, [rows]);
  for (let r = 0; r < weights.length; r++) {
    if (weights[r]! >= 0 && Number.isFinite(weights[r]!)) continue;
    const problem = `must be a number of at least 0, got ${weights[r]}.`;
    throw invalidData(`weight ${r}`, problem);
  }
}

/** Throws `INVALID_DATA` for the first number that is neither an integer in [0, size) nor `ignored`. */
export function requireTokens(what: string, ids: ArrayLike<number>, size: number, ignored?: number): void {
  for (let r = 0; r < ids.length; r++) {
    const id = ids[r]!;
    if (id !== ignored && !(Number.isInteger(id) && id >= 0 && id < size)) {
      throw invalidData(`${what} ${r}`, `must be an integer from 0 to ${size - 1}, got ${id}.`);
    }
  }
}
