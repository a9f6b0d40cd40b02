/** The expected results of clipping and the updates: in float64, with plain loops over lists, from the definitions and independent of every backend. */
import type { AdamOptions, SgdOptions } from '../../../src/contract/kernels.js';
import type { Numbers } from './products.js';

/** As torch.nn.utils.clip_grad_norm_. */
export function clippedNorm(a: Numbers, limit: number): { norm: number; clipped: number[] } {
  const norm = Math.hypot(...a);
  const factor = Math.min(1, limit / (norm + 1e-6));
  return { norm, clipped: a.map((v) => v * factor) };
}

/** As in the documentation of torch.optim.SGD. */
export function sgdStep(w: Numbers, g: Numbers, velocity: Numbers | null, o: SgdOptions) {
  const d = g.map((v, k) => v + o.weightDecay * w[k]!);
  if (!velocity) return { w: w.map((v, k) => v - o.learningRate * d[k]!), velocity };
  const b = o.first ? d : velocity.map((v, k) => o.momentum * v + (1 - o.dampening) * d[k]!);
  const direction = o.nesterov ? d.map((v, k) => v + o.momentum * b[k]!) : b;
  return { w: w.map((v, k) => v - o.learningRate * direction[k]!), velocity: b };
}

/** Kingma & Ba, algorithm 1, with both bias corrections, and with PyTorch's two kinds of weight decay. */
export function adamStep(w: Numbers, g: Numbers, m: Numbers, v: Numbers, o: AdamOptions) {
  const start = o.decoupled ? w.map((x) => x - o.learningRate * o.weightDecay * x) : w;
  const d = o.decoupled ? g : g.map((x, k) => x + o.weightDecay * w[k]!);
  const mean = m.map((x, k) => o.beta1 * x + (1 - o.beta1) * d[k]!);
  const square = v.map((x, k) => o.beta2 * x + (1 - o.beta2) * d[k]! ** 2);
  const next = start.map((x, k) => {
    const corrected = mean[k]! / (1 - o.beta1 ** o.update);
    const spread = square[k]! / (1 - o.beta2 ** o.update);
    return x - (o.learningRate * corrected) / (Math.sqrt(spread) + o.eps);
  });
  return { w: next, m: mean, v: square };
}
