/** Random numbers by key, and the normalization of rows. */
import type { Kernels } from '../../../contract/kernels.js';
import { addNormalsTo, blockOf, hitsBelow } from '../../shared/philox.js';
import type { Reach } from '../reach.js';

export function noise(reach: Reach): Pick<Kernels, 'bernoulli' | 'addNormals' | 'layerNorm' | 'layerNormGrad'> {
  const { x, at, count, alone, host } = reach;
  return {
    bernoulli(out, { seed, update, stream, offset = 0 }, { probability, hit, miss }) {
      const [block, skip] = blockOf(offset);
      alone(() =>
        x.bernoulli(at(out), count(out), seed, update, stream, block, skip, hitsBelow(probability), hit, miss),
      );
    },
    addNormals: (a, key, deviation) => addNormalsTo(host(a), key, deviation),
    layerNorm: (out, { a, stats, gain, bias }, accumulate) =>
      alone(() => x.layerNorm(at(out), at(stats), at(a), at(gain), at(bias), a.rows, a.cols, accumulate)),
    layerNormGrad(d, dout, { a, stats, gain }, accumulate) {
      const into = [d.a, d.gain, d.bias].map(at);
      alone(() => x.layerNormGrad(...into, at(dout), at(stats), at(a), at(gain), a.rows, a.cols, accumulate));
    },
  };
}
