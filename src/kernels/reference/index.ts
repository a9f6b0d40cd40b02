/**
 * The reference backend: plain, readable TypeScript over typed arrays. The other backends are compared with it in float64. In
 * float32 it runs in every JavaScript engine.
 */
import type { FloatArray, Kernels, Matrix, Precision } from '../../contract/kernels.js';
import { lstmCell, lstmCellGrad } from './cell.js';
import * as halves from './cell-halves.js';
import { type DenseMatrix, dense } from './dense.js';
import * as elements from './elements.js';
import * as losses from './losses.js';
import { ReferenceMemory } from './memory.js';
import * as noise from './noise.js';
import * as norm from './norm.js';
import { KC, products } from './products.js';
import * as rows from './rows.js';
import * as updates from './updates.js';

/** Creates the reference backend. `Kernels` documents the instructions. */
export function createReference(precision: Precision): Kernels {
  const memory = new ReferenceMemory(precision === 'float64' ? Float64Array : Float32Array);
  const matrix = (r: number, c: number, data: FloatArray): DenseMatrix => ({ rows: r, cols: c, data });
  return {
    name: 'reference',
    precision,
    partialRows: { minimum: 0, block: KC }, // a row always costs more than the calls that leave it out
    alloc: (r: number, c: number): Matrix => matrix(r, c, memory.array(r * c)),
    view: (base, offset, r, c) => matrix(r, c, dense(base).subarray(offset, offset + r * c)),
    free: () => {}, // the garbage collector frees it
    upload: (out, data) => dense(out).set(data),
    download: async (a) => dense(a).slice(),
    host: dense,
    dispose: () => {},
    lstmCell,
    lstmCellGrad,
    ...halves,
    ...norm,
    ...noise,
    ...products(memory),
    ...rows,
    ...elements,
    ...losses,
    ...updates,
  };
}
