/** Layer normalization. */
import type { Kernels } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import type { VariantExports } from '../exports.js';

type Norm = Pick<Kernels, 'layerNorm' | 'layerNormGrad'>;

export function norm({ at, threads }: WasmContext, wasm: VariantExports): Norm {
  return {
    layerNorm(out, { a, stats, gain, bias }, accumulate) {
      threads.barrier();
      wasm.layerNorm(at(out), at(stats), at(a), at(gain), at(bias), a.rows, a.cols, accumulate);
    },
    layerNormGrad({ a: da, gain: dgain, bias: dbias }, dout, { a, stats, gain }, accumulate) {
      threads.barrier();
      const { rows, cols } = a;
      wasm.layerNormGrad(at(da), at(dgain), at(dbias), at(dout), at(stats), at(a), at(gain), rows, cols, accumulate);
    },
  };
}
