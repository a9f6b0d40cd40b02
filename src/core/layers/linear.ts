/**
 * Linear: y = x W' + b (A1), W [O, D] as PyTorch stores it. Its derivative, by the product rule on each element:
 * dx = dy W,  dW += dy' x,  db += sum over rows of dy (A1').
 */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import type { Initializer } from '../init.js';
import type { Arena, ParameterSpec } from '../memory/parameters.js';
import type { LayerInput, LayerKind, LayerTape, TapeContext } from './layer.js';

/** y = x W' + b at every step. Parameters: `NAME.weight` [size, input width], `NAME.bias` [size]. */
export interface LinearSpec {
  readonly kind: 'linear';
  /** Width of the output. */
  readonly size: number;
  /** Default true. */
  readonly bias?: boolean;
  /**
   * Name of the embedding layer whose table is also this layer's weight (Press & Wolf 2017). The embedding's size must
   * equal this size, and its width this layer's input width. Default: the layer has a separate weight.
   */
  readonly tied?: string;
  /** Prefix of the parameters' names. Default `head`. */
  readonly name?: string;
  /** Both default to `uniform` (1/sqrt(input width), as PyTorch). */
  readonly init?: { readonly weight?: Initializer; readonly bias?: Initializer };
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
  /** Names of the parameters; a tied weight has the embedding's name. */
  readonly names: { readonly weight: string; readonly bias: string | null };

  constructor({ kernels: k, gradients }: TapeContext, name: string, spec: LinearSpec, input: LayerInput) {
    this.k = k;
    this.name = name;
    this.names = { weight: `${spec.tied ?? name}.weight`, bias: spec.bias === false ? null : `${name}.bias` };
    this.x = input.x!;
    this.dx = input.dx;
    this.y = k.alloc(this.x.rows, spec.size);
    this.dy = gradients ? k.alloc(this.x.rows, spec.size) : null;
    this.outputSteps = input.steps;
  }

  forward(parameters: Arena): void {
    const { k, x, y } = this;
    const { weight, bias } = this.names;
    if (bias) k.fillRows(y, parameters.part(bias)); // (A1)
    k.gemmPacked(y, x, parameters.packed(weight, true), bias !== null);
  }

  backward(parameters: Arena, gradients: Arena): void {
    const { k, x, dx } = this;
    const { weight, bias } = this.names;
    const dy = this.dy!;
    if (dx) k.gemm(dx, dy, parameters.part(weight)); // (A1')
    k.gemm(gradients.part(weight), dy, x, { transA: true, accumulate: true });
    if (bias) k.sumRows(gradients.part(bias), dy);
  }
}

export const linear: LayerKind<LinearSpec, LinearTape> = {
  build(spec, names, inputSize) {
    const { size, init = {} } = spec;
    const { weight = 'uniform', bias = 'uniform' } = init;
    const name = names.unique(spec.name ?? 'head');
    const parameters: ParameterSpec[] = [
      {
        name: `${name}.weight`,
        shape: [size, inputSize],
        start: (draw) => draw(weight, size, inputSize, inputSize),
      },
      { name: `${name}.bias`, shape: [size], start: (draw) => draw(bias, 1, size, inputSize) },
    ];
    return {
      name,
      parameters: parameters.slice(spec.tied === undefined ? 0 : 1, spec.bias === false ? 1 : 2),
      tape: (context, input) => new LinearTape(context, name, spec, input),
    };
  },
};
