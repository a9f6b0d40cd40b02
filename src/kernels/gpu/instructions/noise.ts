/** Masks and noise. Kernels without 32-bit integers cannot generate them, so the host does in those modes. */
import { blockOf, hitsBelow, type Kernels, type MaskKey, type Matrix } from '../../../contract/kernels.js';
import { addNormalsTo, eachWord } from '../../shared/philox.js';
import { asColumn, rowsOf, sizeOf, type Window } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';
import type { Lanes } from '../shaders/lanes.js';
import * as shaders from '../shaders/noise.js';
import { writeElements } from './elements.js';

type Noise = Pick<Kernels, 'bernoulli' | 'addNormals'>;

export function noise(rec: Recorder): Noise {
  // gpu.js's WebAssembly has float variables only. Its results, and those of plain JavaScript, are in host memory anyway.
  return rec.executor.vec4 === 'none' ? hostNoise(rec) : deviceNoise(rec);
}

const halvesOf = (word: number): [high: number, low: number] => [(word >>> 16) & 0xffff, word & 0xffff];

/** The scalars of a program that generates the words from the key's element `first` on. */
function keyScalars({ seed, update, stream }: MaskKey, first: number, lanes: Lanes): number[] {
  const [block, skip] = blockOf(first);
  const key = [block % 2 ** 32, update, seed, stream].flatMap(halvesOf);
  return lanes.count === 4 ? key : [...key, skip];
}

function deviceNoise(rec: Recorder): Noise {
  /** The blocks of a matrix, each as a window, and the element of the matrix at which it begins. */
  const parts = (m: Matrix): { part: Window; from: number }[] =>
    rec.blocks(sizeOf(m), 1).map(([from, to]) => ({ part: rowsOf(asColumn(m), from, to), from }));
  return {
    bernoulli(out, key, { probability, hit, miss }) {
      const choice = [...halvesOf(hitsBelow(probability)), hit, miss];
      for (const { part, from } of parts(out)) {
        const [size, first] = [part.rows, (key.offset ?? 0) + from];
        const lanes = rec.lanes([], size, first);
        const scalars = [...keyScalars(key, first, lanes), ...choice];
        rec.write(part, rec.call(shaders.bernoulli(size, lanes), [], scalars, size));
      }
    },
    addNormals(a, key, std) {
      for (const { part, from } of parts(a)) {
        const [size, old] = [part.rows, rec.read(part)];
        const lanes = rec.lanes([old], size, from);
        const scalars = [...keyScalars(key, from, lanes), std];
        rec.write(part, rec.call(shaders.normals(size, lanes), [old], scalars, size));
      }
    },
  };
}

function hostNoise(rec: Recorder): Noise {
  return {
    bernoulli(out, key, { probability, hit, miss }) {
      const mask = new Float32Array(sizeOf(out));
      const limit = hitsBelow(probability);
      eachWord(key, mask.length, (e, word) => {
        mask[e] = word < limit ? hit : miss;
      });
      rec.write(out, rec.fromHost(mask).value);
    },
    addNormals(a, key, std) {
      const drawn = new Float32Array(sizeOf(a));
      addNormalsTo(drawn, key, std);
      const n = rec.alloc(a.rows, a.cols);
      rec.write(n, rec.fromHost(drawn).value);
      writeElements(rec, a, { a, n }, 'va + vn');
      rec.free(n);
    },
  };
}
