/** The operands of the instructions of `Kernels`: matrices, and records of several matrices. */
import type { CellVariant } from './options.js';

/** The numbers of a matrix, in the backend's precision. */
export type FloatArray = Float32Array | Float64Array;
/** Number format of a backend's matrices. */
export type Precision = 'float32' | 'float64';

/** A matrix in a backend's memory: an opaque handle with its shape. Only the backend that made it can read it. */
export interface Matrix {
  readonly rows: number;
  readonly cols: number;
}

/** The right operand of a product, in the layout that the backend multiplies fastest. Its shape is that of B in A B. */
export interface PackedMatrix {
  readonly rows: number;
  readonly cols: number;
}

/** What the forward pass keeps of one time step. Columns of `gates` are i | f | g | o. */
export interface LstmStep {
  readonly gates: Matrix; // (N, 4H)
  readonly c: Matrix; // (N, H)
  readonly h: Matrix; // (N, H)
}

/** The gradients of one time step, in the shapes of `LstmStep`. */
export interface LstmStepGrad {
  readonly gates: Matrix; // (N, 4H) with respect to the pre-activations: da = [dai | daf | dag | dao]
  readonly c: Matrix; // (N, H)
  readonly h: Matrix; // (N, H)
}

/** Diagonal weights from c to the gates, (1,H) each: i and f see c-, o sees c. */
export interface Peepholes {
  readonly i: Matrix;
  readonly f: Matrix;
  readonly o: Matrix;
}

/** How `cellState` and `cellOutput` differ from the standard cell. */
export interface CellArguments {
  readonly variant: CellVariant;
  readonly peepholes: Peepholes | null;
  /** (N,H), multiplies g in (F3). `cellOutput` ignores it. */
  readonly mask: Matrix | null;
}

/** The gradients that `cellStateGrad` reads and writes. */
export interface CellStateGrad {
  /** (N,4H). Holds gradients that reach the activated gates from elsewhere (or 0) before, and dai | daf | dag after. */
  readonly gates: Matrix;
  /** (N,H), the whole dL/dc: read. */
  readonly c: Matrix;
  /** (N,H), dL/dc-: written. */
  readonly cPrev: Matrix;
  /** `+=`; null exactly if the cell has no peepholes, or their gradients are not needed. */
  readonly peepholes: Peepholes | null;
}

/** The gradients that `cellOutputGrad` reads and writes. */
export interface CellOutputGrad {
  /** (N,4H). Column block o holds a gradient from elsewhere (or 0) before, and dao after. */
  readonly gates: Matrix;
  /** (N,H), dL/dc: `+=` through a peephole. */
  readonly c: Matrix;
  /** (N,H), dL/dh: read. */
  readonly h: Matrix;
  /** (N,H), dL/ds: `+=`. May be `c`. */
  readonly s: Matrix;
  /** `+=`; null exactly if the cell has no peepholes, or their gradients are not needed. */
  readonly peepholes: Peepholes | null;
}

/** One layer normalization: its input, its parameters and what the forward pass keeps for the backward pass. */
export interface LayerNorm {
  /** (R,C), the input. */
  readonly a: Matrix;
  /** (R,2), each row's mean and 1 / sqrt(variance + LN_EPSILON): written by `layerNorm`, read by `layerNormGrad`. */
  readonly stats: Matrix;
  /** (1,C) */
  readonly gain: Matrix;
  /** (1,C) */
  readonly bias: Matrix;
}

/** The gradients that `layerNormGrad` writes: `a` (R,C), and `gain` and `bias` (1,C), which are `+=`. */
export type LayerNormGrad = Pick<LayerNorm, 'a' | 'gain' | 'bias'>;

/** What `valueLoss` compares an output with. */
export interface ValueTargets {
  /** (R,K) */
  readonly values: Matrix;
  /** How much each of the R rows counts; null: 1 each. */
  readonly rowWeights: ArrayLike<number> | null;
}
