/**
 * The backend contract: the matrix instructions that an LSTM and its training need.
 *
 * A backend implements this interface and passes test/kernels/conformance.ts. kernels/shared/defaults.ts composes most
 * instructions from a few primitive ones, so that a new backend can start small.
 * Rules that hold for every instruction:
 *  - Matrices are dense and row-major. Outputs come first and are overwritten, except where the comment says `+=`.
 *  - An output may not overlap an input, except where the comment says "in place".
 *  - Instructions return nothing and take effect in order. A backend may record them and run them later:
 *    only `download` waits.
 *  - A scalar result is a (1,1) matrix, so that it can stay on the device.
 * Instructions do not check shapes, because they are on the hot path. The public functions above them do.
 */
import type {
  AdamOptions,
  BernoulliOptions,
  ClassTargets,
  ColumnRange,
  CrossEntropyOptions,
  CtcTargets,
  GemmOptions,
  MaskKey,
  NoiseKey,
  SgdOptions,
  ValueLoss,
} from './options.js';
import type {
  CellArguments,
  CellOutputGrad,
  CellStateGrad,
  FloatArray,
  LayerNorm,
  LayerNormGrad,
  LstmStep,
  LstmStepGrad,
  Matrix,
  PackedMatrix,
  Precision,
  ValueTargets,
} from './records.js';

export * from './constants.js';
export * from './options.js';
export * from './records.js';

/** Memory use of a backend, in bytes. */
export interface BackendMemory {
  /** Upper limit of `inUse`; infinity if only the machine limits it. */
  readonly capacity: number;
  /** Bytes allocated now, including the backend's own. */
  inUse(): number;
  /** Rules to compute memory use before anything is allocated. */
  rules(): Promise<MemoryRules>;
}

/** Bytes of workspaces, by name. */
export type WorkspaceBytes = Readonly<Record<string, number>>;

/** What a backend's matrices and instructions cost, in bytes. */
export interface MemoryRules {
  /** Taken by the backend itself, including its threads once they run. */
  readonly overhead: number;
  /** Cost of `alloc(rows, cols)`. */
  matrix(rows: number, cols: number): number;
  /** Cost of `allocPacked(rows, cols)`. */
  packed(rows: number, cols: number): number;
  /**
   * For each instruction that needs workspaces, those that it needs with given operands. A workspace is kept from its
   * first use on and grows to its largest size. Instructions that name the same workspace share it.
   */
  readonly workspaces: {
    readonly [N in keyof Kernels]?: Kernels[N] extends (...operands: infer O) => unknown
      ? (...operands: O) => WorkspaceBytes
      : never;
  };
}

/** What a caller has to know who computes some rows of a batch only. An instruction computes the same bits for them as for all rows. */
export interface PartialRows {
  /** The multiply-adds of a time step of all rows from which leaving out rows takes less time than computing them. */
  readonly minimum: number;
  /**
   * The number of rows of A and B that `gemm` with `transA` sums before it adds the sum to the result: a caller who leaves out rows of
   * zeros, but keeps these blocks, keeps the bits.
   */
  readonly block: number;
}

/** A native library that computes matrix products. */
export interface NativeLibrary {
  /** Its name, its version and the kernels that it has chosen for this processor. */
  readonly library: string;
  /** How many times as fast as the products of `wasm` its products were in a trial. */
  readonly gain: number;
  /** Whether the gain is so large that it is worth using. */
  readonly isWorthwhile: boolean;
}

/** A backend: its properties, its memory and its instructions. */
export interface Kernels {
  readonly name: string;
  /** Which of its variants runs, if the backend has several, such as the WebAssembly instructions it uses. */
  readonly variant?: string;
  /** Why `auto` chose this backend instead of `wasm`, as a sentence. Missing if it had no reason to. */
  readonly reason?: string;
  /** Number of threads that share the work now, if the backend has threads. */
  readonly threads?: number;
  /** Why the threads that `threads: 'auto'` chose could not start, as a sentence. Undefined if they run or were not needed yet. */
  readonly threadsReason?: string | undefined;
  /** The native library that computes large products. Only `blas` has it. */
  readonly native?: NativeLibrary;
  readonly precision: Precision;
  /**
   * When to leave out rows of a batch that have ended. Missing if every new number of rows has a cost, such as another shader, or if
   * the bits of a row depend on it.
   */
  readonly partialRows?: PartialRows;
  /** Throws `OUT_OF_MEMORY` if a parameter is larger than one instruction can handle. Missing if the backend has no such limit. */
  requireFits?(parameters: readonly { readonly name: string; readonly shape: readonly number[] }[]): void;
  /**
   * Loads the instructions that plain LSTMs do not need: the halves of the cell, layer normalization, noise and CTC. A backend of
   * `selectKernels` has them; that of a model, only if its spec or a pass needs them. Missing if the backend always has them.
   */
  loadVariants?(): Promise<void>;

  // ---- memory
  readonly memory: BackendMemory;
  /** A new matrix of zeros. Throws `OUT_OF_MEMORY` and then leaves the backend unchanged. */
  alloc(rows: number, cols: number): Matrix;
  /** `rows * cols` elements of `base`, starting at element `offset`, as a matrix that shares its memory. */
  view(base: Matrix, offset: number, rows: number, cols: number): Matrix;
  /**
   * Frees a matrix from `alloc` or `allocPacked`. Freeing it twice, or freeing a view, does nothing. Using a freed matrix is
   * an error that instructions do not detect; core/memory/lease.ts detects it for everything that users hold.
   */
  free(m: Matrix | PackedMatrix): void;
  upload(out: Matrix, data: ArrayLike<number>): void;
  /** A copy of the numbers, after all earlier instructions. */
  download(a: Matrix): Promise<FloatArray>;
  /**
   * The live memory of a matrix, row-major, if the backend computes in this process's memory; otherwise null. Read it
   * immediately and do not keep it: after `free` the memory is reused.
   */
  host(a: Matrix): FloatArray | null;

  /** Ends the backend's threads or device. Its matrices may not be used afterwards. */
  dispose(): void;

  // ---- matrix products
  /** out (R,C) = or += A (R,K) B (K,C). */
  gemm(out: Matrix, a: Matrix, b: Matrix, options?: GemmOptions): void;
  /** Memory for a packed right operand of `rows` x `cols`. */
  allocPacked(rows: number, cols: number): PackedMatrix;
  /** out = B, or B' with `transB`. Packing once pays for a weight that many products use. */
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
  /** out (R,C): row r = or += row r of a (R,C) times factors[r], factors (R,1); in place if out is a. */
  scaleRows(out: Matrix, a: Matrix, factors: Matrix, accumulate: boolean): void;
  /** `count` columns of out, from column `to`, = or += those of a, from column `from`. Other columns of out are kept. */
  copyColumns(out: Matrix, a: Matrix, columns: ColumnRange, accumulate: boolean): void;

  // ---- element-wise
  fill(out: Matrix, value: number): void;
  copy(out: Matrix, a: Matrix): void;
  /** out = a + b; in place if out is a or b. */
  add(out: Matrix, a: Matrix, b: Matrix): void;
  /** out = or += a * b, element by element; in place if out is a or b. */
  multiply(out: Matrix, a: Matrix, b: Matrix, accumulate: boolean): void;
  /** out = alpha a + beta b; in place if out is a or b. */
  combine(out: Matrix, alpha: number, a: Matrix, beta: number, b: Matrix): void;

  // ---- noise: counter-based (Philox4x32-10), so that any of it can be generated again
  /** Element e is `hit` with the given probability, else `miss`: word e & 3 of block e >> 2 decides, e counted from the key's offset. */
  bernoulli(out: Matrix, key: MaskKey, options: BernoulliOptions): void;
  /** a += std * standard normal numbers. */
  addNormals(a: Matrix, key: NoiseKey, std: number): void;

  // ---- layer normalization, row by row
  /** (N1) out (R,C) = or += gain * (a - mean) / sqrt(variance + LN_EPSILON) + bias. Writes `norm.stats`. */
  layerNorm(out: Matrix, norm: LayerNorm, accumulate: boolean): void;
  /** (N1') d.a = or += the gradient with respect to a; d.gain and d.bias `+=`. dout (R,C) is the gradient of the output. */
  layerNormGrad(d: LayerNormGrad, dout: Matrix, norm: LayerNorm, accumulate: boolean): void;

  // ---- the pointwise part of the LSTM
  /** (F2)-(F4). `y.gates` holds the pre-activations before, and i|f|g|o after (in place). */
  lstmCell(y: LstmStep, cPrev: Matrix): void;
  /**
   * (B4)-(B2). Reads `d.h`. `d.c` holds what step t+1 sent back before, and the whole dL/dc after (in place). Writes
   * `d.gates` and `dcPrev`.
   */
  lstmCellGrad(d: LstmStepGrad, dcPrev: Matrix, y: LstmStep, cPrev: Matrix): void;

  /**
   * The first half of the cell, up to c, in any variant: (F2) of i, f, g and (F3). `y.gates` holds the pre-activations
   * before, and i|f|g|ao after (in place).
   */
  cellState(y: Pick<LstmStep, 'gates' | 'c'>, cPrev: Matrix, cell: CellArguments): void;
  /** (B3) and (B2) of i, f, g. */
  cellStateGrad(d: CellStateGrad, y: Pick<LstmStep, 'gates' | 'c'>, cPrev: Matrix, cell: CellArguments): void;
  /** The second half: (F2) of o and (F4) h = o f(s). s (N,H) is c, or c normalized. */
  cellOutput(y: LstmStep, s: Matrix, cell: CellArguments): void;
  /** (B4) and (B2) of o. */
  cellOutputGrad(d: CellOutputGrad, y: Pick<LstmStep, 'gates' | 'c'>, s: Matrix, cell: CellArguments): void;

  // ---- losses: each writes the scalar; its gradient with respect to the first input follows it
  /** (L1) loss (1,1), and probabilities (R,C) = softmax of each row of logits (R,C). */
  softmaxCrossEntropy(
    loss: Matrix,
    probabilities: Matrix,
    logits: Matrix,
    targets: ClassTargets,
    options?: CrossEntropyOptions,
  ): void;
  softmaxCrossEntropyGrad(
    dlogits: Matrix,
    probabilities: Matrix,
    targets: ClassTargets,
    options?: CrossEntropyOptions,
  ): void;
  /** (L2)-(L7) loss (1,1) = weighted mean of the elements' losses. */
  valueLoss(loss: Matrix, y: Matrix, targets: ValueTargets, kind: ValueLoss): void;
  valueLossGrad(dy: Matrix, y: Matrix, targets: ValueTargets, kind: ValueLoss): void;
  /** (L8) loss (1,1), and dlogits (T*N, C), its gradient including the softmax. One instruction, because both need the lattice. */
  ctc(loss: Matrix, dlogits: Matrix, logits: Matrix, targets: CtcTargets): void;

  // ---- norms and parameter updates, over a whole arena at a time
  /** norm (1,1) = the Euclidean norm of a. */
  norm(norm: Matrix, a: Matrix): void;
  /** Like `norm`; then a *= limit / (norm + CLIP_EPSILON) if that factor is less than 1 (in place). */
  clipNorm(norm: Matrix, a: Matrix, limit: number): void;
  /** Limits every element to [-limit, limit] (in place). */
  clipValue(a: Matrix, limit: number): void;
  /** out = decay * out + scale * a * b (in place), such as a running mean of squares. */
  mixProduct(out: Matrix, decay: number, scale: number, a: Matrix, b: Matrix): void;
  /** out = sqrt(a + inside) + outside; in place if out is a. */
  root(out: Matrix, a: Matrix, inside: number, outside: number): void;
  /** out += scale * a / b (in place). */
  addQuotient(out: Matrix, scale: number, a: Matrix, b: Matrix): void;
  /** out = the larger of a and b; in place if out is a or b. */
  maximum(out: Matrix, a: Matrix, b: Matrix): void;
  /** out = -1, 0 or 1, the sign of a; in place if out is a. */
  sign(out: Matrix, a: Matrix): void;
  /** a *= numerator / denominator, both (1,1), unless either is 0 (in place). */
  scaleByRatio(a: Matrix, numerator: Matrix, denominator: Matrix): void;
  /** w -= learningRate * direction (in place). `velocity` is read and written only if momentum is not 0, else null. */
  sgdUpdate(w: Matrix, g: Matrix, velocity: Matrix | null, options: SgdOptions): void;
  /** Adam and AdamW (in place). m and v are the running means of the gradient and of its square. */
  adamUpdate(w: Matrix, g: Matrix, m: Matrix, v: Matrix, options: AdamOptions): void;
}
