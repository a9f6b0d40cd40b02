/** Layer normalization. */
import type { Kernels } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import type { VariantExports } from '../exports.js';

type Norm = Pick<Kernels, 'layerNorm' | 'layerNormGrad'>;

export function norm({ at, afterBarrier }: WasmContext, wasm: VariantExports): Norm {
  return {
    layerNorm: (out, { a, stats, gain, bias }, accumulate) =>
      afterBarrier(() => wasm.layerNorm(at(out), at(stats), at(a), at(gain), at(bias), a.rows, a.cols, accumulate)),
    layerNormGrad(d, dout, { a, stats, gain }, accumulate) {
      const into = [d.a, d.gain, d.bias].map(at);
      afterBarrier(() => wasm.layerNormGrad(...into, at(dout), at(stats), at(a), at(gain), a.rows, a.cols, accumulate));
    },
  };
}
