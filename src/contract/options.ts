/** The settings of the instructions of `Kernels`, and the scalars that backends derive from them. */

export interface GemmOptions {
  /** Use A' in place of A. Default false. */
  readonly transA?: boolean;
  /** Use B' in place of B. Default false. */
  readonly transB?: boolean;
  /** out += A B instead of out = A B. Default false. */
  readonly accumulate?: boolean;
}

/** f(x) of a gate, the cell candidate or the output. Each slope f'(x) is a function of f(x) alone. */
export interface Activation {
  readonly kind: ActivationKind;
  /** Used by `affine` (alpha x + beta), `leakyRelu`, `thresholdedRelu`, `scaledTanh` (alpha tanh(beta x)), `hardSigmoid`, `elu`. */
  readonly alpha: number;
  readonly beta: number;
}

/** The names of all activations. Backends number them in this order. */
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
/** Name of an activation. */
export type ActivationKind = (typeof ACTIVATIONS)[number];

/** The gates of a cell: all; without one of them (it is 1); or with the forget gate coupled to the input gate (f = 1 - i). */
export const GATE_SETS = ['all', 'noInput', 'noForget', 'noOutput', 'coupled'] as const;
/** Name of a set of gates. */
export type GateSet = (typeof GATE_SETS)[number];

/** Gates, activations and clipping of a cell. */
export interface CellVariant {
  readonly gates: GateSet;
  readonly gate: Activation;
  readonly candidate: Activation;
  readonly output: Activation;
  /** c is limited to [-clip, clip]; infinity: no limit. */
  readonly clip: number;
}

/** Key of a sequence of random numbers, equal on every backend. Integers from 0 to 2^32 - 1. */
export interface NoiseKey {
  readonly seed: number;
  /** Number of the optimizer update. */
  readonly update: number;
  /** One number per layer and purpose. */
  readonly stream: number;
}

/** Key of a mask. With an offset, the mask is the part of a larger mask that starts at that element. */
export interface MaskKey extends NoiseKey {
  /** Default 0. */
  readonly offset?: number;
}

/** The two values of a random mask, and the probability of the first. */
export interface BernoulliOptions {
  /** From 0 to 1. */
  readonly probability: number;
  readonly hit: number;
  readonly miss: number;
}

/** The block of the generator that contains the word of an element, and the index of the word in the block, from 0 to 3. */
export const blockOf = (element: number): [block: number, word: number] => [Math.floor(element / 4), element % 4];

/** A random word below this threshold is a hit, which has the given probability. */
export const hitsBelow = (probability: number): number => Math.min(Math.floor(probability * 2 ** 32), 2 ** 32 - 1);

/** Columns that `copyColumns` copies. */
export interface ColumnRange {
  /** First column of the source. */
  readonly from: number;
  /** First column of the destination. */
  readonly to: number;
  readonly count: number;
}

/** What `softmaxCrossEntropy` compares its logits with. */
export interface ClassTargets {
  /** One class index per row. */
  readonly classes: Int32Array;
  /** How much each row counts; null: 1 each. */
  readonly rowWeights: ArrayLike<number> | null;
}

/** Settings of the cross-entropy loss, with the meaning that PyTorch gives them. */
export interface CrossEntropyOptions {
  /** Weight of each class, length C. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** Rows with this target are ignored. Default -1. */
  readonly ignoreIndex?: number;
  /** Share of the target's probability that is spread evenly over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
  /** Weighted mean over the rows that are not ignored, or their sum. Default 'mean'. */
  readonly reduction?: 'mean' | 'sum';
}

/**
 * Divisor of a cross-entropy's summed row losses: the sum of the weights of all rows that are not ignored (row weight times
 * class weight), or 1 for `reduction: 'sum'`.
 */
export function crossEntropyDivisor(
  { classes, rowWeights }: Pick<ClassTargets, 'rowWeights'> & { readonly classes: ArrayLike<number> },
  options: CrossEntropyOptions = {},
): number {
  if (options.reduction === 'sum') return 1;
  const ignored = options.ignoreIndex ?? -1;
  let total = 0;
  for (let r = 0; r < classes.length; r++) {
    const target = classes[r]!;
    if (target !== ignored) total += (options.classWeights?.[target] ?? 1) * (rowWeights?.[r] ?? 1);
  }
  return total;
}

/** A loss of values, element by element. docs/derivation.md derives each with its slope (L2-L7). */
export type ValueLoss =
  | { readonly kind: 'meanSquaredError' }
  | { readonly kind: 'meanAbsoluteError' }
  /** Half the square up to delta, linear beyond. */
  | { readonly kind: 'huber'; readonly delta: number }
  /** y has one column for each of Q quantiles of each target: column k * Q + q for quantile q of target k. */
  | { readonly kind: 'quantile'; readonly quantiles: readonly number[] }
  /** y are logits, targets in [0, 1]. */
  | { readonly kind: 'binaryCrossEntropy' }
  /** The first half of y's columns are means, the second half are logarithms of variances. */
  | { readonly kind: 'gaussian' };

/** The names of all losses of values. Backends number them in this order. */
export const VALUE_LOSSES = [
  'meanSquaredError',
  'meanAbsoluteError',
  'huber',
  'quantile',
  'binaryCrossEntropy',
  'gaussian',
] as const satisfies readonly ValueLoss['kind'][];

/** Factor that makes the summed losses of all elements their weighted mean: 1 / (sum of row weights * terms per row), or 0 if all weights are 0. */
export function valueLossScale(terms: number, rows: number, rowWeights: ArrayLike<number> | null): number {
  let total = rowWeights ? 0 : rows;
  if (rowWeights) for (let r = 0; r < rows; r++) total += rowWeights[r]!;
  return total === 0 ? 0 : 1 / (total * terms);
}

/** What `ctc` (connectionist temporal classification) compares its logits (T*N, C) with, and its settings. */
export interface CtcTargets {
  readonly steps: number; // T
  readonly batchSize: number; // N
  /** N rows of S labels, -1 past the end of each. */
  readonly labels: Int32Array;
  /** Number of time steps of each sequence. */
  readonly lengths: ArrayLike<number>;
  readonly blank: number;
  readonly reduction: 'mean' | 'sum';
  /** If a sequence is too short for its labels: true makes its loss 0, without a gradient; false makes it infinite. */
  readonly zeroInfinity: boolean;
}

/** Settings of `sgdUpdate`. */
export interface SgdOptions {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** True for the first update, which sets the velocity to the gradient. */
  readonly first: boolean;
}

/** Settings of `adamUpdate`. */
export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** True: weight decay shrinks the weights directly (AdamW). False: it is added to the gradient (Adam with L2). */
  readonly decoupled: boolean;
  /** Number of this update, from 1, for the bias correction. */
  readonly update: number;
}

/** How Adam corrects the bias of its running means at update t, which start at 0. */
export interface BiasCorrection {
  /** 1 - beta1^t: m / mean is the corrected mean. */
  readonly mean: number;
  /** sqrt(1 - beta2^t): sqrt(v) / root is the root of the corrected mean of squares. */
  readonly root: number;
}

/** Adam's bias correction (Kingma & Ba 2015, section 3) at an update, counted from 1. */
export function biasCorrection(beta1: number, beta2: number, update: number): BiasCorrection {
  return { mean: 1 - beta1 ** update, root: Math.sqrt(1 - beta2 ** update) };
}

/** The scalars of `adamUpdate`, which every backend needs. */
export interface AdamScalars {
  /** learningRate / (1 - beta1^t) */
  readonly stepSize: number;
  /** sqrt(1 - beta2^t) */
  readonly root: number;
  /** Factor on the weights: 1 - learningRate * weightDecay for AdamW, else 1. */
  readonly shrink: number;
  /** What the gradient gets of the weights: weightDecay for Adam, 0 for AdamW. */
  readonly l2: number;
}

/** Computes the scalars of `adamUpdate`. */
export function adamScalars(options: AdamOptions): AdamScalars {
  const { learningRate, beta1, beta2, weightDecay, decoupled, update } = options;
  const { mean, root } = biasCorrection(beta1, beta2, update);
  return {
    stepSize: learningRate / mean,
    root,
    shrink: decoupled ? 1 - learningRate * weightDecay : 1,
    l2: decoupled ? 0 : weightDecay,
  };
}
