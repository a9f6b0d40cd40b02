/**
 * The LSTM over a sequence: (F1) and (B1) around the pointwise cell, forwards in time and back.
 *
 * Row vectors, time-major; N batch rows, T steps, D inputs, H hidden units; gate order i, f, g, o.
 *   (F1) a = x Wx + h- Wh + b          (B4) do = dh*tc;  dc = dc+ + dh*o*(1 - tc^2)
 *   (F2) i,f,o = sigmoid, g = tanh     (B3) di = dc*g;  dg = dc*i;  df = dc*c-;  dc- = dc*f
 *   (F3) c = f*c- + i*g                (B2) da_s = ds*s*(1-s) for s in i,f,o;  da_g = dg*(1-g^2)
 *   (F4) h = o*tc,  tc = tanh c        (B1) dx = da Wx';  dh- = da Wh';  dWx += x'da;  dWh += h-'da;  db += sum_n da
 * (F2)-(F4) and (B4)-(B2) are the backend's `lstmCell` and `lstmCellGrad`; docs/derivation.md derives all of it.
 *
 * The weights are stored as PyTorch has them, output by input, so Wx = weightIh' and Wh = weightHh', and b may be a sum of two.
 * What does not depend on the step before is done for all steps at once: x Wx before the loop, dWx, dWh, db, dx after it.
 */
import type { FloatArray, Kernels, LstmStep, LstmStepGrad, Matrix } from '../../contract/kernels.js';
import { hostNumbers } from '../memory/views.js';
import { inOrder } from '../pass.js';
import { addBiasGrad, startWithBias, wholeSequence } from './blocks.js';
import type { LstmWeights } from './parameters.js';
import type { LstmBuffers, Program } from './program.js';

/** The buffers of step t, and the state before it. */
export interface LstmTapeStep {
  readonly y: LstmStep;
  readonly before: { readonly c: Matrix; readonly h: Matrix };
}

/** The gradients of step t, and those of the state before it. */
export interface LstmGradStep {
  readonly d: LstmStepGrad;
  readonly before: { readonly c: Matrix; readonly h: Matrix };
}

/**
 * What a pass records: 6 floats per unit, row and step (i f g o c h), plus the initial state. Each of them is one matrix with
 * the blocks of all steps; `c` and `h` have T+1 blocks of N rows, the initial state included.
 */
export interface LstmRecord {
  readonly x: Matrix; // (T*N, D)
  readonly gates: Matrix; // (T*N, 4H) i | f | g | o, after activation
  readonly hBefore: Matrix; // (T*N, H) h- of every step
  readonly steps: readonly LstmTapeStep[]; // in the order in which they are computed
}

/** The gradients in the same shape: 6 floats more. `h` of the steps holds dL/dh from above when the backward pass starts. */
export interface LstmRecordGrad {
  readonly dx: Matrix | null; // (T*N, D)
  readonly gates: Matrix; // (T*N, 4H) by the pre-activations
  readonly steps: readonly LstmGradStep[];
}

/** Needs the initial state in its block of h and c. `bias` is a buffer, (1, 4H). */
export function lstmForward(k: Kernels, w: LstmWeights, tape: LstmRecord, bias: Matrix): void {
  const [Wx, Wh] = [w.packed.Wx(), w.packed.Wh()];
  const started = startWithBias(k, tape.gates, w.biases, bias); // (F1) a = b
  k.gemmPacked(tape.gates, tape.x, Wx, started); //      + x Wx
  for (const { y, before } of tape.steps) {
    k.gemmPacked(y.gates, before.h, Wh, true); //      + h- Wh
    k.lstmCell(y, before.c); // (F2)-(F4)
  }
}

/**
 * Needs dL/dh of each step from above in `grad`'s h, and in the last step's `d.c` what comes back from after the end
 * (usually 0). Adds to `dw`; leaves dL/dh and dL/dc of every step and of the initial state in `grad`. `bias` is a buffer, (1, 4H).
 */
export function lstmBackward(
  k: Kernels,
  w: LstmWeights,
  dw: LstmWeights,
  tape: LstmRecord,
  grad: LstmRecordGrad,
  bias: Matrix,
): void {
  const WhT = w.packed.WhBack();
  for (let t = tape.steps.length - 1; t >= 0; t--) {
    const { y, before } = tape.steps[t]!;
    const { d, before: dBefore } = grad.steps[t]!;
    k.lstmCellGrad(d, dBefore.c, y, before.c); // (B4)-(B2)
    k.gemmPacked(dBefore.h, d.gates, WhT, true); // (B1) dh- += da Wh'
  }
  k.gemm(dw.weightIh, grad.gates, tape.x, { transA: true, accumulate: true }); //      dWx += x'da
  k.gemm(dw.weightHh, grad.gates, tape.hBefore, { transA: true, accumulate: true }); //      dWh += h-'da
  addBiasGrad(k, dw.biases, grad.gates, bias); //      db += sum_n da
  if (grad.dx) k.gemm(grad.dx, grad.gates, w.weightIh); //      dx = da Wx'
}

type Columns = [gates: FloatArray, c: FloatArray, cBefore: FloatArray, dc: FloatArray, dh: FloatArray];

/** The standard LSTM, whole sequences, nothing dropped: the program that every other one is measured against. */
export function plainProgram(b: LstmBuffers): Program {
  const { k, spec, reverse, steps, grad } = b;
  const H = spec.hiddenSize;
  const record: LstmRecord = {
    x: b.x,
    gates: b.gates,
    hBefore: wholeSequence(k, b.shape, b.state.h, 'before', reverse),
    steps: inOrder(steps, reverse),
  };
  const recordGrad: LstmRecordGrad | null = grad && {
    dx: grad.dx,
    gates: grad.gates,
    steps: inOrder(grad.steps, reverse).map(({ y: d, before }) => ({ d, before })),
  };
  const bias = k.alloc(1, 4 * H);
  return {
    forward: (p) => lstmForward(k, p, record, bias),
    backward(p, d) {
      if (recordGrad) lstmBackward(k, p, d, record, recordGrad, bias);
    },
    cell(t) {
      const { y } = steps[t]!;
      return { y, d: grad && grad.steps[t]!.y, mask: null, external: null, squashed: y.c };
    },
    gateGradients(t) {
      const { y, before } = steps[t]!;
      const d = grad!.steps[t]!.y;
      const [gates, c, cBefore, dc, dh] = [y.gates, y.c, before.c, d.c, d.h].map((m) => hostNumbers(k, m)) as Columns;
      const by = (of: (unit: number, gate: number) => number): FloatArray =>
        dc.map((_, unit) => of(unit, 4 * unit - 3 * (unit % H))); // the index of i, before f, g and o
      return {
        i: by((s, i) => dc[s]! * gates[i + 2 * H]!), // (B3)
        f: by((s) => dc[s]! * cBefore[s]!),
        g: by((s, i) => dc[s]! * gates[i]!),
        o: by((s) => dh[s]! * Math.tanh(c[s]!)), // (B4)
      };
    },
  };
}
