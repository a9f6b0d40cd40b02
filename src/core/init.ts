/** Initializers of a weight matrix [rows, cols] = [out, in]. */
import { requireList, requireValues } from '../checks.js';
import { UnspoolError } from '../errors.js';
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

/** The matrix that an initializer fills. */
interface Fill {
  readonly rows: number;
  readonly cols: number;
  /** What `uniform` divides by. */
  readonly fan: number;
  readonly rng: Rng;
}

const draw = ({ rows, cols }: Fill, next: (at: number) => number): Float64Array =>
  Float64Array.from({ length: rows * cols }, (_, at) => next(at));
const uniform = (m: Fill, bound: number): Float64Array => draw(m, () => (2 * m.rng.uniform() - 1) * bound);
const normal = (m: Fill, std: number): Float64Array => draw(m, () => m.rng.normal() * std);

/** Initializers without settings. */
export const NAMED_INITIALIZERS = {
  zeros: (m: Fill) => draw(m, () => 0),
  ones: (m: Fill) => draw(m, () => 1),
  uniform: (m: Fill) => uniform(m, 1 / Math.sqrt(m.fan)),
  normal: (m: Fill) => normal(m, 1),
  xavierUniform: (m: Fill) => uniform(m, Math.sqrt(6 / (m.rows + m.cols))),
  xavierNormal: (m: Fill) => normal(m, Math.sqrt(2 / (m.rows + m.cols))),
  heUniform: (m: Fill) => uniform(m, Math.sqrt(6 / m.cols)),
  heNormal: (m: Fill) => normal(m, Math.sqrt(2 / m.cols)),
  lecunUniform: (m: Fill) => uniform(m, Math.sqrt(3 / m.cols)),
  lecunNormal: (m: Fill) => normal(m, Math.sqrt(1 / m.cols)),
  orthogonal: ({ rows, cols, rng }: Fill) => orthogonal(rows, cols, rng),
  identity: (m: Fill) => draw(m, (at) => (Math.floor(at / m.cols) === at % m.cols ? 1 : 0)),
};

/** Values of a matrix [rows, cols], row-major. `fan` is what `uniform` divides by. */
export function initialize(init: Initializer, rows: number, cols: number, fan: number, rng: Rng): Float64Array {
  const m: Fill = { rows, cols, fan, rng };
  if (typeof init === 'function') return drawn(init(rows, cols, rng), rows, cols);
  if (typeof init === 'string') return NAMED_INITIALIZERS[init](m);
  switch (init.kind) {
    case 'uniform':
      return uniform(m, init.bound);
    case 'normal':
      return normal(m, init.std);
    case 'truncatedNormal':
      return draw(m, () => truncated(rng) * init.std);
    case 'orthogonal':
      return orthogonal(rows, cols, rng).map((w) => w * init.gain);
    case 'constant':
      return draw(m, () => init.value);
    default:
      return init satisfies never;
  }
}

/** A standard normal number within two deviations. */
function truncated(rng: Rng): number {
  for (;;) {
    const z = rng.normal();
    if (Math.abs(z) <= 2) return z;
  }
}

/** The numbers that an initializer function returned, checked. */
function drawn(values: ArrayLike<number>, rows: number, cols: number): Float64Array {
  requireList('the result of the initializer', values);
  if (values.length !== rows * cols) {
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'init',
      tensor: 'the result of the initializer',
      expected: [rows, cols],
      actual: [values.length],
      help: 'Return all numbers of the matrix, row by row. For an LSTM the function is called once per gate.',
    });
  }
  requireValues('the result of the initializer', values);
  return Float64Array.from(values);
}

/**
 * Gram-Schmidt on random normal vectors; each is orthogonalized twice, because one pass loses digits where vectors are
 * nearly parallel. A random normal matrix has no preferred direction, so the result is uniform over rotations.
 */
function orthogonal(rows: number, cols: number, rng: Rng): Float64Array {
  const count = Math.min(rows, cols);
  const length = Math.max(rows, cols);
  const vectors: Float64Array[] = [];
  while (vectors.length < count) {
    const v = Float64Array.from({ length }, () => rng.normal());
    for (let pass = 0; pass < 2; pass++) {
      for (const u of vectors) {
        let dot = 0;
        for (let k = 0; k < length; k++) dot += u[k]! * v[k]!;
        for (let k = 0; k < length; k++) v[k]! -= dot * u[k]!;
      }
    }
    const norm = Math.hypot(...v);
    vectors.push(v.map((x) => x / norm));
  }
  const byRow = rows <= cols;
  return Float64Array.from({ length: rows * cols }, (_, at) => {
    const [r, c] = [Math.floor(at / cols), at % cols];
    return byRow ? vectors[r]![c]! : vectors[c]![r]!;
  });
}
