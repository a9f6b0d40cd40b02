/**
 * The LSTM's two passes differentiated along a direction w of the weights: R{x} = d/de x(theta + e w) at e = 0 (Pearlmutter 1994).
 * R of the forward pass is its jvp; R of the backward pass, the jvp of the vjp, gives R{dL/dtheta} = H w, the product of the Hessian
 * with w. Each line is R of the one with the same tag elsewhere, by the product rule, R{s} = s(1-s) R{a} and R{tc} = (1-tc^2) R{c}:
 *
 *   Ra  = Rx Wx + x RWx + Rh- Wh + h- RWh + Rb                                       (H1), of (F1)
 *   Ri  = i(1-i) Rai, f and o likewise;  Rg = (1-g^2) Rag                            (H2), of (F2)
 *   Rc  = Rf c- + f Rc- + Ri g + i Rg                                                (H3), of (F3)
 *   Rh  = Ro tc + o Rtc                                                              (H4), of (F4)
 *   Rdo = Rdh tc + dh Rtc
 *   Rdc = Rdc+ + Rdh o(1-tc^2) + dh Ro (1-tc^2) - 2 dh o tc Rtc                      (H5), of (B4)
 *   Rdi = Rdc g + dc Rg;  Rdg = Rdc i + dc Ri;  Rdf = Rdc c- + dc Rc-
 *   Rdc- = Rdc f + dc Rf                                                             (H6), of (B3)
 *   Rda_s = Rds s(1-s) + ds (1-2s) Rs;  Rda_g = Rdg (1-g^2) - 2 dg g Rg              (H7), of (B2)
 *   Rdx = Rda Wx' + da RWx';  Rdh- likewise;  RdWx += Rx'da + x'Rda;  RdWh likewise;  Rdb += sum_n Rda    (H8), of (B1)
 */

import type { FloatArray, Kernels, Matrix } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import { hostNumbers } from '../memory/views.js';
import type { LstmState } from './blocks.js';
import type { LstmParts } from './parameters.js';
import type { LstmTape } from './tape.js';
import { isPlain } from './variant.js';

/** Four gates of a unit, or what belongs to each of them, at the columns of a row of 4H numbers. */
const [I, F, G, O] = [0, 1, 2, 3];

/** Needs a tape after a forward and a backward pass. Allocates through `k`, usually a lease. */
export class LstmCurvature {
  /** R{y} of the layer, (T*N, H). */
  readonly out: Matrix;
  private readonly k: Kernels;
  private readonly layer: LstmTape;
  /** R{gates}, after activation, and R{da}, (T*N, 4H). */
  private readonly gates: Matrix;
  private readonly da: Matrix;
  /** R{c} and R{h} before step 0 and after each: T+1 blocks of (N, H). */
  private readonly states: readonly LstmState[];
  /** R{dh} and R{dc} on the way back, (N, H). */
  private readonly back: LstmState;

  /** Throws `INVALID_SETTING` for a layer that is not the standard LSTM, forwards in time. */
  constructor(k: Kernels, layer: LstmTape) {
    const { spec, reverse, shape, hiddenSize: H, name } = layer;
    if (!isPlain(spec) || reverse || spec.returns === 'last') {
      throw invalidSetting(name, 'second derivatives are implemented only for a standard, forward-direction LSTM.');
    }
    const { steps: T, batchSize: N } = shape;
    const all = k.alloc((T + 1) * N, H);
    this.k = k;
    this.layer = layer;
    this.gates = k.alloc(T * N, 4 * H);
    this.da = k.alloc(T * N, 4 * H);
    this.states = Array.from({ length: T + 1 }, (_, t) => ({ h: k.view(all, t * N * H, N, H), c: k.alloc(N, H) }));
    this.out = k.view(all, N * H, T * N, H);
    this.back = { h: k.alloc(N, H), c: k.alloc(N, H) };
  }

  /** (H1)-(H4). `w` is the direction; `Rx` (T*N, D) is null where the input does not move. */
  forward(p: LstmParts, w: LstmParts, Rx: Matrix | null): void {
    const { k, layer, gates, states } = this;
    k.gemm(gates, layer.x, w.weightIh, { transB: true });
    if (Rx) k.gemm(gates, Rx, p.weightIh, { transB: true, accumulate: true });
    const first = states[0]!;
    for (const part of ['h', 'c'] as const) {
      if (w.initial) k.fillRows(first[part], w.initial[part]);
      else k.fill(first[part], 0);
    }
    for (const [t, { before }] of layer.steps.entries()) {
      const Ra = this.at(gates, t);
      k.gemm(Ra, before.h, w.weightHh, { transB: true, accumulate: true });
      k.gemm(Ra, states[t]!.h, p.weightHh, { transB: true, accumulate: true });
      this.cell(t, w.biases);
    }
  }

  /** The rest of (H1), and (H2)-(H4), unit by unit. */
  private cell(t: number, biases: readonly Matrix[]): void {
    const { batchSize: N } = this.layer.shape;
    const H = this.layer.hiddenSize;
    const numbers = (m: Matrix): FloatArray => hostNumbers(this.k, m);
    const { y, before } = this.layer.steps[t]!;
    const [s, c, cPrev, R] = [y.gates, y.c, before.c, this.at(this.gates, t)].map(numbers) as FloatArray[];
    const [from, to] = [this.states[t]!, this.states[t + 1]!];
    const [RcPrev, Rc, Rh] = [from.c, to.c, to.h].map(numbers);
    const Rb = biases.map(numbers);
    for (let n = 0; n < N; n++) {
      for (let j = 0; j < H; j++) {
        const [e, row] = [n * H + j, n * 4 * H + j];
        for (const gate of [I, F, G, O]) {
          const at = row + gate * H;
          const value = s![at]!;
          let Ra = R![at]!;
          for (const b of Rb) Ra += b[gate * H + j]!;
          R![at] = (gate === G ? 1 - value * value : value * (1 - value)) * Ra; // (H2)
        }
        const of = (gate: number): [value: number, R: number] => [s![row + gate * H]!, R![row + gate * H]!];
        const [[i, Ri], [f, Rf], [g, Rg], [o, Ro]] = [of(I), of(F), of(G), of(O)];
        Rc![e] = Rf * cPrev![e]! + f * RcPrev![e]! + Ri * g + i * Rg; // (H3)
        const tc = Math.tanh(c![e]!);
        Rh![e] = Ro * tc + o * (1 - tc * tc) * Rc![e]!; // (H4)
      }
    }
  }

  /** (H5)-(H8): adds to `out`, the parts of H w; `Rdy` (T*N, H) comes from above, `Rdx` goes below. */
  backward(p: LstmParts, w: LstmParts, out: LstmParts, Rdy: Matrix, Rx: Matrix | null, Rdx: Matrix | null): void {
    const { k, layer, da, back, states } = this;
    const { batchSize: N, steps: T } = layer.shape;
    k.fill(back.h, 0);
    k.fill(back.c, 0);
    for (let t = T - 1; t >= 0; t--) {
      const { before } = layer.steps[t]!;
      const [Rda, own] = [this.at(da, t), layer.grad!.steps[t]!.y.gates];
      k.add(back.h, back.h, k.view(Rdy, t * N * Rdy.cols, N, Rdy.cols));
      this.cellBack(t);
      k.gemm(back.h, Rda, p.weightHh); // (H8)
      k.gemm(back.h, own, w.weightHh, { accumulate: true });
      k.gemm(out.weightHh, Rda, before.h, { transA: true, accumulate: true });
      k.gemm(out.weightHh, own, states[t]!.h, { transA: true, accumulate: true });
    }
    k.gemm(out.weightIh, da, layer.x, { transA: true, accumulate: true });
    if (Rx) k.gemm(out.weightIh, layer.grad!.gates, Rx, { transA: true, accumulate: true });
    for (const bias of out.biases) k.sumRows(bias, da);
    if (out.initial) {
      k.sumRows(out.initial.h, back.h);
      k.sumRows(out.initial.c, back.c);
    }
    if (!Rdx) return;
    k.gemm(Rdx, da, p.weightIh);
    k.gemm(Rdx, layer.grad!.gates, w.weightIh, { accumulate: true });
  }

  /** (H5)-(H7), unit by unit: R{da} of step t from R{dh} and R{dc+} in `back`, where R{dc-} is left. */
  private cellBack(t: number): void {
    const { batchSize: N } = this.layer.shape;
    const H = this.layer.hiddenSize;
    const numbers = (m: Matrix): FloatArray => hostNumbers(this.k, m);
    const { y, before } = this.layer.steps[t]!;
    const d = this.layer.grad!.steps[t]!.y;
    const [s, R, c, cPrev] = [y.gates, this.at(this.gates, t), y.c, before.c].map(numbers);
    const [dh, dc, Rda] = [d.h, d.c, this.at(this.da, t)].map(numbers);
    const [Rc, RcPrev] = [this.states[t + 1]!.c, this.states[t]!.c].map(numbers);
    const [Rdh, RdcBack] = [this.back.h, this.back.c].map(numbers);
    for (let n = 0; n < N; n++) {
      for (let j = 0; j < H; j++) {
        const [e, row] = [n * H + j, n * 4 * H + j];
        const of = (gate: number): [value: number, R: number] => [s![row + gate * H]!, R![row + gate * H]!];
        const [[i, Ri], [f, Rf], [g, Rg], [o, Ro]] = [of(I), of(F), of(G), of(O)];
        const tc = Math.tanh(c![e]!);
        const slope = 1 - tc * tc;
        const Rtc = slope * Rc![e]!;
        const [own, Rown] = [dh![e]!, Rdh![e]!];
        const Rdo = Rown * tc + own * Rtc; // (H5)
        const Rdc = RdcBack![e]! + Rown * o * slope + own * Ro * slope - 2 * own * o * tc * Rtc;
        const whole = dc![e]!;
        const Rdi = Rdc * g + whole * Rg; // (H6)
        const Rdg = Rdc * i + whole * Ri;
        const Rdf = Rdc * cPrev![e]! + whole * RcPrev![e]!;
        RdcBack![e] = Rdc * f + whole * Rf;
        const sigmoid = (v: number, Rv: number, dv: number, Rdv: number): number =>
          Rdv * v * (1 - v) + dv * (1 - 2 * v) * Rv; // (H7)
        Rda![row + I * H] = sigmoid(i, Ri, whole * g, Rdi);
        Rda![row + F * H] = sigmoid(f, Rf, whole * cPrev![e]!, Rdf);
        Rda![row + G * H] = Rdg * (1 - g * g) - 2 * whole * i * g * Rg;
        Rda![row + O * H] = sigmoid(o, Ro, own * tc, Rdo);
      }
    }
  }

  private at(m: Matrix, t: number): Matrix {
    const { batchSize: N } = this.layer.shape;
    return this.k.view(m, t * N * m.cols, N, m.cols);
  }
}
