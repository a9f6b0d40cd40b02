/**
 * Default implementations: instructions composed from others. A new backend implements the primitive ones, gets the rest
 * from `withDefaults`, and replaces them one by one where speed matters. test/kernels/minimal.ts is an example.
 *
 * The defaults allocate temporary matrices, which `MemoryRules` does not count.
 */
import { type CellArguments, hitsBelow, type Kernels, type Matrix, type PackedMatrix } from '../../contract/kernels.js';
import { addNormalsTo, eachWord } from './philox.js';
import { rowPart, scoped, sizeOf } from './temporaries.js';
import { clippingDefaults, lossDefaults, normDefaults, updateDefaults } from './training-defaults.js';

/** A matrix and whether it is packed transposed: a copy without a special layout. */
interface CopiedOperand extends PackedMatrix {
  readonly matrix: Matrix;
  transB: boolean;
}

function productDefaults(k: Kernels) {
  return {
    allocPacked: (rows, cols): CopiedOperand => ({ rows, cols, matrix: k.alloc(rows, cols), transB: false }),
    pack(out, b, transB) {
      const packed = out as CopiedOperand;
      packed.transB = transB;
      k.copy(k.view(packed.matrix, 0, b.rows, b.cols), b);
    },
    gemmPacked(out, a, b, accumulate) {
      const { matrix, rows, cols, transB } = b as CopiedOperand;
      k.gemm(out, a, transB ? k.view(matrix, 0, cols, rows) : matrix, { transB, accumulate });
    },
  } satisfies Partial<Kernels>;
}

function rowDefaults(k: Kernels) {
  return {
    fillRows: (out, row) => scoped(k, (temporary) => k.gemm(out, temporary(out.rows, 1, 1), row)),
    sumRows: (out, a) => scoped(k, (temporary) => k.gemm(out, temporary(1, a.rows, 1), a, { accumulate: true })),
    gatherRows(out, table, ids) {
      for (let r = 0; r < out.rows; r++) k.copy(rowPart(k, out, r), rowPart(k, table, ids[r]!));
    },
    scatterAddRows(table, ids, a) {
      for (let r = 0; r < a.rows; r++) {
        const sum = rowPart(k, table, ids[r]!);
        k.add(sum, sum, rowPart(k, a, r));
      }
    },
    scaleRows(out, a, factors, accumulate) {
      scoped(k, (temporary) => {
        const spread = temporary(a.rows, a.cols);
        k.gemm(spread, factors, temporary(1, a.cols, 1));
        k.multiply(out, a, spread, accumulate);
      });
    },
    copyColumns(out, a, { from, to, count }, accumulate) {
      for (let r = 0; r < out.rows; r++) {
        const [target, source] = [rowPart(k, out, r, to, count), rowPart(k, a, r, from, count)];
        if (accumulate) k.add(target, target, source);
        else k.copy(target, source);
      }
    },
    fill: (out, value) => k.upload(out, new Float64Array(sizeOf(out)).fill(value)),
    add: (out, a, b) => k.combine(out, 1, a, 1, b),
  } satisfies Partial<Kernels>;
}

function noiseDefaults(k: Kernels) {
  return {
    bernoulli(out, key, { probability, hit, miss }) {
      const [mask, limit] = [new Float64Array(sizeOf(out)), hitsBelow(probability)];
      eachWord(key, mask.length, (e, word) => {
        mask[e] = word < limit ? hit : miss;
      });
      k.upload(out, mask);
    },
    addNormals(a, key, std) {
      scoped(k, (temporary) => {
        const [values, noise] = [new Float64Array(sizeOf(a)), temporary(a.rows, a.cols)];
        addNormalsTo(values, key, std);
        k.upload(noise, values);
        k.add(a, a, noise);
      });
    },
  } satisfies Partial<Kernels>;
}

const STANDARD_CELL: CellArguments = {
  variant: {
    gates: 'all',
    gate: { kind: 'sigmoid', alpha: 1, beta: 0 },
    candidate: { kind: 'tanh', alpha: 1, beta: 0 },
    output: { kind: 'tanh', alpha: 1, beta: 0 },
    clip: Number.POSITIVE_INFINITY,
  },
  peepholes: null,
  mask: null,
};

function cellDefaults(k: Kernels) {
  return {
    lstmCell(y, cPrev) {
      k.cellState(y, cPrev, STANDARD_CELL);
      k.cellOutput(y, y.c, STANDARD_CELL);
    },
    lstmCellGrad(d, dcPrev, y, cPrev) {
      k.fill(d.gates, 0); // no gradient reaches the gates from elsewhere
      k.cellOutputGrad({ ...d, s: d.c, peepholes: null }, y, y.c, STANDARD_CELL);
      k.cellStateGrad({ ...d, cPrev: dcPrev, peepholes: null }, y, cPrev, STANDARD_CELL);
    },
  } satisfies Partial<Kernels>;
}

const defaults = (k: Kernels) => ({
  ...productDefaults(k),
  ...rowDefaults(k),
  ...noiseDefaults(k),
  ...normDefaults(k),
  ...cellDefaults(k),
  ...lossDefaults(k),
  ...clippingDefaults(k),
  ...updateDefaults(k),
});

/** Name of an instruction that has a default. */
export type DefaultInstruction = keyof ReturnType<typeof defaults>;

/** What a backend has to implement: everything without a default. It may replace any default. */
export type PrimitiveKernels = Omit<Kernels, DefaultInstruction> & Partial<Pick<Kernels, DefaultInstruction>>;

/** A complete backend from one that implements at least the primitive instructions. */
export function withDefaults(backend: PrimitiveKernels): Kernels {
  const k = {} as Kernels;
  Object.defineProperties(k, Object.getOwnPropertyDescriptors(defaults(k)));
  Object.defineProperties(k, Object.getOwnPropertyDescriptors(backend)); // keeps getters, such as `threads`
  if (backend.allocPacked) return k;
  const free: Kernels['free'] = (m) => backend.free('matrix' in m ? (m as CopiedOperand).matrix : m);
  return Object.defineProperty(k, 'free', { value: free, enumerable: true, configurable: true, writable: true });
}
