/** Counter-based random numbers. */
import type { Kernels } from '../../../contract/kernels.js';
import { addNormalsTo, blockOf, hitsBelow } from '../../shared/philox.js';
import type { WasmContext } from '../context.js';

type Noise = Pick<Kernels, 'bernoulli' | 'addNormals'>;

export function noise({ wasm, at, count, afterBarrier, host }: WasmContext): Noise {
  return {
    bernoulli(out, { seed, update, stream, offset = 0 }, { probability, hit, miss }) {
      const [block, skip] = blockOf(offset);
      const limit = hitsBelow(probability);
      afterBarrier(() => wasm.bernoulli(at(out), count(out), seed, update, stream, block, skip, limit, hit, miss));
    },
    addNormals: (a, key, std) => addNormalsTo(host(a), key, std),
  };
}
