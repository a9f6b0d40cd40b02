/**
 * The reference backend: plain TypeScript over typed arrays, to be read and to be trusted. In float64 it is the oracle
 * that the other backends are compared with; in float32 it runs wherever JavaScript does.
 */
import type { FloatArray, Kernels, Matrix, Precision } from '../../contract/kernels.js';
import { lstmCell, lstmCellGrad } from './cell.js';
import * as halves from './cell-halves.js';
import { type DenseMatrix, dense } from './dense.js';
import * as losses from './losses.js';
import { ReferenceMemory } from './memory.js';
import * as noise from './noise.js';
import * as norm from './norm.js';
import { createGemm } from './products.js';
import * as rows from './rows.js';
import * as updates from './updates.js';

/** Makes the backend's instructions for one precision; see `Kernels` for what each does. */
export function createReference(precision: Precision): Kernels {
  const memory = new ReferenceMemory(precision === 'float64' ? Float64Array : Float32Array);
  const matrix = (r: number, c: number, data: FloatArray): DenseMatrix => ({ rows: r, cols: c, data });
  return {
    name: 'reference',
    precision,
    alloc: (r: number, c: number): Matrix => matrix(r, c, memory.array(r * c)),
    view: (base, offset, r, c) => matrix(r, c, dense(base).subarray(offset, offset + r * c)),
    free: () => {}, // the garbage collector does
    upload: (out, data) => dense(out).set(data),
    download: async (a) => dense(a).slice(),
    host: dense,
    dispose: () => {},
    fill: (out, value) => void dense(out).fill(value),
    copy: (out, a) => dense(out).set(dense(a)),
    lstmCell,
    lstmCellGrad,
    ...halves,
    ...norm,
    ...noise,
    ...createGemm(memory),
    ...rows,
    ...losses,
    ...updates,
  };
}
