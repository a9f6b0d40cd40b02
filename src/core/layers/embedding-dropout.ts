/**
 * Dropout of an embedding drops whole rows of its table E for a pass (Gal & Ghahramani 2016): y[r] = m[ids[r]] E[ids[r]], and so
 * dE[ids[r]] += m[ids[r]] dy[r].
 */
import type { Kernels, Matrix } from '../../contract/kernels.js';
import { drawMask, type MaskSource, streamOf } from '../masks.js';
import type { PassState } from '../pass.js';
import type { DroppedTable, EmbeddingDropout, TapeContext } from './layer.js';

export class RowDropout implements EmbeddingDropout {
  private readonly k: Kernels;
  private readonly pass: PassState;
  private readonly ids: Int32Array;
  private readonly source: MaskSource;
  private readonly byToken: Matrix; // (size, 1)
  private readonly byRow: Matrix; // (T*N, 1)

  constructor({ kernels: k, pass }: TapeContext, name: string, table: DroppedTable, ids: Int32Array) {
    this.k = k;
    this.pass = pass;
    this.ids = ids;
    this.source = { rate: table.dropout ?? 0, stream: streamOf(name), over: 'pass' };
    this.byToken = k.alloc(table.size, 1);
    this.byRow = k.alloc(ids.length, 1);
  }

  forward(y: Matrix): void {
    const { k, pass, byToken, byRow } = this;
    if (!pass.noise) return;
    drawMask(k, byToken, pass.noise, this.source);
    k.gatherRows(byRow, byToken, this.ids);
    k.scaleRows(y, y, byRow, false);
  }

  backward(dy: Matrix): void {
    if (this.pass.noise) this.k.scaleRows(dy, dy, this.byRow, false);
  }
}
