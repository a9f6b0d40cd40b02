/** What the instructions of `Kernels` are told besides their matrices. */

export interface GemmOptions {
  /** Use A' in place of A. Default false. */
  readonly transA?: boolean;
  /** Use B' in place of B. Default false. */
  readonly transB?: boolean;
  /** out += A B instead of out = A B. Default false. */
  readonly accumulate?: boolean;
}

/** f(x) of a gate, the cell candidate or the output; each slope can be told from f(x) alone. */
export interface Activation {
  readonly kind: ActivationKind;
  /** Meant by `affine` (alpha x + beta), `leakyRelu`, `thresholdedRelu`, `scaledTanh` (alpha tanh(beta x)), `hardSigmoid`, `elu`. */
  readonly alpha: number;
  readonly beta: number;
}

export const ACTIVATIONS = [
  'sigmoid',
  'tanh',
  'identity',
  'relu',
  'affine',
  'leakyRelu',
  'thresholdedRelu',
  'scaledTanh',
  'hardSigmoid',
  'elu',
  'softsign',
  'softplus',
] as const;
export type ActivationKind = (typeof ACTIVATIONS)[number];

/** Which gates a cell has: one of them may be left out (it is 1), or the forget gate be tied to the input gate (f = 1 - i). */
export const GATE_SETS = ['all', 'noInput', 'noForget', 'noOutput', 'coupled'] as const;
export type GateSet = (typeof GATE_SETS)[number];

/** How a cell departs from the standard one. */
export interface CellForm {
  readonly gates: GateSet;
  readonly gate: Activation;
  readonly candidate: Activation;
  readonly output: Activation;
  /** c is cut to [-clip, clip]; infinity for not at all. */
  readonly clip: number;
}

/** Says which random numbers: the same key gives the same ones, on every backend. Whole numbers from 0 to 2^32 - 1. */
export interface NoiseKey {
  readonly seed: number;
  /** Number of the update. */
  readonly update: number;
  /** Which use of noise: each layer and purpose has its own. */
  readonly stream: number;
}

/** Of a mask: with an offset, what a larger mask has from that element on, so that parts of it can be drawn one by one. */
export interface MaskKey extends NoiseKey {
  /** Default 0. */
  readonly offset?: number;
}

export interface CrossEntropyOptions {
  /** Weight of each class, length C. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** Rows with this target count for nothing. Default -1. */
  readonly ignoreIndex?: number;
  /** Share of the target's probability that is spread evenly over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
  /** Average over the (weighted) rows that count, or sum. Default 'mean'. */
  readonly reduction?: 'mean' | 'sum';
}

/**
 * What a cross-entropy's row losses are divided by: the summed weights of the targets that count (of the row, times that of
 * its class), or 1 for a sum.
 */
export function crossEntropyDivisor(
  targets: ArrayLike<number>,
  options: CrossEntropyOptions = {},
  rowWeights: ArrayLike<number> | null = null,
): number {
  if (options.reduction === 'sum') return 1;
  const ignored = options.ignoreIndex ?? -1;
  let total = 0;
  for (let r = 0; r < targets.length; r++) {
    const target = targets[r]!;
    if (target !== ignored) total += (options.classWeights?.[target] ?? 1) * (rowWeights?.[r] ?? 1);
  }
  return total;
}

/** A loss of values, element by element; docs/derivation.md has each with its slope (L2-L7). */
export type ValueLoss =
  | { readonly kind: 'meanSquaredError' }
  | { readonly kind: 'meanAbsoluteError' }
  /** Half the square up to delta, a line from there on. */
  | { readonly kind: 'huber'; readonly delta: number }
  /** y has a column for each quantile of each target: target k's q-th in column k * Q + q. */
  | { readonly kind: 'quantile'; readonly quantiles: readonly number[] }
  /** y are logits, targets in [0, 1]. */
  | { readonly kind: 'binaryCrossEntropy' }
  /** y holds the means, then as many logarithms of variances. */
  | { readonly kind: 'gaussian' };

/** In this order the backends number them. */
export const VALUE_LOSSES = [
  'meanSquaredError',
  'meanAbsoluteError',
  'huber',
  'quantile',
  'binaryCrossEntropy',
  'gaussian',
] as const satisfies readonly ValueLoss['kind'][];

/** 1 over what the summed losses of all elements are divided by: the weight of all rows times the terms of one; 0 for none. */
export function valueLossScale(terms: number, rows: number, rowWeights: ArrayLike<number> | null): number {
  let total = rowWeights ? 0 : rows;
  if (rowWeights) for (let r = 0; r < rows; r++) total += rowWeights[r]!;
  return total === 0 ? 0 : 1 / (total * terms);
}

/** Connectionist temporal classification: what its instruction needs besides the logits (T*N, C). */
export interface CtcTargets {
  readonly steps: number; // T
  readonly batchSize: number; // N
  /** N rows of S labels, -1 past the end of each. */
  readonly labels: Int32Array;
  /** Steps of each row. */
  readonly lengths: ArrayLike<number>;
  readonly blank: number;
  readonly reduction: 'mean' | 'sum';
  /** A sequence that its labels do not fit into counts as 0, with no gradient; else the loss is infinite. */
  readonly zeroInfinity: boolean;
}

export interface SgdOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** True at the first update, when the momentum buffer starts as the gradient itself. */
  readonly first: boolean;
}

export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** True: shrink the weights directly (AdamW); false: add the decay to the gradient (Adam with L2). */
  readonly decoupled: boolean;
  /** Number of this update, from 1: corrects the bias of the running means. */
  readonly update: number;
}
