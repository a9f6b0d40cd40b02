/**
 * Repeat: one step becomes T equal steps, for one-to-many models (S1): y_t = x. Its derivative: x reaches the loss through
 * every step, so dx = sum_t dy_t (S1').
 */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import { blocks } from '../pass.js';
import type { LayerInput, LayerTape, TapeContext } from './layer.js';

/** Repeats one time step `steps` times: after `returns: 'last'`, or over an input of one step. For one-to-many models. */
export interface RepeatSpec {
  readonly kind: 'repeat';
  readonly steps: number;
  /** Default `repeat`. */
  readonly name?: string;
}

export class RepeatTape implements LayerTape {
  readonly kind = 'repeat';
  readonly name: string;
  readonly y: Matrix; // (T*N, C)
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  private readonly input: LayerInput;
  private readonly ys: readonly Matrix[];
  private readonly dys: readonly Matrix[];

  constructor({ kernels: k, gradients }: TapeContext, name: string, { steps }: RepeatSpec, input: LayerInput) {
    const { rows, cols } = input.x!;
    this.k = k;
    this.name = name;
    this.input = input;
    this.outputSteps = steps;
    this.y = k.alloc(steps * rows, cols);
    this.dy = gradients ? k.alloc(steps * rows, cols) : null;
    this.ys = blocks(k, this.y, rows);
    this.dys = this.dy ? blocks(k, this.dy, rows) : [];
  }

  forward(): void {
    for (const y of this.ys) this.k.copy(y, this.input.x!); // (S1)
  }

  backward(): void {
    const { k, dys } = this;
    const { dx } = this.input;
    if (!dx) return;
    k.fill(dx, 0);
    for (const dy of dys) k.add(dx, dx, dy); // (S1')
  }
}
