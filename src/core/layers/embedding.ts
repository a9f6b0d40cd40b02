/**
 * Embedding: y[r] = E[ids[r]] (E1). Its derivative: a row of E is read once for every place its token stands, so the
 * gradients of all those places add up: dE[ids[r]] += dy[r] (E1'). With dropout, whole rows of E are dropped for a pass:
 * y[r] = m[ids[r]] E[ids[r]], and so dE[ids[r]] += m[ids[r]] dy[r] (Gal & Ghahramani 2016).
 */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import { initialize } from '../init.js';
import type { Arena } from '../memory/parameters.js';
import type { EmbeddingSpec } from '../spec.js';
import { drawMask, type Layer, type LayerTape, type PassShape, type PassState, streamOf } from './layer.js';

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
  private readonly pass: PassState;
  private readonly dropout: {
    readonly rate: number;
    readonly stream: number;
    readonly byToken: Matrix; // (size, 1)
    readonly byRow: Matrix; // (T*N, 1)
  } | null;

  constructor(
    k: Kernels,
    name: string,
    { size, width, dropout: rate = 0 }: EmbeddingSpec,
    shape: PassShape,
    withGradients: boolean,
    pass: PassState,
  ) {
    const count = shape.steps * shape.batchSize;
    this.pass = pass;
    this.dropout =
      rate > 0 ? { rate, stream: streamOf(name), byToken: k.alloc(size, 1), byRow: k.alloc(count, 1) } : null;
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
    const { k, dropout, pass } = this;
    embeddingForward(k, this.y, parameters.handle(this.weight), this.ids);
    if (!dropout || !pass.noise) return;
    const { rate, stream, byToken, byRow } = dropout;
    drawMask(k, byToken, pass.noise, stream, rate, 'pass');
    k.gatherRows(byRow, byToken, this.ids);
    k.scaleRows(this.y, this.y, byRow, false);
  }

  backward(_parameters: Arena, gradients: Arena): void {
    const { k, dy, dropout, pass } = this;
    if (!dy) return;
    if (dropout && pass.noise) k.scaleRows(dy, dy, dropout.byRow, false);
    embeddingBackward(k, gradients.handle(this.weight), this.ids, dy);
  }
}

export function embeddingLayer(spec: EmbeddingSpec, name: string): Layer {
  const { size, width, init = 'normal' } = spec;
  return {
    name,
    outputSize: width,
    parameters: [
      { name: `${name}.weight`, shape: [size, width], start: (rng) => initialize(init, size, width, width, rng) },
    ],
    tape: (k, shape, _input, withGradients, pass) => new EmbeddingTape(k, name, spec, shape, withGradients, pass),
  };
}
