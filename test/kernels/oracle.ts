/**
 * What each instruction should give, in float64: plain loops over lists, formulas written anew from the definitions and
 * not from any backend. Slow on purpose.
 */
import type { AdamOptions, CrossEntropyOptions, GemmOptions, SgdOptions } from '../../src/core/kernels.js';

type Numbers = readonly number[];

export interface Shape {
  readonly rows: number;
  readonly cols: number;
}

/** A (R,K) B (K,C), each operand stored as it is or transposed; added to `before` where that is given. */
export function product(R: number, K: number, C: number, a: Numbers, b: Numbers, o: GemmOptions, before?: Numbers) {
  const A = (r: number, k: number): number => (o.transA ? a[k * R + r]! : a[r * K + k]!);
  const B = (k: number, c: number): number => (o.transB ? b[c * K + k]! : b[k * C + c]!);
  const out: number[] = [];
  for (let r = 0; r < R; r++) {
    for (let c = 0; c < C; c++) {
      let sum = before ? before[r * C + c]! : 0;
      for (let k = 0; k < K; k++) sum += A(r, k) * B(k, c);
      out.push(sum);
    }
  }
  return out;
}

/** sigmoid(z) by tanh: another formula than 1 / (1 + e^-z), right at both ends. */
export const logistic = (z: number): number => (z < -30 ? Math.exp(z) : 0.5 + 0.5 * Math.tanh(z / 2));

export interface CellValues {
  readonly gates: number[];
  readonly c: number[];
  readonly h: number[];
}

/** One LSTM step's pointwise half from pre-activations [N, 4H] and c before [N, H]. */
export function cell(N: number, H: number, a: Numbers, cBefore: Numbers): CellValues {
  const gates = new Array<number>(4 * N * H);
  const c: number[] = [];
  const h: number[] = [];
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j++) {
      const at = (gate: number): number => n * 4 * H + gate * H + j;
      const [i, f, o] = [0, 1, 3].map((gate) => logistic(a[at(gate)]!)) as [number, number, number];
      const g = Math.tanh(a[at(2)]!);
      [i, f, g, o].forEach((value, gate) => {
        gates[at(gate)] = value;
      });
      c.push(f * cBefore[n * H + j]! + i * g);
      h.push(o * Math.tanh(c.at(-1)!));
    }
  }
  return { gates, c, h };
}

export interface CellGradValues {
  /** By the pre-activations. */
  readonly da: number[];
  readonly dc: number[];
  readonly dcBefore: number[];
}

/** The derivative of `cell`, by the chain rule written out from the loss inwards. */
export function cellGrad(N: number, H: number, dh: Numbers, dcAfter: Numbers, y: CellValues, cBefore: Numbers) {
  const out: CellGradValues = { da: new Array<number>(4 * N * H), dc: [], dcBefore: [] };
  for (let n = 0; n < N; n++) {
    for (let j = 0; j < H; j++) {
      const s = n * H + j;
      const at = (gate: number): number => n * 4 * H + gate * H + j;
      const [i, f, g, o] = [0, 1, 2, 3].map((gate) => y.gates[at(gate)]!) as [number, number, number, number];
      const squashed = Math.tanh(y.c[s]!);
      const slope = (1 - squashed) * (1 + squashed);
      const dc = dcAfter[s]! + dh[s]! * o * slope;
      out.dc.push(dc);
      out.dcBefore.push(dc * f);
      out.da[at(0)] = dc * g * (i - i * i);
      out.da[at(1)] = dc * cBefore[s]! * (f - f * f);
      out.da[at(2)] = dc * i * (1 - g) * (1 + g);
      out.da[at(3)] = dh[s]! * squashed * (o - o * o);
    }
  }
  return out;
}

export interface CrossEntropyValues {
  readonly loss: number;
  readonly probabilities: number[];
  readonly gradient: number[];
}

/**
 * As torch.nn.functional.cross_entropy defines it: each row that counts has the target distribution
 * (1-e) [k = y] + e/C, and class k's log-probability is weighted by w[k].
 */
export function crossEntropy(
  rows: number,
  cols: number,
  z: Numbers,
  y: ArrayLike<number>,
  options: CrossEntropyOptions = {},
) {
  const { classWeights: w = new Array<number>(cols).fill(1), ignoreIndex = -1, labelSmoothing: e = 0 } = options;
  let total = 0;
  let divisor = 0;
  const out: { probabilities: number[]; gradient: number[] } = { probabilities: [], gradient: [] };
  for (let r = 0; r < rows; r++) {
    const row = z.slice(r * cols, (r + 1) * cols);
    const top = Math.max(...row);
    const logSum = Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0)); // log-sum-exp, less the top
    const logP = row.map((v) => v - top - logSum);
    out.probabilities.push(...logP.map(Math.exp));
    const counts = y[r] !== ignoreIndex;
    const wanted = row.map((_, k) => (counts ? w[k]! * ((k === y[r] ? 1 - e : 0) + e / cols) : 0));
    if (counts) divisor += w[y[r]!]!;
    wanted.forEach((q, k) => {
      if (q !== 0) total -= q * logP[k]!;
    });
    const mass = wanted.reduce((a, b) => a + b, 0);
    out.gradient.push(...logP.map((v, k) => Math.exp(v) * mass - wanted[k]!));
  }
  if (options.reduction === 'sum') divisor = 1;
  return { ...out, loss: total / divisor, gradient: out.gradient.map((g) => g / divisor) };
}

export function squaredError(y: Numbers, target: Numbers): { loss: number; gradient: number[] } {
  const n = y.length;
  return {
    loss: y.reduce((sum, v, k) => sum + (v - target[k]!) ** 2, 0) / n,
    gradient: y.map((v, k) => (2 / n) * (v - target[k]!)),
  };
}

/** log(1 + e^x) without overflow. */
const softplus = (x: number): number => (x > 30 ? x + Math.exp(-x) : Math.log(1 + Math.exp(x)));

/** -log sigmoid(z) = softplus(-z), -log(1 - sigmoid(z)) = softplus(z). */
export function binaryCrossEntropy(z: Numbers, p: Numbers): { loss: number; gradient: number[] } {
  const n = z.length;
  const rows = z.map((v, k) => p[k]! * softplus(-v) + (1 - p[k]!) * softplus(v));
  return { loss: rows.reduce((a, b) => a + b, 0) / n, gradient: z.map((v, k) => (logistic(v) - p[k]!) / n) };
}

/** torch.nn.utils.clip_grad_norm_. */
export function clippedNorm(a: Numbers, limit: number): { norm: number; clipped: number[] } {
  const norm = Math.hypot(...a);
  const factor = Math.min(1, limit / (norm + 1e-6));
  return { norm, clipped: a.map((v) => v * factor) };
}

/** torch.optim.SGD's loop, step by step as its documentation has it. */
export function sgdStep(w: Numbers, g: Numbers, velocity: Numbers | null, o: SgdOptions) {
  const d = g.map((v, k) => v + o.weightDecay * w[k]!);
  if (!velocity) return { w: w.map((v, k) => v - o.rate * d[k]!), velocity };
  const b = o.first ? d : velocity.map((v, k) => o.momentum * v + (1 - o.dampening) * d[k]!);
  const direction = o.nesterov ? d.map((v, k) => v + o.momentum * b[k]!) : b;
  return { w: w.map((v, k) => v - o.rate * direction[k]!), velocity: b };
}

/** Kingma & Ba, algorithm 1, with the means corrected one by one; torch's two kinds of weight decay. */
export function adamStep(w: Numbers, g: Numbers, m: Numbers, v: Numbers, o: AdamOptions) {
  const start = o.decoupled ? w.map((x) => x - o.rate * o.weightDecay * x) : w;
  const d = o.decoupled ? g : g.map((x, k) => x + o.weightDecay * w[k]!);
  const mean = m.map((x, k) => o.beta1 * x + (1 - o.beta1) * d[k]!);
  const square = v.map((x, k) => o.beta2 * x + (1 - o.beta2) * d[k]! ** 2);
  const next = start.map((x, k) => {
    const corrected = mean[k]! / (1 - o.beta1 ** o.step);
    const spread = square[k]! / (1 - o.beta2 ** o.step);
    return x - (o.rate * corrected) / (Math.sqrt(spread) + o.eps);
  });
  return { w: next, m: mean, v: square };
}
