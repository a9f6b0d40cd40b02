/** The part of (F1) that does not depend on the previous step: a = LN?(x Wx') + b for all steps together, and its part of (B1). */

import { blocks } from '../pass.js';
import { addBiasGrad, startWithBias } from './blocks.js';
import { eachSpan, liveProduct } from './live-sequence.js';
import type { LstmParts } from './parameters.js';
import type { VariantBuffers } from './variant.js';

export function inputStage(b: VariantBuffers) {
  const { k, x, gates, grad } = b;
  const [rows, width] = [gates.rows, gates.cols];
  const normalized = b.spec.cell?.layerNorm === true;
  const bias = k.alloc(1, width);
  const norm = normalized
    ? { products: k.alloc(rows, width), stats: k.alloc(rows, 2), d: grad && k.alloc(rows, width) }
    : null;
  if (norm?.d) b.live?.blank('backward', blocks(k, norm.d, b.shape.batchSize));
  return {
    /** dL/d(x Wx), (T*N, 4H), after `gradients`; null on a tape without gradients. */
    productGrad: norm ? norm.d : (grad?.gates ?? null),
    forward({ biases, norms, packed }: LstmParts) {
      const Wx = packed.Wx();
      eachSpan(b, (cut) => {
        const a = cut(gates);
        const started = startWithBias(k, a, biases, bias); // (F1) a = b
        if (norm) {
          const products = cut(norm.products);
          k.gemmPacked(products, cut(x), Wx, false);
          k.layerNorm(a, { a: products, stats: cut(norm.stats), ...norms!.ih }, started); //      + LN(x Wx), (N1)
        } else if (!started) k.gemmPacked(a, cut(x), Wx, false);
      });
      if (!norm && biases.length > 0) liveProduct(b, gates, x, Wx, true); //      + x Wx
    },
    /** Needs da of all steps. */
    gradients(p: LstmParts, d: LstmParts) {
      const { gates: da, dx } = grad!;
      if (norm) {
        const { gain, bias: shift } = d.norms!.ih;
        eachSpan(b, (cut) =>
          k.layerNormGrad(
            { a: cut(norm.d!), gain, bias: shift },
            cut(da),
            { a: cut(norm.products), stats: cut(norm.stats), ...p.norms!.ih },
            false,
          ),
        );
      }
      const dProducts = norm ? norm.d! : da;
      b.weightGradient(d.weightIh, dProducts, x); // (B1) dWx += x'da
      addBiasGrad(k, d.biases, da, bias); //      db += sum_n da
      if (!dx) return;
      if (!b.live?.rows) return k.gemm(dx, dProducts, p.weightIh); //      dx = da Wx'
      k.fill(dx, 0);
      liveProduct(b, dx, dProducts, p.packed.WxBack(), false);
    },
  };
}
