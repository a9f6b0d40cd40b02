/** Random numbers by key; the generator is in ../philox.ts. */
import type { MaskKey, Matrix, NoiseKey } from '../../contract/kernels.js';
import { addNormalsTo, eachWord, hitsBelow } from '../shared/philox.js';
import { dense } from './dense.js';

export function bernoulli(out: Matrix, key: MaskKey, probability: number, hit: number, miss: number): void {
  const o = dense(out);
  const limit = hitsBelow(probability);
  eachWord(key, o.length, (e, word) => {
    o[e] = word < limit ? hit : miss;
  });
}

export function addNormals(a: Matrix, key: NoiseKey, deviation: number): void {
  addNormalsTo(dense(a), key, deviation);
}
