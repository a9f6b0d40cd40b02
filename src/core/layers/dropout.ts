/**
 * Dropout: y = m x, each m 0 with probability p, else 1 / (1 - p), so that the mean is unchanged (D1; Srivastava et al. 2014).
 * Its derivative: dx = m dy (D1'). Outside of training y = x. With `shared: 'steps'` one mask serves all time steps
 * (variational dropout, Gal & Ghahramani 2016). Masks are drawn from keys, so that a repeated pass has the same masks.
 */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import { drawMask, type MaskSource, streamOf } from '../masks.js';
import { blocks, type PassState } from '../pass.js';
import type { LayerInput, LayerTape, TapeContext } from './layer.js';

/** Drops elements of the layer's input, in training only. */
export interface DropoutSpec {
  readonly kind: 'dropout';
  /** Probability that an element is dropped, 0 to less than 1. The others are scaled by 1 / (1 - rate). */
  readonly rate: number;
  /** `steps`: one mask for all time steps (variational dropout, Gal & Ghahramani 2016). Default: a mask per step. */
  readonly shared?: 'steps';
  /** Determines the masks, together with the seed. Default `dropout`. */
  readonly name?: string;
}

export class DropoutTape implements LayerTape {
  readonly kind = 'dropout';
  readonly name: string;
  readonly y: Matrix; // (T*N, C)
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  private readonly source: MaskSource;
  private readonly pass: PassState;
  private readonly input: LayerInput;
  private readonly mask: Matrix; // (T*N, C), or (N, C) where the steps share it
  /** The blocks that the mask multiplies: x, y, dx, dy. */
  private readonly parts: readonly (readonly [x: Matrix, y: Matrix, dx: Matrix | null, dy: Matrix | null])[];

  constructor(context: TapeContext, name: string, spec: DropoutSpec, input: LayerInput) {
    const { kernels: k, gradients, pass } = context;
    const { rows: all, cols } = input.x!;
    const shared = spec.shared === 'steps';
    this.k = k;
    this.name = name;
    const batchSize = all / input.steps;
    this.source = { rate: spec.rate, stream: streamOf(name), over: shared ? 'rows' : 'steps', batchSize };
    this.pass = pass;
    this.input = input;
    this.outputSteps = input.steps;
    this.y = k.alloc(all, cols);
    this.dy = gradients ? k.alloc(all, cols) : null;
    const rows = shared ? batchSize : all;
    this.mask = k.alloc(rows, cols);
    const cut = (m: Matrix | null) => m && blocks(k, m, rows);
    const [xs, ys, dxs, dys] = [cut(input.x)!, cut(this.y)!, cut(input.dx), cut(this.dy)];
    this.parts = xs.map((x, t) => [x, ys[t]!, dxs && dxs[t]!, dys && dys[t]!]);
  }

  forward(): void {
    const { k, mask, pass } = this;
    if (!pass.noise) {
      k.copy(this.y, this.input.x!);
      return;
    }
    drawMask(k, mask, pass.noise, this.source);
    for (const [x, y] of this.parts) k.multiply(y, x, mask, false); // (D1)
  }

  backward(): void {
    const { k, mask, pass } = this;
    if (!this.input.dx) return;
    if (!pass.noise) k.copy(this.input.dx, this.dy!);
    else for (const [, , dx, dy] of this.parts) k.multiply(dx!, dy!, mask, false); // (D1')
  }
}
