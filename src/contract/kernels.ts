/**
 * The backend contract: the few matrix instructions that an LSTM and its training are written over.
 *
 * A backend (`reference`, later others) is one implementation of this interface and passes test/kernels/conformance.ts.
 * The rules that hold for every instruction:
 *  - Matrices are dense and row-major; outputs come first and are written whole, except where the comment says `+=`.
 *  - An output may not overlap an input, except where the comment says "in place".
 *  - Calls return nothing and take effect in order. A backend may record them and run them when something is read:
 *    `download` is the only instruction that waits.
 *  - A `(1,1)` matrix holds a scalar result, so that it can stay on a device until somebody asks.
 * Shapes are not checked here, on the hot path: the public calls above check what comes from outside.
 */
import type { BackendMemory } from './memory.js';
import type {
  AdamOptions,
  CellForm,
  CrossEntropyOptions,
  CtcTargets,
  GemmOptions,
  MaskKey,
  NoiseKey,
  SgdOptions,
  ValueLoss,
} from './options.js';

export type { BackendMemory, MemoryRules } from './memory.js';
export * from './options.js';

export type FloatArray = Float32Array | Float64Array;
export type Precision = 'float32' | 'float64';

/** An opaque handle: the backend that made it knows where the numbers live. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
}

/** The right operand of a product in the layout that the backend multiplies fastest; `rows` and `cols` as multiplied. */
export interface PackedMatrix {
  readonly rows: number;
  readonly cols: number;
}

/** What one time step leaves behind: six floats a unit. Columns of `gates` are i | f | g | o. */
export interface LstmStep {
  readonly gates: Matrix; // (N, 4H)
  readonly c: Matrix; // (N, H)
  readonly h: Matrix; // (N, H)
}

/** The gradients of one time step, in the same shapes. */
export interface LstmStepGrad {
  readonly gates: Matrix; // (N, 4H) by the pre-activations: da = [dai | daf | dag | dao]
  readonly c: Matrix; // (N, H)
  readonly h: Matrix; // (N, H)
}

/** Diagonal weights from c to the gates, (1,H) each: i and f see c-, o sees c. */
export interface Peepholes {
  readonly i: Matrix;
  readonly f: Matrix;
  readonly o: Matrix;
}

export interface Kernels {
  readonly name: string;
  /** Which of its forms a backend that has several runs in, such as the instructions that it uses. */
  readonly variant?: string;
  /** How many threads share the work at this moment, where a backend has several. */
  readonly threads?: number;
  readonly precision: Precision;
  /** Where instructions do not take matrices of any size: throws `OUT_OF_MEMORY` for a parameter that is too large. */
  requireFits?(parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]): void;

  // ---- memory
  readonly memory: BackendMemory;
  /** A matrix of zeros. Throws `OUT_OF_MEMORY`, and is then as it was before. */
  alloc(rows: number, cols: number): Matrix;
  /** `rows * cols` elements of `base` from element `offset` on, seen as a matrix of their own; shares the memory. */
  view(base: Matrix, offset: number, rows: number, cols: number): Matrix;
  /**
   * Gives the memory of an `alloc` or `allocPacked` back, the first time; a view's not. Neither may be used afterwards:
   * nothing here looks whether they are (core/memory/lease.ts does, for all that users are handed).
   */
  free(m: Matrix | PackedMatrix): void;
  upload(out: Matrix, data: ArrayLike<number>): void;
  /** A copy of the numbers, once every call before it has taken effect. */
  download(a: Matrix): Promise<FloatArray>;
  /**
   * The live memory itself, row-major, where the backend computes in this process's memory; otherwise null. To be read at
   * once, rather than kept: once the matrix is freed, others' numbers stand there.
   */
  host(a: Matrix): FloatArray | null;

  /** Ends what the backend keeps running (threads, a device). No matrix of it may be used afterwards. */
  dispose(): void;

  // ---- matrix products
  /** out (R,C) = or += A (R,K) B (K,C). */
  gemm(out: Matrix, a: Matrix, b: Matrix, options?: GemmOptions): void;
  /** Room for a packed right operand of `rows` x `cols`. */
  allocPacked(rows: number, cols: number): PackedMatrix;
  /** out = B, or B' with `transB`: done once for a weight that many products share. */
  pack(out: PackedMatrix, b: Matrix, transB: boolean): void;
  /** out (R,C) = or += A (R,K) B (K,C). */
  gemmPacked(out: Matrix, a: Matrix, b: PackedMatrix, accumulate: boolean): void;

  // ---- rows
  /** out (R,C): every row = row (1,C). */
  fillRows(out: Matrix, row: Matrix): void;
  /** out (1,C) += sum over r of a (R,C). */
  sumRows(out: Matrix, a: Matrix): void;
  /** out (R,C): row r = row ids[r] of table (V,C). */
  gatherRows(out: Matrix, table: Matrix, ids: Int32Array): void;
  /** table (V,C): row ids[r] += row r of a (R,C), in the order of r. */
  scatterAddRows(table: Matrix, ids: Int32Array, a: Matrix): void;
  /** out (R,C): row r = or += row r of a (R,C) times factors[r], factors (R,1); in place where out is a. */
  scaleRows(out: Matrix, a: Matrix, factors: Matrix, accumulate: boolean): void;
  /** `cols` columns of out from column `to` on = or += those of a from column `from` on. */
  copyColumns(out: Matrix, to: number, a: Matrix, from: number, cols: number, accumulate: boolean): void;

  // ---- element-wise
  fill(out: Matrix, value: number): void;
  copy(out: Matrix, a: Matrix): void;
  /** out = a + b; in place where out is a or b. */
  add(out: Matrix, a: Matrix, b: Matrix): void;
  /** out = or += a * b, element by element; in place where out is a or b. */
  multiply(out: Matrix, a: Matrix, b: Matrix, accumulate: boolean): void;
  /** out = alpha a + beta b; in place where out is a or b. */
  combine(out: Matrix, alpha: number, a: Matrix, beta: number, b: Matrix): void;

  // ---- noise: counter-based (Philox4x32-10), so that any of it can be made again
  /** Element e - offset is `hit` with the probability, else `miss`: word e & 3 of block e >> 2 decides. */
  bernoulli(out: Matrix, key: MaskKey, probability: number, hit: number, miss: number): void;
  /** a += deviation * standard normal numbers. */
  addNormals(a: Matrix, key: NoiseKey, std: number): void;

  // ---- layer normalization, row by row
  /** out = or += gain * (a - mean) / sqrt(variance + 1e-5) + bias; stats (R,2) keeps each row's mean and 1 / that root. */
  layerNorm(out: Matrix, stats: Matrix, a: Matrix, gain: Matrix, bias: Matrix, accumulate: boolean): void;
  /** da = or += the gradient by a; adds to dgain and dbias (1,C). */
  layerNormGrad(
    d: { readonly a: Matrix; readonly gain: Matrix; readonly bias: Matrix },
    dout: Matrix,
    stats: Matrix,
    a: Matrix,
    gain: Matrix,
    accumulate: boolean,
  ): void;

  // ---- the LSTM's pointwise half
  /** (F2)-(F4). `y.gates` holds the pre-activations a when called and i|f|g|o afterwards (in place). */
  lstmCell(y: LstmStep, cPrev: Matrix): void;
  /**
   * (B4)-(B2). Reads `d.h`; `d.c` holds what step t+1 sent back when called and the whole dL/dc afterwards (in place);
   * writes `d.gates` and `dcPrev`.
   */
  lstmCellGrad(d: LstmStepGrad, dcPrev: Matrix, y: LstmStep, cPrev: Matrix): void;

  /**
   * The same cut in two at c, for every other form of the cell. First half: (F2) of i, f, g and (F3). `y.gates` holds
   * pre-activations when called and i|f|g|ao afterwards. `mask` (N,H), where there is one, multiplies g in (F3).
   */
  cellState(
    y: Pick<LstmStep, 'gates' | 'c'>,
    cPrev: Matrix,
    form: CellForm,
    peepholes: Peepholes | null,
    mask: Matrix | null,
  ): void;
  /**
   * (B3) and (B2) of i, f, g. Reads the whole dL/dc in `d.c`; `d.gates` holds what comes back to the activated gates from
   * elsewhere when called (0 for nothing), and dai|daf|dag afterwards; writes dcPrev; adds to dPeepholes.
   */
  cellStateGrad(
    d: Pick<LstmStepGrad, 'gates' | 'c'>,
    dcPrev: Matrix,
    y: Pick<LstmStep, 'gates' | 'c'>,
    cPrev: Matrix,
    form: CellForm,
    peepholes: Peepholes | null,
    dPeepholes: Peepholes | null,
    mask: Matrix | null,
  ): void;
  /** Second half: (F2) of o and (F4) h = o f(s), where s is c, or c normalized. */
  cellOutput(y: LstmStep, s: Matrix, form: CellForm, peepholes: Peepholes | null): void;
  /** (B4) and (B2) of o: `d.gates` as above; adds to ds and, through a peephole, to `d.c` (ds may be `d.c`). */
  cellOutputGrad(
    d: LstmStepGrad,
    ds: Matrix,
    y: LstmStep,
    s: Matrix,
    form: CellForm,
    peepholes: Peepholes | null,
    dPeepholes: Peepholes | null,
  ): void;

  // ---- losses: each writes the scalar; its gradient by the first input stands below it
  /** loss (1,1), probabilities (R,C) = softmax of each row of logits (R,C); targets: R class indices. */
  softmaxCrossEntropy(
    loss: Matrix,
    probabilities: Matrix,
    logits: Matrix,
    targets: Int32Array,
    options?: CrossEntropyOptions,
    rowWeights?: ArrayLike<number> | null,
  ): void;
  softmaxCrossEntropyGrad(
    dlogits: Matrix,
    probabilities: Matrix,
    targets: Int32Array,
    options?: CrossEntropyOptions,
    rowWeights?: ArrayLike<number> | null,
  ): void;
  /** loss (1,1) = mean of the elements' losses, row r counting rowWeights[r] times (once without them). */
  valueLoss(loss: Matrix, y: Matrix, target: Matrix, kind: ValueLoss, rowWeights: ArrayLike<number> | null): void;
  valueLossGrad(dy: Matrix, y: Matrix, target: Matrix, kind: ValueLoss, rowWeights: ArrayLike<number> | null): void;
  /** loss (1,1), and dlogits (T*N, C) its gradient, softmax included; in one, since both need the whole lattice. */
  ctc(loss: Matrix, dlogits: Matrix, logits: Matrix, targets: CtcTargets): void;

  // ---- parameter updates, over a whole arena at once
  /** norm (1,1) = the Euclidean norm of a, which is then scaled by limit / (norm + 1e-6) if that is under 1 (in place). */
  clipNorm(norm: Matrix, a: Matrix, limit: number): void;
  /** Cuts every element to [-limit, limit] (in place). */
  clipValue(a: Matrix, limit: number): void;
  /** out = decay * out + scale * a * b: a running mean of a square, say (in place). */
  mixProduct(out: Matrix, decay: number, scale: number, a: Matrix, b: Matrix): void;
  /** out = sqrt(a + inside) + outside; in place where out is a. */
  root(out: Matrix, a: Matrix, inside: number, outside: number): void;
  /** out += scale * a / b (in place). */
  addQuotient(out: Matrix, scale: number, a: Matrix, b: Matrix): void;
  /** out = the larger of a and b; in place where out is one of them. */
  maximum(out: Matrix, a: Matrix, b: Matrix): void;
  /** out = -1, 0 or 1 as a is; in place where out is a. */
  sign(out: Matrix, a: Matrix): void;
  /** a *= above / below, both (1,1), where neither is 0 (in place). */
  scaleByRatio(a: Matrix, above: Matrix, below: Matrix): void;
  /** w -= rate * direction (in place); `velocity` is read and written only where momentum is not 0, else null. */
  sgdUpdate(w: Matrix, g: Matrix, velocity: Matrix | null, options: SgdOptions): void;
  /** Adam and AdamW (in place); m and v are the running means of the gradient and of its square. */
  adamUpdate(w: Matrix, g: Matrix, m: Matrix, v: Matrix, options: AdamOptions): void;
}
