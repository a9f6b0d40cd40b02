/**
 * The elementwise part of the LSTM cell: forward and backward pass, side by side. docs/derivation.md derives the gradients.
 *
 * N batch rows, H hidden units. The columns of every (N, 4H) matrix are i | f | g | o.
 * c- is c at t-1, dc+ is the gradient from step t+1, tc = tanh c; all products are elementwise; dx means dL/dx.
 *
 *   forward                              backward, in reverse order
 *   (F1) a = x Wx + h- Wh + b            (B4) do = dh*tc
 *   (F2) i,f,o = sigmoid(ai, af, ao)          dc = dc+ + dh*o*(1 - tc^2)
 *        g = tanh(ag)                    (B3) di = dc*g    dg = dc*i
 *   (F3) c = f*c- + i*g                       df = dc*c-   dc- = dc*f
 *   (F4) h = o*tc                        (B2) da_s = ds*s*(1-s), s in {i,f,o}
 *                                             da_g = dg*(1 - g^2)
 *                                        (B1) dx = da Wx'   dh- = da Wh'   dWx += x'da   dWh += h-'da   db += sum_n da
 *
 * (F1) and (B1) are matrix products, in core/lstm/plain.ts.
 * (B4) adds to dc because c affects the loss in two ways: through h of this step and through c+ of the next step.
 */
import type { LstmStep, LstmStepGrad, Matrix } from '../../contract/kernels.js';
import { dense } from './dense.js';

/** 1 / (1 + e^-z), or e^z / (1 + e^z) for negative z: no exponential overflows. */
export function sigmoid(z: number): number {
  const e = Math.exp(-Math.abs(z));
  return (z < 0 ? e : 1) / (1 + e);
}

export function lstmCell(y: LstmStep, cPrev: Matrix): void {
  const gates = dense(y.gates);
  const c = dense(y.c);
  const h = dense(y.h);
  const cBefore = dense(cPrev);
  const N = y.h.rows;
  const H = y.h.cols;
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j++) {
      const s = n * H + j;
      const I = 4 * n * H + j;
      const F = I + H;
      const G = F + H;
      const O = G + H;
      const i = sigmoid(gates[I]!); // (F2)
      const f = sigmoid(gates[F]!);
      const g = Math.tanh(gates[G]!);
      const o = sigmoid(gates[O]!);
      gates[I] = i;
      gates[F] = f;
      gates[G] = g;
      gates[O] = o;
      const cNow = f * cBefore[s]! + i * g; // (F3)
      c[s] = cNow;
      h[s] = o * Math.tanh(cNow); // (F4)
    }
  }
}

export function lstmCellGrad(d: LstmStepGrad, dcPrev: Matrix, y: LstmStep, cPrev: Matrix): void {
  const gates = dense(y.gates);
  const c = dense(y.c);
  const cBefore = dense(cPrev);
  const da = dense(d.gates);
  const dc = dense(d.c);
  const dh = dense(d.h);
  const dcBefore = dense(dcPrev);
  const N = y.h.rows;
  const H = y.h.cols;
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j++) {
      const s = n * H + j;
      const I = 4 * n * H + j;
      const F = I + H;
      const G = F + H;
      const O = G + H;
      const i = gates[I]!;
      const f = gates[F]!;
      const g = gates[G]!;
      const o = gates[O]!;
      const tc = Math.tanh(c[s]!); // recomputed, because storing it needs more memory and saves little time
      const dO = dh[s]! * tc; // (B4)
      const dcNow = dc[s]! + dh[s]! * o * (1 - tc * tc);
      dc[s] = dcNow;
      const di = dcNow * g; // (B3)
      const dg = dcNow * i;
      const df = dcNow * cBefore[s]!;
      dcBefore[s] = dcNow * f;
      da[I] = di * i * (1 - i); // (B2)
      da[F] = df * f * (1 - f);
      da[G] = dg * (1 - g * g);
      da[O] = dO * o * (1 - o);
    }
  }
}
