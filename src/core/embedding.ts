/**
 * Embedding: y[r] = E[ids[r]] (E1). Its derivative: a row of E is read once for every place its token stands, so the
 * gradients of all those places add up: dE[ids[r]] += dy[r] (E1').
 */
import { initialise } from './init.js';
import type { Kernels, Matrix } from './kernels.js';
import type { Layer, LayerTape, PassShape } from './layer.js';
import type { Arena } from './params.js';
import type { EmbeddingSpec } from './spec.js';

export function embeddingForward(k: Kernels, y: Matrix, E: Matrix, ids: Int32Array): void {
  k.gatherRows(y, E, ids); // (E1)
}

export function embeddingBackward(k: Kernels, dE: Matrix, ids: Int32Array, dy: Matrix): void {
  k.scatterAddRows(dE, ids, dy); // (E1')
}

export class EmbeddingTape implements LayerTape {
  readonly kind = 'embedding';
  readonly name: string;
  readonly y: Matrix; // (T*N, width)
  readonly dy: Matrix | null;
  readonly outputSteps: number;
  /** Token of each row, time-major. */
  readonly ids: Int32Array;
  private readonly k: Kernels;
  private readonly weight: string;

  constructor(k: Kernels, name: string, width: number, shape: PassShape, withGradients: boolean) {
    const count = shape.steps * shape.rows;
    this.k = k;
    this.name = name;
    this.weight = `${name}.weight`;
    this.ids = new Int32Array(count);
    this.y = k.alloc(count, width);
    this.dy = withGradients ? k.alloc(count, width) : null;
    this.outputSteps = shape.steps;
  }

  pack(): void {} // rows are read where they stand

  forward(parameters: Arena): void {
    embeddingForward(this.k, this.y, parameters.handle(this.weight), this.ids);
  }

  backward(_parameters: Arena, gradients: Arena): void {
    if (this.dy) embeddingBackward(this.k, gradients.handle(this.weight), this.ids, this.dy);
  }

  free(): void {
    this.k.free(this.y);
    if (this.dy) this.k.free(this.dy);
  }
}

export function embeddingLayer(spec: EmbeddingSpec, name: string): Layer {
  const { size, width, init = 'normal' } = spec;
  return {
    name,
    outputSize: width,
    parameters: [
      { name: `${name}.weight`, shape: [size, width], start: (rng) => initialise(init, size, width, width, rng) },
    ],
    tape: (k, shape, _input, withGradients) => new EmbeddingTape(k, name, width, shape, withGradients),
  };
}
