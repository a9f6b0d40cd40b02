/** Default implementations of layer normalization, the cross-entropy's gradient, clipping and the parameter updates. */
import {
  adamScalars,
  CLIP_EPSILON,
  type ClassTargets,
  type CrossEntropyOptions,
  crossEntropyDivisor,
  type Kernels,
  type LayerNorm,
  LN_EPSILON,
  type Matrix,
} from '../../contract/kernels.js';
import { asRow, scoped, type Temporary } from './temporaries.js';

/** (N1) Writes a - mean of each row of `a` to `out`, and the means to `mean` (R,1). */
function center(k: Kernels, temporary: Temporary, out: Matrix, mean: Matrix, a: Matrix): void {
  k.gemm(mean, a, temporary(a.cols, 1, 1 / a.cols));
  k.gemm(out, mean, temporary(1, a.cols, 1));
  k.combine(out, 1, a, -1, out);
}

export function normDefaults(k: Kernels) {
  return {
    layerNorm(out, { a, stats, gain, bias }, accumulate) {
      const { rows: R, cols: C } = a;
      scoped(k, (temporary) => {
        const [n, gains, mean] = [temporary(R, C), temporary(R, C), temporary(R, 1)];
        const [variance, root] = [temporary(R, 1), temporary(R, 1)];
        center(k, temporary, n, mean, a);
        k.multiply(gains, n, n, false);
        k.gemm(variance, gains, temporary(C, 1, 1 / C));
        k.root(variance, variance, LN_EPSILON, 0);
        k.addQuotient(root, 1, temporary(R, 1, 1), variance);
        k.copyColumns(stats, mean, { from: 0, to: 0, count: 1 }, false);
        k.copyColumns(stats, root, { from: 0, to: 1, count: 1 }, false);
        k.scaleRows(n, n, root, false);
        k.fillRows(gains, gain);
        k.multiply(out, n, gains, accumulate);
        k.fillRows(gains, bias);
        k.add(out, out, gains);
      });
    },
    layerNormGrad(d, dout, { a, stats, gain }: LayerNorm, accumulate) {
      const { rows: R, cols: C } = a;
      scoped(k, (temporary) => {
        const [n, dn, part] = [temporary(R, C), temporary(R, C), temporary(R, C)];
        const [mean, root, average] = [temporary(R, 1), temporary(R, 1), temporary(C, 1, 1 / C)];
        center(k, temporary, n, mean, a);
        k.copyColumns(root, stats, { from: 1, to: 0, count: 1 }, false);
        k.scaleRows(n, n, root, false);
        k.sumRows(d.bias, dout); // (N1') dbias += dout
        k.multiply(part, dout, n, false);
        k.sumRows(d.gain, part); // dgain += dout n
        k.fillRows(dn, gain);
        k.multiply(dn, dn, dout, false); // dn = dout gain
        k.multiply(part, dn, n, false);
        k.gemm(mean, part, average);
        k.scaleRows(part, n, mean, false); // n mean(dn n)
        k.gemm(mean, dn, average); // mean(dn)
        k.combine(dn, 1, dn, -1, part);
        k.gemm(part, mean, temporary(1, C, 1));
        k.combine(dn, 1, dn, -1, part);
        k.scaleRows(d.a, dn, root, accumulate);
      });
    },
  } satisfies Partial<Kernels>;
}

/** (L1') The target distribution q of each row, weighted, and its sums: dz = p * sum(q) - q. */
function weightedTargets(R: number, C: number, targets: ClassTargets, options: CrossEntropyOptions) {
  const { classWeights, ignoreIndex = -1, labelSmoothing = 0 } = options;
  const divisor = crossEntropyDivisor(targets, options);
  const [q, sums] = [new Float64Array(R * C), new Float64Array(R)];
  for (let r = 0; r < R; r++) {
    const target = targets.classes[r]!;
    if (target === ignoreIndex || divisor === 0) continue;
    for (let j = 0; j < C; j++) {
      const share = labelSmoothing / C + (j === target ? 1 - labelSmoothing : 0);
      const weight = (classWeights?.[j] ?? 1) * (targets.rowWeights?.[r] ?? 1);
      q[r * C + j] = (weight * share) / divisor;
      sums[r] = sums[r]! + q[r * C + j]!;
    }
  }
  return { q, sums };
}

export function lossDefaults(k: Kernels) {
  return {
    softmaxCrossEntropyGrad(dlogits, probabilities, targets, options = {}) {
      const { rows: R, cols: C } = dlogits;
      scoped(k, (temporary) => {
        const [q, sums] = [temporary(R, C), temporary(R, 1)];
        const weighted = weightedTargets(R, C, targets, options);
        k.upload(q, weighted.q);
        k.upload(sums, weighted.sums);
        k.scaleRows(dlogits, probabilities, sums, false);
        k.combine(dlogits, 1, dlogits, -1, q);
      });
    },
  } satisfies Partial<Kernels>;
}

/** out (1,1) = numerator / denominator, or 1 if either is 0. */
function safeRatio(k: Kernels, temporary: Temporary, out: Matrix, numerator: Matrix, denominator: Matrix): void {
  const [defined, other] = [temporary(1, 1), temporary(1, 1)];
  k.sign(defined, numerator);
  k.sign(other, denominator);
  k.multiply(defined, defined, other, false);
  k.multiply(defined, defined, defined, false); // 1, or 0 if either is 0
  k.combine(out, 1, temporary(1, 1, 1), -1, defined);
  k.add(other, denominator, out); // never 0
  k.multiply(defined, defined, numerator, false);
  k.addQuotient(out, 1, defined, other);
}

export function clippingDefaults(k: Kernels) {
  return {
    norm(norm, a) {
      const row = asRow(k, a);
      k.gemm(norm, row, row, { transB: true });
      k.root(norm, norm, 0, 0);
    },
    clipNorm(norm, a, limit) {
      k.norm(norm, a);
      if (limit === Number.POSITIVE_INFINITY) return;
      scoped(k, (temporary) => {
        const [bound, length] = [temporary(1, 1, limit), temporary(1, 1, CLIP_EPSILON)];
        k.add(length, length, norm);
        k.maximum(length, length, bound); // limit / max(norm, limit) is at most 1
        k.scaleByRatio(a, bound, length);
      });
    },
    clipValue(a, limit) {
      scoped(k, (temporary) => {
        const bound = temporary(a.rows, a.cols, -limit);
        for (let side = 0; side < 2; side++) {
          k.maximum(a, a, bound);
          k.combine(a, -1, a, 0, bound);
        }
      });
    },
    scaleByRatio(a, numerator, denominator) {
      scoped(k, (temporary) => {
        const [row, ratio] = [asRow(k, a), temporary(1, 1)];
        safeRatio(k, temporary, ratio, numerator, denominator);
        k.scaleRows(row, row, ratio, false);
      });
    },
  } satisfies Partial<Kernels>;
}

export function updateDefaults(k: Kernels) {
  return {
    mixProduct(out, decay, scale, a, b) {
      scoped(k, (temporary) => {
        const product = temporary(out.rows, out.cols);
        k.multiply(product, a, b, false);
        k.combine(out, decay, out, scale, product);
      });
    },
    sgdUpdate(w, g, velocity, { learningRate, momentum, dampening, nesterov, weightDecay, first }) {
      scoped(k, (temporary) => {
        const d = temporary(w.rows, w.cols);
        k.combine(d, 1, g, weightDecay, w);
        if (velocity) {
          if (first) k.copy(velocity, d);
          else k.combine(velocity, momentum, velocity, 1 - dampening, d);
          if (nesterov) k.combine(d, 1, d, momentum, velocity);
          else k.copy(d, velocity);
        }
        k.combine(w, 1, w, -learningRate, d);
      });
    },
    adamUpdate(w, g, m, v, options) {
      const { beta1, beta2, eps } = options;
      const { stepSize, root, shrink, l2 } = adamScalars(options);
      scoped(k, (temporary) => {
        const d = temporary(w.rows, w.cols);
        k.combine(d, 1, g, l2, w);
        k.combine(m, beta1, m, 1 - beta1, d);
        k.mixProduct(v, beta2, 1 - beta2, d, d);
        k.root(d, v, 0, eps * root);
        k.combine(w, shrink, w, 0, d);
        k.addQuotient(w, -stepSize * root, m, d); // m / (sqrt(v) / root + eps) = root m / (sqrt(v) + eps root)
      });
    },
  } satisfies Partial<Kernels>;
}
