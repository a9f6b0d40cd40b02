/** Allocation and transfer of matrices. */
import type { Kernels } from '../../../contract/kernels.js';
import type { WasmContext, WasmMatrix, WasmPacked } from '../context.js';

type Memory = Pick<Kernels, 'memory' | 'alloc' | 'view' | 'free' | 'upload' | 'download' | 'host'>;

/** @param own the bytes that the backend takes before the first matrix, and its number of threads. */
export function memory(context: WasmContext, own: { readonly overhead: number; readonly threads: number }): Memory {
  const { heap, afterBarrier, host } = context;
  return {
    memory: {
      capacity: heap.capacity,
      inUse: () => heap.inUse,
      rules: async () => (await import('../memory-rules.js')).memoryRules(context, own.overhead, own.threads),
    },
    alloc: (rows, cols) =>
      afterBarrier(() => {
        const at = heap.alloc(4 * rows * cols);
        return context.own<WasmMatrix>({ rows, cols, at, base: at, data: undefined });
      }),
    view(matrix, offset, rows, cols): WasmMatrix {
      const { at, base } = matrix as WasmMatrix;
      return { rows, cols, at: at + 4 * offset, base, data: undefined };
    },
    free: (m) => afterBarrier(() => context.release(m as WasmMatrix | WasmPacked)),
    upload: (out, data) => host(out).set(data),
    download: async (a) => new Float32Array(host(a)),
    host,
  };
}
