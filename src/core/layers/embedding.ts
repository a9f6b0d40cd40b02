/**
 * Embedding: y[r] = E[ids[r]] (E1). Its derivative: a row of E is read once for every occurrence of its token, so the
 * gradients of all occurrences add up: dE[ids[r]] += dy[r] (E1').
 */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import type { Initializer } from '../init.js';
import type { Arena } from '../memory/parameters.js';
import { type EmbeddingDropout, type LayerKind, type LayerTape, requireVariants, type TapeContext } from './layer.js';

/** Maps token numbers to rows of a table. Must be the first layer. Parameter: `NAME.weight` [size, width]. */
export interface EmbeddingSpec {
  readonly kind: 'embedding';
  /** Number of different tokens. */
  readonly size: number;
  /** Length of each token's vector. */
  readonly width: number;
  /** Prefix of the parameter's name. Default `embedding`. */
  readonly name?: string;
  /** Default `normal`, as PyTorch. */
  readonly init?: Initializer;
  /** Probability that a token's vector is dropped for a training pass (Gal & Ghahramani 2016). Default 0. */
  readonly dropout?: number;
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
  private readonly dropout: EmbeddingDropout | null;

  constructor(context: TapeContext, name: string, spec: EmbeddingSpec) {
    const { kernels: k, shape, gradients } = context;
    const { width, dropout = 0 } = spec;
    const count = shape.steps * shape.batchSize;
    this.k = k;
    this.name = name;
    this.weight = `${name}.weight`;
    this.ids = new Int32Array(count);
    this.y = k.alloc(count, width);
    this.dy = gradients ? k.alloc(count, width) : null;
    this.outputSteps = shape.steps;
    this.dropout =
      dropout > 0 ? requireVariants(context.variants, name).embeddingDropout(context, name, spec, this.ids) : null;
  }

  forward(parameters: Arena): void {
    this.k.gatherRows(this.y, parameters.part(this.weight), this.ids); // (E1)
    this.dropout?.forward(this.y);
  }

  backward(_parameters: Arena, gradients: Arena): void {
    const { k, dy } = this;
    if (!dy) return;
    this.dropout?.backward(dy);
    k.scatterAddRows(gradients.part(this.weight), this.ids, dy); // (E1')
  }
}

export const embedding: LayerKind<EmbeddingSpec, EmbeddingTape> = {
  build(spec, names) {
    const { size, width, init = 'normal' } = spec;
    const name = names.unique(spec.name ?? 'embedding');
    return {
      name,
      parameters: [{ name: `${name}.weight`, shape: [size, width], start: (draw) => draw(init, size, width, width) }],
      tape: (context) => new EmbeddingTape(context, name, spec),
    };
  },
};
