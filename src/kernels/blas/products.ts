/**
 * Matrix products by the native library. The other instructions, and products that are small, are those of the wasm backend, in whose
 * memory all of them compute.
 */
import type { Kernels, Matrix, MemoryRules, PackedMatrix } from '../../contract/kernels.js';
import { invalidData, UnspoolError } from '../../errors.js';
import type { WasmContext, WasmMatrix, WasmPacked } from '../wasm/context.js';
import { Command } from '../wasm/layout.js';

/**
 * The multiply-adds from which a product is given to the library: below, the call costs more than it saves. A constant, and not
 * measured, because the bits of a result depend on it.
 */
export const MIN_PRODUCT = 2 ** 17;

/** The multiply-adds from which threads share a product. They wait for each other before and after it. */
const MIN_SHARED = 2 ** 20;

/** Flags of a product; open.ts reads them. */
const [ADD, TRANS_A, TRANS_B] = [1, 2, 4];

/** The right operand, as it was given and, once a small product needs it, in panels. */
interface BlasPacked extends WasmPacked {
  readonly block: Matrix;
  /** Shared by the copies that leases make of a handle. `source`: the block, in the shape of what was packed. */
  readonly state: { source: Matrix; transB: boolean; hasPanels: boolean };
}

type Replaced = Pick<Kernels, 'memory' | 'free' | 'gemm' | 'allocPacked' | 'pack' | 'gemmPacked'>;

/**
 * Returns what passes a product to the library, with the addresses of its operands. The library does not check them, so this is the
 * one place that does: all of each operand must be inside the memory.
 */
function caller({ heap, threads, thresholds, at }: WasmContext) {
  const minShared = Math.min(MIN_SHARED, thresholds.product);
  return (out: Matrix, a: Matrix, b: Matrix, K: number, flags: number): void => {
    const [R, C] = [out.rows, out.cols];
    const bytes = heap.memory.buffer.byteLength;
    if (flags & TRANS_A) requireInside(bytes, 'a', a, K, R);
    else requireInside(bytes, 'a', a, R, K);
    if (flags & TRANS_B) requireInside(bytes, 'b', b, C, K);
    else requireInside(bytes, 'b', b, K, C);
    requireInside(bytes, 'out', out, R, C);
    threads.pass(at(out), R, C, at(a), at(b), K, flags);
    threads.dispatch(Command.host, R * C * K >= minShared);
  };
}

/** @param minimum multiply-adds from which the library is used. */
export function products(context: WasmContext, wasm: Kernels, minimum = MIN_PRODUCT): Replaced {
  const multiply = caller(context);
  /** A product of one row reads all of B for few multiplications: the library gains nothing. */
  const isNative = (R: number, C: number, K: number): boolean => R > 1 && K > 0 && C > 0 && R * C * K >= minimum;

  return {
    gemm(out, a, b, options = {}) {
      const { transA = false, transB = false, accumulate = false } = options;
      const K = transA ? a.rows : a.cols;
      if (!isNative(out.rows, out.cols, K)) return wasm.gemm(out, a, b, options);
      multiply(out, a, b, K, (accumulate ? ADD : 0) | (transA ? TRANS_A : 0) | (transB ? TRANS_B : 0));
    },
    allocPacked(rows, cols) {
      const block = wasm.alloc(rows, cols);
      try {
        const state: BlasPacked['state'] = { source: block, transB: false, hasPanels: false };
        return Object.assign(wasm.allocPacked(rows, cols), { block, state }) as BlasPacked;
      } catch (error) {
        wasm.free(block);
        throw error;
      }
    },
    free(m: Matrix | PackedMatrix) {
      const { block } = m as Partial<BlasPacked>;
      if (block) wasm.free(block);
      wasm.free(m);
    },
    pack(out, b, transB) {
      const { block, state } = out as BlasPacked;
      wasm.copy(block, b);
      state.source = transB ? wasm.view(block, 0, b.rows, b.cols) : block;
      state.transB = transB;
      state.hasPanels = false;
    },
    gemmPacked(out, a, b, accumulate) {
      const { rows: K, cols: C, state } = b as BlasPacked;
      if (isNative(out.rows, C, K)) {
        multiply(out, a, state.source, K, (accumulate ? ADD : 0) | (state.transB ? TRANS_B : 0));
        return;
      }
      if (!state.hasPanels) wasm.pack(b, state.source, state.transB);
      state.hasPanels = true;
      wasm.gemmPacked(out, a, b, accumulate);
    },
    memory: {
      ...wasm.memory,
      rules: async () => rulesOver(await wasm.memory.rules(), isNative),
    },
  };
}

/** Throws unless a matrix has the shape that a product reads or writes, and is inside the memory of so many bytes. */
function requireInside(bytes: number, tensor: string, m: Matrix, R: number, C: number): void {
  const { rows, cols, at } = m as WasmMatrix;
  if (rows !== R || cols !== C) {
    throw new UnspoolError({ code: 'SHAPE_MISMATCH', op: 'product', tensor, expected: [R, C], actual: [rows, cols] });
  }
  if (at >= 0 && at % 4 === 0 && at + 4 * R * C <= bytes) return;
  throw invalidData(`product: ${tensor}`, 'is not a matrix of this backend.');
}

/** The rules of memory, with both forms of packed operands, and without panels for the products of the library. */
function rulesOver(rules: MemoryRules, isNative: (R: number, C: number, K: number) => boolean): MemoryRules {
  return {
    ...rules,
    packed: (rows, cols) => rules.packed(rows, cols) + rules.matrix(rows, cols),
    workspaces: {
      ...rules.workspaces,
      gemm: (out, a, b, options) =>
        isNative(out.rows, out.cols, options?.transA ? a.rows : a.cols)
          ? {}
          : (rules.workspaces.gemm?.(out, a, b, options) ?? {}),
    },
  };
}
