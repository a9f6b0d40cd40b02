/**
 * Embedding: y[r] = E[ids[r]] (E1). Its derivative: a row of E is read once for every occurrence of its token, so the
 * gradients of all occurrences add up: dE[ids[r]] += dy[r] (E1'). With dropout, whole rows of E are dropped for a pass:
 * y[r] = m[ids[r]] E[ids[r]], and so dE[ids[r]] += m[ids[r]] dy[r] (Gal & Ghahramani 2016).
 */

import type { Kernels, Matrix } from '../../contract/kernels.js';
import type { Initializer } from '../init.js';
import type { Arena } from '../memory/parameters.js';
import { drawMask, type MaskSource, streamOf } from '../noise.js';
import type { PassState } from '../pass.js';
import type { LayerKind, LayerTape, TapeContext } from './layer.js';

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
  private readonly pass: PassState;
  private readonly dropout: {
    readonly source: MaskSource;
    readonly byToken: Matrix; // (size, 1)
    readonly byRow: Matrix; // (T*N, 1)
  } | null;

  constructor(context: TapeContext, name: string, { size, width, dropout: rate = 0 }: EmbeddingSpec) {
    const { kernels: k, shape, gradients, pass } = context;
    const count = shape.steps * shape.batchSize;
    const source: MaskSource = { rate, stream: streamOf(name), over: 'pass' };
    this.pass = pass;
    this.dropout = rate > 0 ? { source, byToken: k.alloc(size, 1), byRow: k.alloc(count, 1) } : null;
    this.k = k;
    this.name = name;
    this.weight = `${name}.weight`;
    this.ids = new Int32Array(count);
    this.y = k.alloc(count, width);
    this.dy = gradients ? k.alloc(count, width) : null;
    this.outputSteps = shape.steps;
  }

  forward(parameters: Arena): void {
    const { k, dropout, pass } = this;
    k.gatherRows(this.y, parameters.part(this.weight), this.ids); // (E1)
    if (!dropout || !pass.noise) return;
    const { source, byToken, byRow } = dropout;
    drawMask(k, byToken, pass.noise, source);
    k.gatherRows(byRow, byToken, this.ids);
    k.scaleRows(this.y, this.y, byRow, false);
  }

  backward(_parameters: Arena, gradients: Arena): void {
    const { k, dy, dropout, pass } = this;
    if (!dy) return;
    if (dropout && pass.noise) k.scaleRows(dy, dy, dropout.byRow, false);
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
