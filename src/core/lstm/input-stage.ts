/** The part of (F1) that does not depend on the previous step: a = LN?(x Wx') + b for all steps together, and its part of (B1). */

import { addBiasGrad, startWithBias } from './blocks.js';
import type { LstmParts } from './parameters.js';
import type { LstmBuffers } from './program.js';

export function inputStage(b: LstmBuffers) {
  const { k, x, gates, grad } = b;
  const [rows, width] = [gates.rows, gates.cols];
  const normalized = b.spec.cell?.layerNorm === true;
  const bias = k.alloc(1, width);
  const norm = normalized && {
    products: k.alloc(rows, width),
    stats: k.alloc(rows, 2),
    d: grad && k.alloc(rows, width),
  };
  return {
    /** dL/d(x Wx), (T*N, 4H), after `gradients`; null on a tape without gradients. */
    productGrad: norm ? norm.d : (grad?.gates ?? null),
    forward({ biases, norms, packed }: LstmParts) {
      const started = startWithBias(k, gates, biases, bias); // (F1) a = b
      if (!norm) return k.gemmPacked(gates, x, packed.Wx(), started); //      + x Wx
      k.gemmPacked(norm.products, x, packed.Wx(), false);
      k.layerNorm(gates, { a: norm.products, stats: norm.stats, ...norms!.ih }, started); //      + LN(x Wx), (N1)
    },
    /** Needs da of all steps. */
    gradients(p: LstmParts, d: LstmParts) {
      const { gates: da, dx } = grad!;
      if (norm) {
        const { gain, bias: shift } = d.norms!.ih;
        k.layerNormGrad(
          { a: norm.d!, gain, bias: shift },
          da,
          { a: norm.products, stats: norm.stats, ...p.norms!.ih },
          false,
        );
      }
      const dProducts = norm ? norm.d! : da;
      k.gemm(d.weightIh, dProducts, x, { transA: true, accumulate: true }); // (B1) dWx += x'da
      addBiasGrad(k, d.biases, da, bias); //      db += sum_n da
      if (dx) k.gemm(dx, dProducts, p.weightIh); //      dx = da Wx'
    },
  };
}
