/** Random numbers that a key determines. The generator is in ../shared/philox.ts. */
import { type BernoulliOptions, hitsBelow, type MaskKey, type Matrix, type NoiseKey } from '../../contract/kernels.js';
import { addNormalsTo, eachWord } from '../shared/philox.js';
import { dense } from './dense.js';

export function bernoulli(out: Matrix, key: MaskKey, { probability, hit, miss }: BernoulliOptions): void {
  const o = dense(out);
  const limit = hitsBelow(probability);
  eachWord(key, o.length, (e, word) => {
    o[e] = word < limit ? hit : miss;
  });
}

export function addNormals(a: Matrix, key: NoiseKey, std: number): void {
  addNormalsTo(dense(a), key, std);
}
