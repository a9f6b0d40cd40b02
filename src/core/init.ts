/** Initializers: how a weight matrix [rows, cols] = [out, in] starts. */
import { invalidSetting, isKeyOf, requireNumber, shown, UnspoolError } from '../errors.js';
import type { Rng } from './rng.js';

/**
 * - `zeros`, `ones`
 * - `uniform`: U(-b, b), b = 1/sqrt(fan); the fan is hiddenSize in an LSTM and the input width in a linear layer (what
 *   PyTorch does)
 * - `normal`: N(0, 1)
 * - `xavierUniform`: U(-b, b), b = sqrt(6 / (in + out)); `xavierNormal`: N(0, 2 / (in + out)) (Glorot & Bengio 2010)
 * - `heUniform`: U(-b, b), b = sqrt(6 / in); `heNormal`: N(0, 2 / in) (He et al. 2015); `lecunUniform`, `lecunNormal`: the
 *   same with 3 and 1 (LeCun et al. 1998)
 * - `orthogonal`: rows (or columns, the fewer) orthonormal (Saxe et al. 2014)
 * - `identity`: 1 on the diagonal, else 0 (Le et al. 2015, for recurrent weights)
 * - or an object that says the number: the bound, the standard deviation (`truncatedNormal` draws anew what is more than two
 *   of them away), the gain, the constant
 * - or a function of the sizes that gives the numbers row by row; a saved model does not say that it was there
 * In an LSTM the four gates' blocks [H, in] are drawn one by one, each as a matrix of its own.
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

const NAMES = [
  'zeros',
  'ones',
  'uniform',
  'normal',
  'xavierUniform',
  'xavierNormal',
  'heUniform',
  'heNormal',
  'lecunUniform',
  'lecunNormal',
  'orthogonal',
  'identity',
];

const ENDLESS = Number.POSITIVE_INFINITY;

/** The number that each kind of object needs, and its bounds. */
const NUMBERS: Readonly<Record<string, readonly [key: string, least: number, largest: number]>> = {
  uniform: ['bound', 0, ENDLESS],
  normal: ['std', 0, ENDLESS],
  truncatedNormal: ['std', 0, ENDLESS],
  orthogonal: ['gain', 0, ENDLESS],
  constant: ['value', -1e30, 1e30],
};

/** Throws `INVALID_SETTING` unless `value` is an initializer. */
export function requireInitializer(path: string, value: unknown): asserts value is Initializer {
  if (typeof value === 'string' && NAMES.includes(value)) return;
  if (typeof value === 'function') return;
  if (typeof value === 'object' && value !== null && 'kind' in value) {
    const { kind } = value as { readonly kind: unknown };
    const needs = isKeyOf(NUMBERS, kind) ? NUMBERS[kind] : undefined;
    if (needs) {
      const [key, least, largest] = needs;
      requireNumber(`${path}.${key}`, (value as Record<string, unknown>)[key] as number, least, largest);
      return;
    }
  }
  throw invalidSetting(
    path,
    `unknown initializer ${shown(value)}.`,
    `Use one of ${NAMES.join(', ')}, a function, or {kind, ...} with ${Object.entries(NUMBERS)
      .map(([kind, [key]]) => `${kind}: ${key}`)
      .join(', ')}.`,
  );
}

/** Values of a matrix [rows, cols], row-major. `fan` is what `uniform` divides by. */
export function initialize(init: Initializer, rows: number, cols: number, fan: number, rng: Rng): Float64Array {
  const draw = (next: () => number): Float64Array => Float64Array.from({ length: rows * cols }, next);
  const between = (bound: number): Float64Array => draw(() => (2 * rng.uniform() - 1) * bound);
  const around = (std: number): Float64Array => draw(() => rng.normal() * std);
  if (typeof init === 'function') return drawn(init(rows, cols, rng), rows, cols);
  if (typeof init === 'object') {
    switch (init.kind) {
      case 'uniform':
        return between(init.bound);
      case 'normal':
        return around(init.std);
      case 'truncatedNormal':
        return draw(() => truncated(rng) * init.std);
      case 'orthogonal':
        return orthogonal(rows, cols, rng).map((w) => w * init.gain);
      case 'constant':
        return draw(() => init.value);
      default:
        return init satisfies never;
    }
  }
  switch (init) {
    case 'zeros':
      return new Float64Array(rows * cols);
    case 'ones':
      return draw(() => 1);
    case 'uniform':
      return between(1 / Math.sqrt(fan));
    case 'normal':
      return around(1);
    case 'xavierUniform':
      return between(Math.sqrt(6 / (rows + cols)));
    case 'xavierNormal':
      return around(Math.sqrt(2 / (rows + cols)));
    case 'heUniform':
      return between(Math.sqrt(6 / cols));
    case 'heNormal':
      return around(Math.sqrt(2 / cols));
    case 'lecunUniform':
      return between(Math.sqrt(3 / cols));
    case 'lecunNormal':
      return around(Math.sqrt(1 / cols));
    case 'orthogonal':
      return orthogonal(rows, cols, rng);
    case 'identity':
      return Float64Array.from({ length: rows * cols }, (_, at) => (Math.floor(at / cols) === at % cols ? 1 : 0));
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

/** What a function of the user's gave. */
function drawn(values: ArrayLike<number>, rows: number, cols: number): Float64Array {
  if (values?.length !== rows * cols) {
    throw new UnspoolError({
      code: 'SHAPE_MISMATCH',
      op: 'init',
      tensor: 'the result of the initializer',
      expected: [rows, cols],
      actual: [values?.length ?? 0],
      help: 'Return all numbers of the matrix, row by row. For an LSTM the function is called once per gate.',
    });
  }
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
