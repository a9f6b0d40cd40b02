/**
 * Linear: y = x W' + b (A1), W [O, D] as PyTorch stores it. Its derivative, by the product rule on each element:
 * dx = dy W,  dW += dy' x,  db += sum over rows of dy (A1').
 */

import type { Kernels, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { initialize } from '../init.js';
import type { Arena } from '../memory/parameters.js';
import type { LinearSpec } from '../spec.js';
import type { Layer, LayerInput, LayerTape } from './layer.js';

/** `W` is W', packed. */
export function linearForward(k: Kernels, y: Matrix, x: Matrix, W: PackedMatrix, b: Matrix | null): void {
  if (b) k.fillRows(y, b); // (A1)
  k.gemmPacked(y, x, W, b !== null);
}

export function linearBackward(
  k: Kernels,
  d: { readonly dx: Matrix | null; readonly dW: Matrix; readonly db: Matrix | null },
  dy: Matrix,
  x: Matrix,
  W: Matrix,
): void {
  if (d.dx) k.gemm(d.dx, dy, W); // (A1')
  k.gemm(d.dW, dy, x, { transA: true, accumulate: true });
  if (d.db) k.sumRows(d.db, dy);
}

export class LinearTape implements LayerTape {
  readonly kind = 'linear';
  readonly name: string;
  readonly x: Matrix; // (T*N, D)
  readonly dx: Matrix | null;
  readonly y: Matrix; // (T*N, O)
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  private readonly k: Kernels;
  private readonly packed: PackedMatrix; // W', (D, O)
  /** Of its parameters; a tied weight is another layer's. */
  readonly names: { readonly weight: string; readonly bias: string | null };

  constructor(k: Kernels, name: string, spec: LinearSpec, input: LayerInput, withGradients: boolean) {
    this.k = k;
    this.name = name;
    this.names = { weight: `${spec.tied ?? name}.weight`, bias: spec.bias === false ? null : `${name}.bias` };
    this.x = input.x!;
    this.dx = input.dx;
    this.y = k.alloc(this.x.rows, spec.size);
    this.dy = withGradients ? k.alloc(this.x.rows, spec.size) : null;
    this.outputSteps = input.steps;
    this.packed = k.allocPacked(this.x.cols, spec.size);
  }

  pack(parameters: Arena): void {
    this.k.pack(this.packed, parameters.handle(this.names.weight), true);
  }

  forward(parameters: Arena): void {
    const { bias } = this.names;
    const b = bias ? parameters.handle(bias) : null;
    linearForward(this.k, this.y, this.x, this.packed, b);
  }

  backward(parameters: Arena, gradients: Arena): void {
    const { weight, bias } = this.names;
    const db = bias ? gradients.handle(bias) : null;
    const d = { dx: this.dx, dW: gradients.handle(weight), db };
    linearBackward(this.k, d, this.dy!, this.x, parameters.handle(weight));
  }
}

export function linearLayer(spec: LinearSpec, name: string, inputSize: number): Layer {
  const { size, init = {} } = spec;
  const { weight = 'uniform', bias = 'uniform' } = init;
  const parameters = [
    {
      name: `${name}.weight`,
      shape: [size, inputSize],
      start: (rng: Parameters<typeof initialize>[4]) => initialize(weight, size, inputSize, inputSize, rng),
    },
    {
      name: `${name}.bias`,
      shape: [size],
      start: (rng: Parameters<typeof initialize>[4]) => initialize(bias, 1, size, inputSize, rng),
    },
  ];
  return {
    name,
    outputSize: size,
    parameters: parameters.slice(spec.tied === undefined ? 0 : 1, spec.bias === false ? 1 : 2),
    tape: (k, _shape, input, withGradients) => new LinearTape(k, name, spec, input, withGradients),
  };
}
