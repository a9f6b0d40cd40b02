/** The trace of one LSTM. Names are those of the tape (docs/tape.md); row t of a grid is time step t. */
import { requireInteger } from '../checks.js';
import type { CellVariant, FloatArray } from '../contract/kernels.js';
import { type Grid, grid, MAX_SIDE, requireGrid, requireObject, rowOf } from './grid.js';

/** One grid [T, H] for each of the gates i, f, g and o. */
export type GateGrids = Readonly<Record<'i' | 'f' | 'g' | 'o', Grid>>;

/** The variant of a traced LSTM: its cell, projection and zoneout. */
export interface TracedVariant extends CellVariant {
  /** Whether the cell is exactly (F2)-(F4). */
  readonly standard: boolean;
  /** Whether the cell has peephole connections. */
  readonly peepholes: boolean;
  /** Whether the cell has layer normalization. */
  readonly layerNorm: boolean;
  /** Whether the gates read the gates of the step before. */
  readonly gateRecurrence: boolean;
  /** Whether h is the projection of the cell's output by weight_hr. */
  readonly projected: boolean;
  /** The share of h that keeps its previous value, 0 to 1 (outside training, zoneout uses the mean of its masks). */
  readonly zoneoutH: number;
  /** The share of c that keeps its previous value. */
  readonly zoneoutC: number;
}

/** The gradients of the loss by the values of an `LstmTrace`, in the same shapes. */
export interface LstmTraceGrad {
  /** The part of dL/dx that comes from this LSTM: da Wx' (B1). */
  readonly x: Grid;
  /** dL/da, by the pre-activations (B2). */
  readonly a: GateGrids;
  /** By the activated gates (B4, B3). */
  readonly gates: GateGrids;
  /** dL/dc: the total derivative, which is `cFromNext` + `cFromH`. */
  readonly c: Grid;
  /** The part of dL/dc from the step computed after, dc+; for a standard cell, dc f of that step. */
  readonly cFromNext: Grid;
  /** The part of dL/dc through the output of the same step: dh o (1 - tc^2), and the output peephole. */
  readonly cFromH: Grid;
  /** By the normalized c, before the output activation; null without layer normalization. */
  readonly normalizedC: Grid | null;
  /** dL/dh: the total derivative, which is `hFromAbove` + `hFromNext`. */
  readonly h: Grid;
  /** The part of dL/dh from the loss and the layers above. */
  readonly hFromAbove: Grid;
  /** The part of dL/dh from the step computed after, through Wh. */
  readonly hFromNext: Grid;
  /** By c and the output of the cell itself; equal to `c` and `h` without projection and zoneout. */
  readonly cell: { readonly c: Grid; readonly h: Grid };
  /** By the state before the first step, [1, H] and [1, R]. */
  readonly initial: { readonly c: Grid; readonly h: Grid };
  /** By the product x Wx, [T, 4H]; dWx is the sum of x' times this. Differs from `a` with layer normalization. */
  readonly inputProduct: Grid;
  /** By the product h- Wh, [T, 4H]; dWh is the sum of h-' times this. */
  readonly recurrentProduct: Grid;
}

/** Every value of the forward and backward pass of one LSTM over one sequence. */
export interface LstmTrace {
  /** The name of the layer, with the suffix `_reverse` for a reverse direction. */
  readonly name: string;
  /** T, the number of time steps. */
  readonly steps: number;
  /** D, the width of the input. */
  readonly inputSize: number;
  /** H, the number of units. */
  readonly hiddenSize: number;
  /** R, the width of h: the size of the projection, or H without one. */
  readonly outputSize: number;
  /** Whether the layer reads from the last step to the first, so that step t + 1 is computed before step t. */
  readonly reverse: boolean;
  /** Whether the next layer reads only the final h (`returns: 'last'`). */
  readonly lastOnly: boolean;
  /** The variant of the layer. */
  readonly variant: TracedVariant;
  /** The full name of each parameter, as in `weight_ih` -> `lstm.weight_ih_l0`. The values are in `trace.parameters`. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The input, [T, D]. */
  readonly x: Grid;
  /**
   * The pre-activations (F1), so that gates = activation(a): x Wx + h- Wh + b, with peepholes and gate recurrence. They are
   * computed again in float64, because the tape does not keep them.
   */
  readonly a: GateGrids;
  /** The activated gates (F2). */
  readonly gates: GateGrids;
  /** The cell state (F3), [T, H]. */
  readonly c: Grid;
  /** tc of (F4), [T, H]: the output activation of c, or of the normalized c. */
  readonly tanhC: Grid;
  /** The output (F4), [T, R]. */
  readonly h: Grid;
  /** c and the output of the cell itself, before zoneout and projection; the same grids as `c` and `h` without them. */
  readonly cell: { readonly c: Grid; readonly h: Grid };
  /** The state before the first step, [1, H] and [1, R]. */
  readonly initial: { readonly c: Grid; readonly h: Grid };
  /** The gradients of the loss by these values. */
  readonly grad: LstmTraceGrad;
}

/** The step that an LSTM computes before step `t` (`t + 1` if it reads in reverse); null for the first. */
export function stepBefore(layer: Pick<LstmTrace, 'steps' | 'reverse'>, t: number): number | null {
  requireObject('layer', layer);
  const { steps, reverse } = layer;
  requireInteger('layer.steps', steps, 1, MAX_SIDE);
  requireInteger('t', t, 0, steps - 1);
  const before = reverse ? t + 1 : t - 1;
  return before >= 0 && before < steps ? before : null;
}

/** The step that an LSTM computes after step `t`; null for the last. */
export function stepAfter(layer: Pick<LstmTrace, 'steps' | 'reverse'>, t: number): number | null {
  requireObject('layer', layer);
  return stepBefore({ steps: layer.steps, reverse: !layer.reverse }, t);
}

/** The state that step `t` starts from, c- and h-, as views. */
export function stateBefore(layer: LstmTrace, t: number): { readonly c: FloatArray; readonly h: FloatArray } {
  const before = stepBefore(layer, t);
  const { c, h, initial, steps } = layer;
  requireObject('layer.initial', initial);
  for (const [name, one] of [
    ['c', c],
    ['h', h],
  ] as const) {
    requireGrid(`layer.${name}`, one, steps);
    requireGrid(`layer.initial.${name}`, initial[name], 1, one.cols);
  }
  return before === null ? { c: initial.c.data, h: initial.h.data } : { c: rowOf(c, before), h: rowOf(h, before) };
}

/** Moves every row to the step computed after it; the first step gets `initial`. */
export function shifted(from: Pick<LstmTrace, 'steps' | 'reverse'>, values: Grid, initial: Grid): Grid {
  const out = grid(values.rows, values.cols, values.data.slice().fill(0));
  for (let t = 0; t < values.rows; t++) {
    const before = stepBefore(from, t);
    rowOf(out, t).set(before === null ? initial.data : rowOf(values, before));
  }
  return out;
}
