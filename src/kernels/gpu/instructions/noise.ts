/** Masks and noise: drawn on the device, or on this side where kernels have no integers of 32 bits. */
import type { Kernels, MaskKey, Matrix } from '../../../contract/kernels.js';
import { addNormalsTo, blockOf, eachWord, hitsBelow } from '../../shared/philox.js';
import type { Recorder } from '../record/recorder.js';
import { asColumn, rowsOf, type Window } from '../record/values.js';
import type { Lanes } from '../shaders/lanes.js';
import * as texts from '../shaders/noise.js';
import { writeElements } from './elements.js';

type Noise = Pick<Kernels, 'bernoulli' | 'addNormals'>;

export function noise(rec: Recorder): Noise {
  // gpu.js's WebAssembly takes every variable for a float; and what it and plain JavaScript make is on this side anyway.
  return rec.executor.fours === 'none' ? onThisSide(rec) : onDevice(rec);
}

const sizeOf = (m: Matrix): number => m.rows * m.cols;

const halvesOf = (word: number): [high: number, low: number] => [(word >>> 16) & 0xffff, word & 0xffff];

/** What a text is told of the words from the key's element `first` on. */
function told({ seed, update, stream }: MaskKey, first: number, lanes: Lanes): number[] {
  const [block, skip] = blockOf(first);
  const key = [block % 2 ** 32, update, seed, stream].flatMap(halvesOf);
  return lanes.count === 4 ? key : [...key, skip];
}

function onDevice(rec: Recorder): Noise {
  /** The blocks of a matrix, each as a window, and which element of the matrix it begins at. */
  const parts = (m: Matrix): { part: Window; from: number }[] =>
    rec.blocks(sizeOf(m), 1).map(([from, to]) => ({ part: rowsOf(asColumn(m), from, to), from }));
  return {
    bernoulli(out, key, { probability, hit, miss }) {
      const choice = [...halvesOf(hitsBelow(probability)), hit, miss];
      for (const { part, from } of parts(out)) {
        const [size, first] = [part.rows, (key.offset ?? 0) + from];
        const lanes = rec.lanes([], size, first);
        const scalars = [...told(key, first, lanes), ...choice];
        rec.write(part, rec.call(texts.bernoulli(size, lanes), [], scalars, size));
      }
    },
    addNormals(a, key, deviation) {
      for (const { part, from } of parts(a)) {
        const [size, old] = [part.rows, rec.read(part)];
        const lanes = rec.lanes([old], size, from);
        const scalars = [...told(key, from, lanes), deviation];
        rec.write(part, rec.call(texts.normals(size, lanes), [old], scalars, size));
      }
    },
  };
}

function onThisSide(rec: Recorder): Noise {
  return {
    bernoulli(out, key, { probability, hit, miss }) {
      const mask = new Float32Array(sizeOf(out));
      const limit = hitsBelow(probability);
      eachWord(key, mask.length, (e, word) => {
        mask[e] = word < limit ? hit : miss;
      });
      rec.write(out, rec.host(mask).value);
    },
    addNormals(a, key, deviation) {
      const drawn = new Float32Array(sizeOf(a));
      addNormalsTo(drawn, key, deviation);
      const n = rec.alloc(a.rows, a.cols);
      rec.write(n, rec.host(drawn).value);
      writeElements(rec, a, { a, n }, 'va + vn');
      rec.free(n);
    },
  };
}
