/** An LSTM layer's description. spec-check.ts checks it. */

import type { ActivationKind, GateSet } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import type { Initializer } from '../init.js';

/** An activation: its name, or an object with its numbers (named as in ONNX; defaults in brackets). */
export type ActivationSpec =
  | ActivationKind
  | {
      readonly kind: ActivationKind;
      /** affine [1], leakyRelu [0.01], thresholdedRelu [1], scaledTanh [1], hardSigmoid [0.2], elu [1]. */
      readonly alpha?: number;
      /** affine [0], scaledTanh [1], hardSigmoid [0.5]. */
      readonly beta?: number;
    };

interface CellParts {
  /**
   * Which gates the cell has. A missing gate is 1 (Greff et al. 2017: NIG, NFG, NOG); `coupled` means f = 1 - i (CIFG). The
   * rows of a missing gate stay in the weights and have no gradient. Default `all`.
   */
  readonly gates?: GateSet;
  /** i and f also depend on c-, and o on c, through one weight per unit (Gers et al. 2002). Default false. */
  readonly peepholes?: boolean;
  /** Clips c to [-clip, clip]. Default: no clipping. */
  readonly clip?: number;
  readonly activations?: {
    /** Of i, f and o. Default `sigmoid`. */
    readonly gate?: ActivationSpec;
    /** Of g. Default `tanh`; `identity` is Greff's NIAF. */
    readonly candidate?: ActivationSpec;
    /** Of c in h = o f(c). Default `tanh`; `identity` is Greff's NOAF. */
    readonly output?: ActivationSpec;
  };
}

/** Variants of the cell. Default: the standard cell. */
export type CellSpec = CellParts &
  (
    | {
        /** LN(x Wx') + LN(h- Wh') + b, h = o tanh(LN(c)) (Ba et al. 2016). Default false. */
        readonly layerNorm?: boolean;
        readonly gateRecurrence?: false;
      }
    | {
        readonly layerNorm?: false;
        /** The gates i, f, o also depend on i, f, o of the previous step (Greff's FGR; 0 at the first). Excludes `layerNorm`, for
         *  which no paper defines it. Default false. */
        readonly gateRecurrence: true;
      }
  );

/**
 * One LSTM layer (F1-F4). Two of them in a row are a stacked LSTM: the k-th layer under one name has the parameters
 * `NAME.weight_ih_lk` [4H, D], `NAME.weight_hh_lk` [4H, R], `NAME.bias_ih_lk` [4H], `NAME.bias_hh_lk` [4H], gate order
 * i, f, g, o, as PyTorch's nn.LSTM; with a projection `NAME.weight_hr_lk` [R, H] (else R = H). A reverse direction appends
 * `_reverse`. Variants add `peephole_i|f|o` [H], `weight_gate_recurrence` [3H, 3H], `norm_gain_ih|hh` and
 * `norm_bias_ih|hh` [4H], `norm_gain_c` and `norm_bias_c` [H], and learned states `h0` [R], `c0` [H].
 */
export interface LstmSpec {
  readonly kind: 'lstm';
  readonly hiddenSize: number;
  /**
   * true: two biases, `bias_ih` and `bias_hh`, as PyTorch (only their sum acts, but an optimizer moves both); `single`:
   * `bias_ih` alone, as Keras and most papers; false: none. Default true.
   */
  readonly bias?: boolean | 'single';
  /** What the next layer gets: h of all steps, or of the last one. Default `all`. */
  readonly returns?: 'all' | 'last';
  /**
   * `reverse` reads from the last step to the first. `bidirectional` runs one LSTM per direction and concatenates their h
   * (width 2R; with `returns: 'last'`, the h that each ends with). Default `forward`.
   */
  readonly direction?: 'forward' | 'reverse' | 'bidirectional';
  /** Width R of h = weight_hr times the cell's output (LSTMP, Sak et al. 2014). Default: no projection. */
  readonly projectionSize?: number;
  /** The state before the first step of a pass that does not continue another: zero, or parameters h0 and c0. Default `zero`. */
  readonly initialState?: 'zero' | 'learned';
  readonly cell?: CellSpec;
  /** Probability that an element of weight_hh is dropped for a training pass (DropConnect, Merity et al. 2018). Default 0. */
  readonly dropConnect?: number;
  /**
   * `variational`: one mask on h- for all steps of a pass (Gal & Ghahramani 2016; Keras' recurrent_dropout; a bare number
   * means this). `candidate`: a mask a step on g (Semeniuta et al. 2016). Default: none.
   */
  readonly recurrentDropout?: number | { readonly kind: 'variational' | 'candidate'; readonly rate: number };
  /** Probability that a unit keeps its previous h or c at a step (Krueger et al. 2017); one number for both, or one each. Default 0. */
  readonly zoneout?: number | { readonly h?: number; readonly c?: number };
  /** Prefix of the parameters' names. Default `lstm`. */
  readonly name?: string;
  readonly init?: {
    /** weight_ih. Default `uniform` (1/sqrt(hiddenSize), as PyTorch). */
    readonly input?: Initializer;
    /** weight_hh. Default `uniform`. */
    readonly recurrent?: Initializer;
    /** Both biases. Default `zeros`. */
    readonly bias?: Initializer;
    /**
     * Initial sum of the forget gate's biases; null: `bias` applies. Default 1, so that an untrained cell remembers (Gers et al.
     * 2000; Jozefowicz et al. 2015).
     */
    readonly forgetBias?: number | null;
    /** weight_hr. Default `uniform`. */
    readonly projection?: Initializer;
    /** Default `zeros`. */
    readonly peephole?: Initializer;
    /** weight_gate_recurrence. Default `uniform`. */
    readonly gateRecurrence?: Initializer;
  };
}

/**
 * Whether a spec has no setting of the cell, of a projection or of dropout. plain.ts computes such a layer; for others, whose
 * settings may be those of the standard LSTM too, see variant.ts.
 */
export const isSimpleLstm = (spec: LstmSpec): boolean =>
  [spec.cell, spec.projectionSize, spec.recurrentDropout, spec.zoneout, spec.dropConnect].every((v) => v === undefined);

/** Throws `INVALID_SETTING` for a layer that cannot carry its state from one pass to the next. */
export function requireCarries(name: string, spec: LstmSpec, reverse: boolean): void {
  const problem = reverse
    ? 'reads from the last step to the first, so its state cannot carry over to later steps.'
    : spec.cell?.gateRecurrence
      ? 'needs the gates of the previous step, which a carried state (h and c) does not contain.'
      : null;
  if (problem === null) return;
  throw invalidSetting(name, problem, 'Pass whole sequences that each start from their own state, and do not stream.');
}
