/**
 * The smallest backend, in float64: memory and the primitive instructions. Everything else comes from the defaults. Start
 * your own backend from this file.
 */
import type { Kernels, Matrix, MemoryRules } from '../../src/contract/kernels.js';
import * as cell from '../../src/kernels/reference/cell-halves.js';
import { type DenseMatrix, dense } from '../../src/kernels/reference/dense.js';
import * as losses from '../../src/kernels/reference/losses.js';
import { type PrimitiveKernels, withDefaults } from '../../src/kernels/shared/defaults.js';

type Memory = Pick<Kernels, 'memory' | 'alloc' | 'view' | 'free' | 'upload' | 'download' | 'host' | 'dispose'>;

function createMemory(): Memory {
  const bytes = (rows: number, cols: number): number => 8 * rows * cols;
  const allocated = new Set<Matrix>();
  const rules: MemoryRules = { overhead: 0, matrix: bytes, packed: bytes, workspaces: {} };
  const matrix = (rows: number, cols: number, data: Float64Array): DenseMatrix => ({ rows, cols, data });
  return {
    memory: {
      capacity: Number.POSITIVE_INFINITY,
      inUse: () => [...allocated].reduce((sum, { rows, cols }) => sum + bytes(rows, cols), 0),
      rules: async () => rules,
    },
    alloc(rows, cols) {
      const m = matrix(rows, cols, new Float64Array(rows * cols));
      allocated.add(m);
      return m;
    },
    view: (base, offset, rows, cols) =>
      matrix(rows, cols, (dense(base) as Float64Array).subarray(offset, offset + rows * cols)),
    free: (m) => void allocated.delete(m),
    upload: (out, data) => dense(out).set(data),
    download: async (a) => dense(a).slice(),
    host: dense,
    dispose() {},
  };
}

/** Writes f(x of a, y of b, old x of out) to every element of out. */
function each(out: Matrix, [a, b]: readonly Matrix[], f: (x: number, y: number, old: number) => number): void {
  const [o, x, y] = [dense(out), dense(a!), dense(b ?? a!)];
  for (let i = 0; i < o.length; i++) o[i] = f(x[i]!, y[i]!, o[i]!);
}

const elements = {
  copy: (out, a) => each(out, [a], (x) => x),
  multiply: (out, a, b, accumulate) => each(out, [a, b], (x, y, old) => (accumulate ? old : 0) + x * y),
  combine: (out, alpha, a, beta, b) => each(out, [a, b], (x, y) => alpha * x + beta * y),
  maximum: (out, a, b) => each(out, [a, b], (x, y) => Math.max(x, y)),
  sign: (out, a) => each(out, [a], (x) => Math.sign(x)),
  root: (out, a, inside, outside) => each(out, [a], (x) => Math.sqrt(x + inside) + outside),
  addQuotient: (out, scale, a, b) => each(out, [a, b], (x, y, old) => old + (scale * x) / y),
} satisfies Partial<Kernels>;

const gemm: Kernels['gemm'] = (out, a, b, { transA = false, transB = false, accumulate = false } = {}) => {
  const [o, x, y] = [dense(out), dense(a), dense(b)];
  const K = transA ? a.rows : a.cols;
  for (let r = 0; r < out.rows; r++) {
    for (let c = 0; c < out.cols; c++) {
      let sum = accumulate ? o[r * out.cols + c]! : 0;
      for (let k = 0; k < K; k++) {
        sum += x[transA ? k * a.cols + r : r * a.cols + k]! * y[transB ? c * b.cols + k : k * b.cols + c]!;
      }
      o[r * out.cols + c] = sum;
    }
  }
};

/** The cell and the losses come from the reference, whose matrices have the same layout. */
export function createMinimal(): Kernels {
  const backend: PrimitiveKernels = {
    name: 'minimal',
    precision: 'float64',
    ...createMemory(),
    ...elements,
    gemm,
    ...cell,
    softmaxCrossEntropy: losses.softmaxCrossEntropy,
    valueLoss: losses.valueLoss,
    valueLossGrad: losses.valueLossGrad,
    ctc: losses.ctc,
  };
  return withDefaults(backend);
}
