/** Matrices as windows of allocations. */
import type { BackendMemory, Kernels, MemoryRules } from '../../../contract/kernels.js';
import { asColumn, rowsOf, type Window, windowOf } from '../record/allocation.js';
import type { Recorder } from '../record/recorder.js';

type Memory = Pick<Kernels, 'memory' | 'alloc' | 'allocPacked' | 'view' | 'free' | 'upload' | 'download' | 'host'>;

/** The memory instructions. `freeAll` frees the matrices that are still allocated. */
export function memory(rec: Recorder): { readonly instructions: Memory; freeAll(): void } {
  const allocated = new Set<Window>();
  let inUse = 0;
  const bytes = (rows: number, cols: number): number => 4 * rows * cols;
  const alloc = (rows: number, cols: number): Window => {
    const matrix = rec.alloc(rows, cols);
    allocated.add(matrix);
    inUse += bytes(rows, cols);
    return matrix;
  };
  const free = (m: Window): void => {
    if (!allocated.delete(m)) return;
    inUse -= bytes(m.rows, m.cols);
    rec.free(m);
  };
  const rules: MemoryRules = { overhead: 0, matrix: bytes, packed: bytes, workspaces: {} };
  const backendMemory: BackendMemory = {
    capacity: Number.POSITIVE_INFINITY,
    inUse: () => inUse,
    rules: async () => rules,
  };
  const instructions: Memory = {
    memory: backendMemory,
    alloc,
    allocPacked: alloc,
    view: (of, offset, rows, cols): Window => {
      const { base, offset: begin } = windowOf(of);
      return { rows, cols, base, offset: begin + offset, whole: false };
    },
    free: (m) => free(m as Window),
    upload(out, data) {
      const numbers = Float32Array.from(data);
      for (const [from, to] of rec.blocks(numbers.length, 1)) {
        rec.write(rowsOf(asColumn(out), from, to), rec.fromHost(numbers.subarray(from, to)).value);
      }
    },
    download: (a) => rec.runs.download(a),
    host: () => null,
  };
  return {
    instructions,
    freeAll() {
      for (const m of [...allocated]) free(m);
    },
  };
}
