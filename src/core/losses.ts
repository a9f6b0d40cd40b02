/** Losses over a model's output: which one, what it needs as targets, and the room that it works in. */
import { requireNumber, UnspoolError } from '../errors.js';
import { type CrossEntropyOptions, crossEntropyDivisor, type Kernels, type Matrix } from './kernels.js';

export type LossSpec =
  /** Softmax cross-entropy; targets are class numbers, one a row of the output. In nats. */
  | ({ readonly kind: 'crossEntropy' } & CrossEntropyOptions)
  /** Mean of the squared differences over all elements; targets have the output's shape. */
  | { readonly kind: 'meanSquaredError' }
  /** Mean sigmoid cross-entropy over all elements; targets in [0, 1], in the output's shape. In nats. */
  | { readonly kind: 'binaryCrossEntropy' };

/** A loss by its name alone, or with its settings. */
export type LossChoice = LossSpec['kind'] | LossSpec;

const LOSSES = ['crossEntropy', 'meanSquaredError', 'binaryCrossEntropy'];

/** Throws `INVALID_SETTING` unless `choice` names a loss with settings that it can work with. */
export function requireLoss(choice: LossChoice): LossSpec {
  const spec = typeof choice === 'string' ? ({ kind: choice } as LossSpec) : choice;
  if (!LOSSES.includes(spec?.kind)) {
    throw new UnspoolError({
      code: 'INVALID_SETTING',
      path: 'loss',
      problem: `${JSON.stringify(choice)} is no loss.`,
      help: `Use one of ${LOSSES.join(', ')}.`,
    });
  }
  if (spec.kind === 'crossEntropy') {
    if (spec.labelSmoothing !== undefined) requireNumber('loss.labelSmoothing', spec.labelSmoothing, 0, 1);
    spec.classWeights?.forEach((w, i) => {
      requireNumber(`loss.classWeights[${i}]`, w, 0, Number.POSITIVE_INFINITY);
    });
  }
  return spec;
}

/**
 * How much a batch's mean loss weighs in the mean over several batches: what it was divided by. A loss that sums counts
 * as its mean.
 */
export function lossWeight(spec: LossSpec, targets: ArrayLike<number>): number {
  if (spec.kind !== 'crossEntropy') return targets.length;
  return crossEntropyDivisor(targets, { ...spec, reduction: 'mean' });
}

/** The loss's part of a tape. */
export interface LossTape {
  readonly spec: LossSpec;
  /** (1,1) */
  readonly value: Matrix;
  /** Softmax of the logits for `crossEntropy`, (rows, classes). */
  readonly probabilities: Matrix | null;
  forward(targets: ArrayLike<number>): void;
  /** Writes dL/dy into the output's gradient. Needs the forward pass. */
  backward(): void;
  free(): void;
}

/** Lays the loss over a model's output `y` (rows, width), and its gradient where `dy` is given. */
export function lossTape(k: Kernels, choice: LossChoice, y: Matrix, dy: Matrix | null): LossTape {
  const spec = requireLoss(choice);
  return spec.kind === 'crossEntropy' ? classTape(k, spec, y, dy) : valueTape(k, spec, y, dy);
}

function classTape(k: Kernels, spec: LossSpec & { kind: 'crossEntropy' }, y: Matrix, dy: Matrix | null): LossTape {
  const value = k.alloc(1, 1);
  const probabilities = k.alloc(y.rows, y.cols);
  const classes = new Int32Array(y.rows);
  if (spec.classWeights && spec.classWeights.length !== y.cols) {
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'crossEntropy',
      tensor: 'classWeights',
      expected: [y.cols],
      actual: [spec.classWeights.length],
      help: 'Give one weight a class.',
    });
  }
  return {
    spec,
    value,
    probabilities,
    forward(targets) {
      requireCount('crossEntropy', targets, [y.rows]);
      requireTokens('target', targets, y.cols, spec.ignoreIndex ?? -1);
      classes.set(targets);
      k.softmaxCrossEntropy(value, probabilities, y, classes, spec);
    },
    backward() {
      if (dy) k.softmaxCrossEntropyGrad(dy, probabilities, classes, spec);
    },
    free() {
      k.free(value);
      k.free(probabilities);
    },
  };
}

function valueTape(k: Kernels, spec: LossSpec, y: Matrix, dy: Matrix | null): LossTape {
  const value = k.alloc(1, 1);
  const wanted = k.alloc(y.rows, y.cols);
  const squared = spec.kind === 'meanSquaredError';
  return {
    spec,
    value,
    probabilities: null,
    forward(targets) {
      requireCount(spec.kind, targets, [y.rows, y.cols]);
      k.upload(wanted, targets);
      if (squared) k.meanSquaredError(value, y, wanted);
      else k.binaryCrossEntropy(value, y, wanted);
    },
    backward() {
      if (!dy) return;
      if (squared) k.meanSquaredErrorGrad(dy, y, wanted);
      else k.binaryCrossEntropyGrad(dy, y, wanted);
    },
    free() {
      k.free(value);
      k.free(wanted);
    },
  };
}

function requireCount(op: string, targets: ArrayLike<number>, expected: readonly number[]): void {
  if (targets.length === expected.reduce((a, b) => a * b, 1)) return;
  throw new UnspoolError({
    code: 'SHAPE_MISMATCH',
    op,
    tensor: 'targets',
    expected,
    actual: [targets.length],
    help: "Rows are time-major: row t*N + n is step t of sequence n; after `returns: 'last'` there is one a sequence.",
  });
}

/** Throws `INVALID_DATA` for the first number that is no whole number in [0, size), `ignored` apart. */
export function requireTokens(what: string, ids: ArrayLike<number>, size: number, ignored?: number): void {
  for (let r = 0; r < ids.length; r++) {
    const id = ids[r]!;
    if (id !== ignored && !(Number.isInteger(id) && id >= 0 && id < size)) {
      throw new UnspoolError({
        code: 'INVALID_DATA',
        what: `${what} ${r}`,
        problem: `${id} is no whole number from 0 to ${size - 1}.`,
      });
    }
  }
}
