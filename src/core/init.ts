/** Initialisers: how a weight matrix [rows, cols] = [out, in] starts. */
import { requireNumber, UnspoolError } from '../errors.js';
import type { Rng } from './rng.js';

/**
 * - `zeros`, `ones`
 * - `uniform`: U(-b, b), b = 1/sqrt(fan); the fan is hiddenSize in an LSTM and the input width in a linear layer (what
 *   PyTorch does)
 * - `normal`: N(0, 1)
 * - `xavierUniform`: U(-b, b), b = sqrt(6 / (in + out)); `xavierNormal`: N(0, 2 / (in + out)) (Glorot & Bengio 2010)
 * - `orthogonal`: rows (or columns, the fewer) orthonormal (Saxe et al. 2014)
 * - or an object that says the number: the bound, the standard deviation, the constant
 * In an LSTM the four gates' blocks [H, in] are drawn one by one, each as a matrix of its own.
 */
export type Initialiser =
  | 'zeros'
  | 'ones'
  | 'uniform'
  | 'normal'
  | 'xavierUniform'
  | 'xavierNormal'
  | 'orthogonal'
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'constant'; readonly value: number };

const NAMES = ['zeros', 'ones', 'uniform', 'normal', 'xavierUniform', 'xavierNormal', 'orthogonal'];

/** Throws `INVALID_SETTING` unless `value` is an initialiser. */
export function requireInitialiser(path: string, value: unknown): asserts value is Initialiser {
  if (typeof value === 'string' && NAMES.includes(value)) return;
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    const v = value as Record<string, unknown>;
    if (v.kind === 'uniform') return requireNumber(`${path}.bound`, v.bound, 0, Number.POSITIVE_INFINITY);
    if (v.kind === 'normal') return requireNumber(`${path}.deviation`, v.deviation, 0, Number.POSITIVE_INFINITY);
    if (v.kind === 'constant') return requireNumber(`${path}.value`, v.value, -1e30, 1e30);
  }
  throw new UnspoolError({
    code: 'INVALID_SETTING',
    path,
    problem: `${JSON.stringify(value)} is no initialiser.`,
    help: `Use one of ${NAMES.join(', ')}, or {kind: 'uniform', bound}, {kind: 'normal', deviation}, {kind: 'constant', value}.`,
  });
}

/** Values of a matrix [rows, cols], row-major. `fan` is what `uniform` divides by. */
export function initialise(init: Initialiser, rows: number, cols: number, fan: number, rng: Rng): Float64Array {
  const draw = (next: () => number): Float64Array => Float64Array.from({ length: rows * cols }, next);
  const between = (bound: number): Float64Array => draw(() => (2 * rng.uniform() - 1) * bound);
  if (typeof init === 'object') {
    if (init.kind === 'uniform') return between(init.bound);
    if (init.kind === 'normal') return draw(() => rng.normal() * init.deviation);
    return draw(() => init.value);
  }
  switch (init) {
    case 'zeros':
      return new Float64Array(rows * cols);
    case 'ones':
      return draw(() => 1);
    case 'uniform':
      return between(1 / Math.sqrt(fan));
    case 'normal':
      return draw(() => rng.normal());
    case 'xavierUniform':
      return between(Math.sqrt(6 / (rows + cols)));
    case 'xavierNormal':
      return draw(() => rng.normal() * Math.sqrt(2 / (rows + cols)));
    case 'orthogonal':
      return orthogonal(rows, cols, rng);
    default:
      return init satisfies never;
  }
}

/**
 * Gram-Schmidt on random normal vectors; each is orthogonalised twice, because one pass loses digits where vectors are
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
