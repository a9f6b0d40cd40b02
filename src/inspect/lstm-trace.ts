/**
 * One LSTM's part of a trace: every number of its forward and backward pass over one sequence, [T, units] each, row t being
 * time t. The names are the tape's (docs/tape.md).
 */
import type { CellVariant, FloatArray } from '../contract/kernels.js';
import { type Grid, grid, rowOf } from './grid.js';

/** i, f, g, o, [T, H] each. */
export type GateGrids = Readonly<Record<'i' | 'f' | 'g' | 'o', Grid>>;

/** What is inside the cell, and around it. */
export interface TracedVariant extends CellVariant {
  /** The cell of (F2)-(F4) and nothing else in it. */
  readonly standard: boolean;
  readonly peepholes: boolean;
  readonly layerNorm: boolean;
  readonly gateRecurrence: boolean;
  /** h is a product of weight_hr with the cell's output. */
  readonly projected: boolean;
  /** Share of h and c that stays what it was (outside of training zoneout takes the mean). */
  readonly zoneoutH: number;
  readonly zoneoutC: number;
}

/** dL/d(each of the things in `LstmTrace`), in the same shapes. */
export interface LstmTraceGrad {
  /** This LSTM's part of dL/dx: da Wx' (B1). */
  readonly x: Grid;
  /** By the pre-activations, da (B2). */
  readonly a: GateGrids;
  /** By the gates after their activation (B4, B3). */
  readonly gates: GateGrids;
  /** By c: all of it, and what came back from the step computed after, dc+ (with a standard cell dc f of that step). */
  readonly c: Grid;
  readonly cFromNext: Grid;
  /** What reached c through this step's output: dh o (1 - tc^2), and through an output peephole. `c` is the sum of the two. */
  readonly cFromH: Grid;
  /** By c normalized, before the output activation; null without layer normalization. */
  readonly normalizedC: Grid | null;
  /** By h: all of it, what the loss and the layers above gave it, and what came back through Wh; `h` is the sum of the two. */
  readonly h: Grid;
  readonly hFromAbove: Grid;
  readonly hFromNext: Grid;
  /** By the cell's own c and output: the same as `c` and `h`, unless the layer is projected or zoned out. */
  readonly cell: { readonly c: Grid; readonly h: Grid };
  /** By the state before the first step, [1, H] and [1, R]. */
  readonly initial: { readonly c: Grid; readonly h: Grid };
  /** By x Wx and by h- Wh, [T, 4H]: what dWx = sum x' d and dWh = sum h-' d are made of. With layer normalization they differ. */
  readonly inputProduct: Grid;
  readonly recurrentProduct: Grid;
}

export interface LstmTrace {
  /** The layer's name, `_reverse` behind that of a reverse direction. */
  readonly name: string;
  readonly steps: number; // T
  readonly inputSize: number; // D
  readonly hiddenSize: number; // H
  /** Width of h: the projection's, else H. */
  readonly outputSize: number; // R
  /** Reads from the last step to the first: the step computed before t is then t + 1. */
  readonly reverse: boolean;
  /** Whether only the h that it ended with goes on to the next layer. */
  readonly lastOnly: boolean;
  readonly variant: TracedVariant;
  /** Names of its parameters by part: `weight_ih` -> `lstm.weight_ih_l0`. The numbers are in `trace.parameters`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly x: Grid; // [T, D]
  /**
   * Pre-activations (F1): x Wx + h- Wh + b, and what peepholes and gate recurrence add, summed again in float64: gates =
   * activation(a). Of a gate that is left out, the sum that nothing reads.
   */
  readonly a: GateGrids;
  /** After their activation (F2). */
  readonly gates: GateGrids;
  readonly c: Grid; // [T, H]
  /** tc of (F4): the output activation of c, or of c normalized. */
  readonly tanhC: Grid; // [T, H]
  readonly h: Grid; // [T, R]
  /** The cell's own c and output, before zoneout and projection; the same grids as `c` and `h` where there is neither. */
  readonly cell: { readonly c: Grid; readonly h: Grid };
  /** The state before the first step. */
  readonly initial: { readonly c: Grid; readonly h: Grid }; // [1, H], [1, R]
  readonly grad: LstmTraceGrad;
}

/** The step computed before `t`; null for the first. */
export function stepBefore({ steps, reverse }: Pick<LstmTrace, 'steps' | 'reverse'>, t: number): number | null {
  const before = reverse ? t + 1 : t - 1;
  return before >= 0 && before < steps ? before : null;
}

/** The step computed after `t`; null for the last. */
export const stepAfter = ({ steps, reverse }: Pick<LstmTrace, 'steps' | 'reverse'>, t: number): number | null =>
  stepBefore({ steps, reverse: !reverse }, t);

/** c- and h- of step t. No copies. */
export function stateBefore(layer: LstmTrace, t: number): { readonly c: FloatArray; readonly h: FloatArray } {
  const before = stepBefore(layer, t);
  const { c, h, initial } = layer;
  return before === null ? { c: initial.c.data, h: initial.h.data } : { c: rowOf(c, before), h: rowOf(h, before) };
}

/** Each step's row of the step computed before it: that of `initial` at the first. */
export function shifted(from: Pick<LstmTrace, 'steps' | 'reverse'>, values: Grid, initial: Grid): Grid {
  const out = grid(values.rows, values.cols, values.data.slice().fill(0));
  for (let t = 0; t < values.rows; t++) {
    const before = stepBefore(from, t);
    rowOf(out, t).set(before === null ? initial.data : rowOf(values, before));
  }
  return out;
}
