/** The initializers that no default setting names. They are loaded with the other variants. */
import { requireList, requireValues } from '../checks.js';
import { UnspoolError } from '../errors.js';
import type { Fill, RareInitializers } from './init.js';
import type { Rng } from './rng.js';

/** Initializers without settings. */
const NAMED = {
  xavierUniform: (m: Fill) => m.uniform(Math.sqrt(6 / (m.rows + m.cols))),
  xavierNormal: (m: Fill) => m.normal(Math.sqrt(2 / (m.rows + m.cols))),
  heUniform: (m: Fill) => m.uniform(Math.sqrt(6 / m.cols)),
  heNormal: (m: Fill) => m.normal(Math.sqrt(2 / m.cols)),
  lecunUniform: (m: Fill) => m.uniform(Math.sqrt(3 / m.cols)),
  lecunNormal: (m: Fill) => m.normal(Math.sqrt(1 / m.cols)),
  orthogonal: ({ rows, cols, rng }: Fill) => orthogonal(rows, cols, rng),
  identity: (m: Fill) => m.each((at) => (Math.floor(at / m.cols) === at % m.cols ? 1 : 0)),
};

/** The names of all initializers without settings. */
export const INITIALIZER_NAMES = ['zeros', 'ones', 'uniform', 'normal', ...Object.keys(NAMED)];

export const rareInitializers: RareInitializers = (init, m) => {
  const { rows, cols, rng } = m;
  if (typeof init === 'function') return drawn(init(rows, cols, rng), rows, cols);
  if (typeof init === 'string') return NAMED[init](m);
  switch (init.kind) {
    case 'uniform':
      return m.uniform(init.bound);
    case 'normal':
      return m.normal(init.std);
    case 'truncatedNormal':
      return m.each(() => truncated(rng) * init.std);
    case 'orthogonal':
      return orthogonal(rows, cols, rng).map((w) => w * init.gain);
    case 'constant':
      return m.each(() => init.value);
    default:
      return init satisfies never;
  }
};

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
