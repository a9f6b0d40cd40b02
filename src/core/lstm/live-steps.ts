/**
 * The time loop over sequences of unequal lengths. A step computes its span of rows (live-rows.ts). The other rows have ended: they
 * keep their state, as (Z2) says, and all else that belongs to them is 0.
 */
import type { CellArguments, Kernels, LayerNorm, LstmStep, Matrix, PackedMatrix } from '../../contract/kernels.js';
import { gapFor, type LiveRows } from '../live-rows.js';
import { decorate } from '../memory/decorate.js';
import type { LstmBuffers } from './program.js';

/** The buffers of an LSTM, and which rows its passes compute. */
export interface LiveBuffers extends LstmBuffers {
  /** Null: all rows of all steps. */
  readonly live: LiveSteps | null;
}

type Direction = 'forward' | 'backward';

/** The spans of the last pass in one direction, and what must be 0 outside of them. */
interface Blanks {
  /** By time, (N, C) each. */
  readonly lists: (readonly Matrix[])[];
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export class LiveSteps {
  /** The instructions of the backend, on the span of the current step. Operands with a row for each sequence are cut to it. */
  readonly step: Kernels;
  private readonly b: LstmBuffers;
  private readonly blanks: Readonly<Record<Direction, Blanks>>;
  private live: LiveRows | null = null;
  private t = 0;
  private first = 0;
  private count: number;

  /** @param block rows that the product of a weight's gradient sums before it adds them. */
  private constructor(
    b: LstmBuffers,
    readonly block: number,
  ) {
    const { k, shape } = b;
    // An allocated matrix is 0: as after a pass without live rows.
    const nothing = (): Blanks => ({ lists: [], from: new Int32Array(shape.steps), to: new Int32Array(shape.steps) });
    this.b = b;
    this.count = shape.batchSize;
    this.blanks = { forward: nothing(), backward: nothing() };
    this.step = decorate(k, this.instructions());
  }

  /** For a layer over sequences of unequal lengths; null where leaving out rows would cost more than it saves. */
  static of(b: LstmBuffers): LiveSteps | null {
    const { k, masks, shape, gates, x, state } = b;
    const multiplyAdds = shape.batchSize * gates.cols * (x.cols + state.h.cols);
    return masks && k.partialRows && multiplyAdds >= k.partialRows.minimum
      ? new LiveSteps(b, k.partialRows.block)
      : null;
  }

  /** The rows that the pass computes; null: all rows of all steps. */
  get rows(): LiveRows | null {
    return this.b.masks!.live;
  }

  /** Whether all rows of the current span are live. */
  get isSolid(): boolean {
    const { live, t } = this;
    return !live || live.runsAt[t + 1]! - live.runsAt[t]! === 1;
  }

  /** The blocks by time of a matrix that the time loop writes in this direction are 0 in rows that are not computed. */
  blank(direction: Direction, steps: readonly Matrix[]): void {
    this.blanks[direction].lists.push(steps);
  }

  /** Moves to step t of the forward pass. Returns false if no row of it is live. */
  forward(t: number): boolean {
    if (!this.enter('forward', t)) return true;
    const { y, before } = this.b.steps[t]!;
    this.carry(y.h, before.h, false); // (Z2)
    this.carry(y.c, before.c, false);
    return this.count > 0;
  }

  /** Moves to step t of the backward pass. Returns false if no row of it is live. */
  backward(t: number): boolean {
    if (!this.enter('backward', t)) return true;
    const { y, before } = this.b.grad!.steps[t]!;
    this.carry(before.h, y.h, true); // (Z2); before.h has the part of the next layer already
    this.carry(before.c, y.c, false);
    return this.count > 0;
  }

  /** Sets the span of a step. Returns false if it has all rows. */
  private enter(direction: Direction, t: number): boolean {
    const { batchSize: N } = this.b.shape;
    const live = this.rows;
    this.live = live;
    this.t = t;
    this.first = live ? live.from[t]! - t * N : 0;
    this.count = live ? live.to[t]! - live.from[t]! : N;
    const { from, to } = this.blanks[direction];
    const [first, end] = [this.first, this.first + this.count];
    this.clear(direction, from[t]!, Math.min(to[t]!, first));
    this.clear(direction, Math.max(from[t]!, end), to[t]!);
    from[t] = first;
    to[t] = end;
    return this.count < N;
  }

  /** Sets rows of the current step to 0 that an earlier pass has written. */
  private clear(direction: Direction, from: number, end: number): void {
    if (from >= end) return;
    for (const steps of this.blanks[direction].lists) this.b.k.fill(this.rowsOf(steps[this.t]!, from, end), 0);
  }

  /** out = or += a, in the rows outside of the span. */
  private carry(out: Matrix, a: Matrix, adds: boolean): void {
    const { first, count } = this;
    const { batchSize: N } = this.b.shape;
    if (first > 0) this.carryRows(out, a, [0, first], adds);
    if (first + count < N) this.carryRows(out, a, [first + count, N], adds);
  }

  private carryRows(out: Matrix, a: Matrix, [from, end]: readonly [number, number], adds: boolean): void {
    const { k } = this.b;
    const [to, source] = [this.rowsOf(out, from, end), this.rowsOf(a, from, end)];
    if (adds) k.add(to, to, source);
    else k.copy(to, source);
  }

  private rowsOf(m: Matrix, from: number, end: number): Matrix {
    return this.b.k.view(m, from * m.cols, end - from, m.cols);
  }

  /** out += a b, on the live rows of a span that has others too, whose product does not count. */
  private addRuns(out: Matrix, a: Matrix, weights: PackedMatrix): void {
    const { t } = this;
    const { k, shape } = this.b;
    const { runFrom, runTo, runsAt } = this.live!;
    const start = t * shape.batchSize;
    const gap = gapFor(weights.rows * weights.cols);
    for (let i = runsAt[t]!; i < runsAt[t + 1]!; i++) {
      const from = runFrom[i]! - start;
      i = this.live!.lastJoined(i, runsAt[t + 1]!, gap);
      const to = runTo[i]! - start;
      k.gemmPacked(this.rowsOf(out, from, to), this.rowsOf(a, from, to), weights, true);
    }
  }

  private instructions(): Partial<Kernels> {
    const { k, shape } = this.b;
    const cut = (m: Matrix): Matrix =>
      this.count === shape.batchSize ? m : this.rowsOf(m, this.first, this.first + this.count);
    const cellOf = (cell: CellArguments): CellArguments => ({ ...cell, mask: cell.mask && cut(cell.mask) });
    const gatesOf = ({ gates, c }: Pick<LstmStep, 'gates' | 'c'>) => ({ gates: cut(gates), c: cut(c) });
    const stepOf = ({ gates, c, h }: LstmStep): LstmStep => ({ gates: cut(gates), c: cut(c), h: cut(h) });
    const normOf = (norm: LayerNorm): LayerNorm => ({ ...norm, a: cut(norm.a), stats: cut(norm.stats) });
    return {
      gemm: (out, a, weights, options) => k.gemm(cut(out), cut(a), weights, options),
      gemmPacked: (out, a, weights, accumulate) => {
        // Without `accumulate`, rows that are left out would keep values of an earlier pass.
        if (accumulate && !this.isSolid) this.addRuns(out, a, weights);
        else k.gemmPacked(cut(out), cut(a), weights, accumulate);
      },
      lstmCell: (y, cPrev) => k.lstmCell(stepOf(y), cut(cPrev)),
      lstmCellGrad: (d, dcPrev, y, cPrev) => k.lstmCellGrad(stepOf(d), cut(dcPrev), stepOf(y), cut(cPrev)),
      cellState: (y, cPrev, cell) => k.cellState(gatesOf(y), cut(cPrev), cellOf(cell)),
      cellStateGrad: (d, y, cPrev, cell) => {
        const { c, cPrev: dcPrev, peepholes } = d;
        const cutGrad = { gates: cut(d.gates), c: cut(c), cPrev: cut(dcPrev), peepholes };
        k.cellStateGrad(cutGrad, gatesOf(y), cut(cPrev), cellOf(cell));
      },
      cellOutput: (y, s, cell) => k.cellOutput(stepOf(y), cut(s), cellOf(cell)),
      cellOutputGrad: (d, y, s, cell) =>
        k.cellOutputGrad({ ...stepOf(d), s: cut(d.s), peepholes: d.peepholes }, gatesOf(y), cut(s), cellOf(cell)),
      layerNorm: (out, norm, accumulate) => k.layerNorm(cut(out), normOf(norm), accumulate),
      layerNormGrad: (d, dout, norm, accumulate) =>
        k.layerNormGrad({ ...d, a: cut(d.a) }, cut(dout), normOf(norm), accumulate),
      scaleRows: (out, a, factors, accumulate) => k.scaleRows(cut(out), cut(a), cut(factors), accumulate),
      copyColumns: (out, a, columns, accumulate) => k.copyColumns(cut(out), cut(a), columns, accumulate),
      fill: (out, value) => k.fill(cut(out), value),
      copy: (out, a) => k.copy(cut(out), cut(a)),
      multiply: (out, a, b, accumulate) => k.multiply(cut(out), cut(a), cut(b), accumulate),
    };
  }
}
