/** Initializers of a weight matrix [rows, cols] = [out, in]. initializers.ts has those that no default setting names. */
import { invalidSetting } from '../errors.js';
import type { Rng } from './rng.js';

/**
 * The initial values of a weight matrix:
 * - `zeros`, `ones`
 * - `uniform`: U(-b, b), b = 1/sqrt(fan); the fan is hiddenSize in an LSTM and the input width in a linear layer, as in
 *   PyTorch
 * - `normal`: N(0, 1)
 * - `xavierUniform`: U(-b, b), b = sqrt(6 / (in + out)); `xavierNormal`: N(0, 2 / (in + out)) (Glorot & Bengio 2010)
 * - `heUniform`: U(-b, b), b = sqrt(6 / in); `heNormal`: N(0, 2 / in) (He et al. 2015); `lecunUniform`, `lecunNormal`: the
 *   same with 3 and 1 (LeCun et al. 1998)
 * - `orthogonal`: rows or columns, whichever are fewer, are orthonormal (Saxe et al. 2014)
 * - `identity`: 1 on the diagonal, 0 elsewhere (Le et al. 2015, for recurrent weights)
 * - or an object with a number: the bound, the standard deviation (`truncatedNormal` redraws numbers more than two
 *   standard deviations from 0), the gain, the constant
 * - or a function of the sizes that returns the numbers row by row; it is not saved with the model
 * An LSTM initializes the block [H, in] of each gate separately.
 */
export type Initializer =
  | 'zeros'
  | 'ones'
  | 'uniform'
  | 'normal'
  | 'xavierUniform'
  | 'xavierNormal'
  | 'heUniform'
  | 'heNormal'
  | 'lecunUniform'
  | 'lecunNormal'
  | 'orthogonal'
  | 'identity'
  | InitializerFunction
  | { readonly kind: 'truncatedNormal'; readonly std: number }
  | { readonly kind: 'orthogonal'; readonly gain: number }
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'normal'; readonly std: number }
  | { readonly kind: 'constant'; readonly value: number };

/** `rows` times `cols` numbers, row by row. */
export type InitializerFunction = (rows: number, cols: number, rng: Rng) => ArrayLike<number>;

/** A matrix [rows, cols] to fill. */
export interface Shape {
  readonly rows: number;
  readonly cols: number;
  /** What `uniform` divides by. */
  readonly fan: number;
  readonly rng: Rng;
}

/** A matrix to fill, with the usual ways to do it. */
export interface Fill extends Shape {
  /** Element number `at` is `next(at)`. */
  each(next: (at: number) => number): Float64Array;
  /** U(-bound, bound) */
  uniform(bound: number): Float64Array;
  /** N(0, std^2) */
  normal(std: number): Float64Array;
}

/** The initializers that no default setting names. */
export type RareInitializers = (init: Exclude<Initializer, DefaultInitializer>, m: Fill) => Float64Array;
type DefaultInitializer = 'zeros' | 'ones' | 'uniform' | 'normal';

/** Values of a matrix, row-major. */
export function initialize(init: Initializer, shape: Shape, rare: RareInitializers | undefined): Float64Array {
  const { rows, cols, fan, rng } = shape;
  const each: Fill['each'] = (next) => Float64Array.from({ length: rows * cols }, (_, at) => next(at));
  const uniform = (bound: number): Float64Array => each(() => (2 * rng.uniform() - 1) * bound);
  const normal = (std: number): Float64Array => each(() => rng.normal() * std);
  if (init === 'zeros') return each(() => 0);
  if (init === 'ones') return each(() => 1);
  if (init === 'uniform') return uniform(1 / Math.sqrt(fan));
  if (init === 'normal') return normal(1);
  if (rare) return rare(init, { ...shape, each, uniform, normal });
  throw invalidSetting('init', 'needs code that is not loaded.', 'Make the model with createModel().');
}
