/**
 * Repeat: one step becomes T of the same, for one-to-many (S1): y_t = x. Its derivative: x reaches the loss through every
 * step, so dx = sum_t dy_t (S1').
 */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { blocks } from '../lstm/blocks.js';
import type { RepeatSpec } from '../spec.js';
import type { Layer, LayerInput, LayerTape } from './layer.js';

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

  constructor(k: Kernels, name: string, { steps }: RepeatSpec, input: LayerInput, withGradients: boolean) {
    const { rows, cols } = input.x!;
    this.k = k;
    this.name = name;
    this.input = input;
    this.outputSteps = steps;
    this.y = k.alloc(steps * rows, cols);
    this.dy = withGradients ? k.alloc(steps * rows, cols) : null;
    this.ys = blocks(k, this.y, rows);
    this.dys = this.dy ? blocks(k, this.dy, rows) : [];
  }

  pack(): void {}

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

export function repeatLayer(spec: RepeatSpec, name: string, width: number): Layer {
  return {
    name,
    outputSize: width,
    parameters: [],
    tape: (k, _shape, input, withGradients) => new RepeatTape(k, name, spec, input, withGradients),
  };
}
