/**
 * Dropout: y = m x, each m 0 with probability p, else 1 / (1 - p), so that the mean stays (D1; Srivastava et al. 2014).
 * Its derivative: dx = m dy (D1'). Outside of training y = x. With `shared: 'steps'` one mask serves all time steps
 * (variational dropout, Gal & Ghahramani 2016). The masks come from keys, so that a pass made again sees the same ones.
 */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { blocks } from '../lstm/blocks.js';
import type { DropoutSpec } from '../spec.js';
import {
  drawMask,
  type Layer,
  type LayerInput,
  type LayerTape,
  type MaskOver,
  type PassState,
  streamOf,
} from './layer.js';

export class DropoutTape implements LayerTape {
  readonly kind = 'dropout';
  readonly name: string;
  readonly y: Matrix; // (T*N, C)
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  private readonly rate: number;
  private readonly stream: number;
  private readonly pass: PassState;
  private readonly input: LayerInput;
  private readonly over: MaskOver;
  private readonly mask: Matrix; // (T*N, C), or (N, C) where the steps share it
  /** What is multiplied with the mask, block by block: x, y, dx, dy. */
  private readonly parts: readonly (readonly [x: Matrix, y: Matrix, dx: Matrix | null, dy: Matrix | null])[];

  constructor(k: Kernels, name: string, spec: DropoutSpec, input: LayerInput, withGradients: boolean, pass: PassState) {
    const { rows: all, cols } = input.x!;
    this.k = k;
    this.name = name;
    this.rate = spec.rate;
    this.stream = streamOf(name);
    this.pass = pass;
    this.input = input;
    this.outputSteps = input.steps;
    this.y = k.alloc(all, cols);
    this.dy = withGradients ? k.alloc(all, cols) : null;
    this.over = spec.shared === 'steps' ? 'rows' : 'steps';
    const rows = spec.shared === 'steps' ? all / input.steps : all;
    this.mask = k.alloc(rows, cols);
    const cut = (m: Matrix | null) => m && blocks(k, m, rows);
    const [xs, ys, dxs, dys] = [cut(input.x)!, cut(this.y)!, cut(input.dx), cut(this.dy)];
    this.parts = xs.map((x, t) => [x, ys[t]!, dxs && dxs[t]!, dys && dys[t]!]);
  }

  pack(): void {}

  forward(): void {
    const { k, mask, pass } = this;
    if (!pass.noise) {
      k.copy(this.y, this.input.x!);
      return;
    }
    drawMask(k, mask, pass.noise, this.stream, this.rate, this.over);
    for (const [x, y] of this.parts) k.multiply(y, x, mask, false); // (D1)
  }

  backward(): void {
    const { k, mask, pass } = this;
    if (!this.input.dx) return;
    if (!pass.noise) k.copy(this.input.dx, this.dy!);
    else for (const [, , dx, dy] of this.parts) k.multiply(dx!, dy!, mask, false); // (D1')
  }
}

export function dropoutLayer(spec: DropoutSpec, name: string, width: number): Layer {
  return {
    name,
    outputSize: width,
    parameters: [],
    tape: (k, _shape, input, withGradients, pass) => new DropoutTape(k, name, spec, input, withGradients, pass),
  };
}
