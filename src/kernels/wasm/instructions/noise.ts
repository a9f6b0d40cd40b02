/** Counter-based random numbers. */
import { blockOf, hitsBelow, type Kernels } from '../../../contract/kernels.js';
import type { WasmContext } from '../context.js';
import type { VariantExports } from '../exports.js';

type Noise = Pick<Kernels, 'bernoulli' | 'addNormals'>;

export function noise({ at, count, threads }: WasmContext, wasm: VariantExports): Noise {
  return {
    bernoulli(out, { seed, update, stream, offset = 0 }, { probability, hit, miss }) {
      const [block, skip] = blockOf(offset);
      const limit = hitsBelow(probability);
      threads.barrier();
      wasm.bernoulli(at(out), count(out), seed, update, stream, block, skip, limit, hit, miss);
    },
    addNormals(a, { seed, update, stream }, std) {
      threads.barrier();
      wasm.addNormals(at(a), count(a), seed, update, stream, std);
    },
  };
}
