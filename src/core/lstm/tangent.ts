/**
 * The LSTM's step differentiated forwards: the change (dh', dc') that changes of the input, the state and the weights make,
 * to first order. (J1)-(J3) are (F1)-(F4) with the product rule, term by term:
 *
 *   da  = dx Wx' + x dWx' + dh- Wh' + h- dWh' + db                                   (J1)
 *         and with peepholes  dai += dpi c-,  daf += dpf c-,  dao += dpo c
 *   dc' = sum over gates a of (dc'/da) da + (dc'/dc-) dc-,   du' likewise            (J2)
 *   dh' = du',  with a projection  dh' = du' Whr' + u' dWhr'                         (J3)
 *
 * The cell acts on each unit alone, so the derivatives in (J2) are one number per unit and gate. The backward kernels
 * compute them from unit cotangents: with (dh, dc) = (1, 0) those leave du'/da and du'/dc- of all units at once, with
 * (0, 1) dc'/da and dc'/dc-. For the standard cell they are, s being sigma's slope and s- tanh's,
 *
 *   dc'/dai = g i(1-i)   dc'/daf = c- f(1-f)   dc'/dag = i (1-g^2)   dc'/dao = 0             dc'/dc- = f
 *   du'/da  = o (1 - tanh(c)^2) dc'/da, and   du'/dao = tanh(c) o(1-o)                       du'/dc- = o (1 - tanh(c)^2) f
 */

import type { Kernels, LstmStepGrad, Matrix, Peepholes } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import type { LstmState } from './blocks.js';
import type { LstmParts } from './parameters.js';
import type { LstmSpec } from './spec.js';
import type { LstmTape } from './tape.js';
import { cellVariant, isStandardCell, noiseRates } from './variant.js';

/** Why a layer has no closed-form derivatives; null if it has. */
export function withoutClosedForm({ cell = {}, ...spec }: LstmSpec): string | null {
  if (cell.layerNorm) return 'layerNorm couples all units of a step';
  if (cell.gateRecurrence) return 'gateRecurrence makes the gates depend on those of the previous step';
  const { zoneoutH, zoneoutC } = noiseRates(spec);
  return zoneoutH > 0 || zoneoutC > 0 ? 'zoneout mixes the state with the previous one' : null;
}

/** Derivatives of u' (the cell's output, h' where nothing projects it) and c', unit by unit. */
export interface UnitDerivatives {
  /** (N, 4H), by ai | af | ag | ao. */
  readonly hByGates: Matrix;
  readonly cByGates: Matrix;
  /** (N, H), by c-. */
  readonly hByCell: Matrix;
  readonly cByCell: Matrix;
}

/** Needs a tape of one step after a forward pass. Allocates through `k`, usually a lease. */
export class LstmTangent {
  private readonly k: Kernels;
  private readonly layer: LstmTape;
  private readonly d: LstmStepGrad;
  private readonly dPeepholes: Peepholes | null;
  private readonly derivatives: UnitDerivatives;
  private readonly da: Matrix; // (N, 4H)
  private readonly part: Matrix; // (N, H)

  /** Throws `INVALID_SETTING` for a layer whose cell does not act unit by unit. */
  constructor(k: Kernels, layer: LstmTape) {
    const why = withoutClosedForm(layer.spec);
    if (why) throw invalidSetting(layer.name, `has no closed-form derivatives: ${why}.`);
    const { batchSize: N } = layer.shape;
    const H = layer.hiddenSize;
    const unit = (): Matrix => k.alloc(N, H);
    const peephole = (): Matrix => k.alloc(1, H);
    this.k = k;
    this.layer = layer;
    this.d = { gates: k.alloc(N, 4 * H), c: unit(), h: unit() };
    this.dPeepholes = layer.spec.cell?.peepholes ? { i: peephole(), f: peephole(), o: peephole() } : null;
    this.derivatives = { hByGates: k.alloc(N, 4 * H), cByGates: k.alloc(N, 4 * H), hByCell: unit(), cByCell: unit() };
    this.da = k.alloc(N, 4 * H);
    this.part = unit();
  }

  /** The numbers of (J2), until the next call. */
  units(p: LstmParts): UnitDerivatives {
    const { hByGates, cByGates, hByCell, cByCell } = this.derivatives;
    this.back(p, 1, 0, hByGates, hByCell);
    this.back(p, 0, 1, cByGates, cByCell);
    return this.derivatives;
  }

  /**
   * (J1)-(J3). `dx` (N, D); `from` and `to` are the changes of the state before and after, (N, R) and (N, H); `w` the change of
   * the weights, null for none. Needs `units` of this pass.
   */
  apply(p: LstmParts, w: LstmParts | null, dx: Matrix | null, from: LstmState, to: LstmState): void {
    const { k, da } = this;
    const { x, steps, spec } = this.layer;
    const { y, before } = steps[0]!;
    k.gemm(da, from.h, p.weightHh, { transB: true }); // (J1)
    if (dx) k.gemm(da, dx, p.weightIh, { transB: true, accumulate: true });
    if (w) {
      k.gemm(da, x, w.weightIh, { transB: true, accumulate: true });
      k.gemm(da, before.h, w.weightHh, { transB: true, accumulate: true });
      for (const bias of w.biases) this.addRow(da, bias);
      if (w.peepholes) this.addPeepholes(w.peepholes, before.c, y.c);
    }
    const { hByGates, cByGates, hByCell, cByCell } = this.derivatives;
    this.mix(to.c, cByGates, cByCell, from.c); // (J2)
    if (spec.projectionSize === undefined) {
      this.mix(to.h, hByGates, hByCell, from.c);
      return;
    }
    const { y: inner } = this.layer.cell(0);
    this.mix(this.d.h, hByGates, hByCell, from.c);
    k.gemm(to.h, this.d.h, p.weightHr!, { transB: true }); // (J3)
    if (w) k.gemm(to.h, inner.h, w.weightHr!, { transB: true, accumulate: true });
  }

  /** What cotangents (h, c), the same for all units, leave at the gates and at c-. */
  private back(p: LstmParts, h: number, c: number, byGates: Matrix, byCell: Matrix): void {
    const { k, d, layer, dPeepholes } = this;
    const { y, mask, squashed } = layer.cell(0);
    const { c: cPrev } = layer.steps[0]!.before;
    k.fill(d.h, h);
    k.fill(d.c, c);
    if (isStandardCell(layer.spec.cell) && !mask) k.lstmCellGrad(d, byCell, y, cPrev);
    else {
      const cell = { variant: cellVariant(layer.spec.cell), peepholes: p.peepholes, mask };
      k.fill(d.gates, 0);
      k.cellOutputGrad({ ...d, s: d.c, peepholes: dPeepholes }, y, squashed, cell);
      k.cellStateGrad({ ...d, cPrev: byCell, peepholes: dPeepholes }, y, cPrev, cell);
    }
    k.copy(byGates, d.gates);
  }

  /** out = sum over gates of byGates da + byCell dc. */
  private mix(out: Matrix, byGates: Matrix, byCell: Matrix, dc: Matrix): void {
    const { k, d, da } = this;
    const H = out.cols;
    k.multiply(d.gates, byGates, da, false);
    k.multiply(out, byCell, dc, false);
    for (let gate = 0; gate < 4; gate++) k.copyColumns(out, d.gates, { from: gate * H, to: 0, count: H }, true);
  }

  private addRow(out: Matrix, row: Matrix): void {
    this.k.fillRows(this.d.gates, row);
    this.k.add(out, out, this.d.gates);
  }

  private addPeepholes({ i, f, o }: Peepholes, cBefore: Matrix, c: Matrix): void {
    const { k, da, part } = this;
    for (const [gate, weight, cell] of [[0, i, cBefore] as const, [1, f, cBefore] as const, [3, o, c] as const]) {
      k.fillRows(part, weight);
      k.multiply(part, part, cell, false);
      k.copyColumns(da, part, { from: 0, to: gate * part.cols, count: part.cols }, true);
    }
  }
}
