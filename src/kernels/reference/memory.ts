/** Allocates the arrays of the reference backend and counts the bytes that the garbage collector has not freed yet. */
import type { BackendMemory, FloatArray, MemoryRules } from '../../contract/kernels.js';
import { UnspoolError } from '../../errors.js';

export type Floats = Float32ArrayConstructor | Float64ArrayConstructor;

/** The bytes of one backend that the garbage collector has not freed yet. */
interface Usage {
  bytes: number;
}

/** One for all backends: in V8 before version 14, registries stop working in the whole process once one with work left is collected. */
const collected = /* @__PURE__ */ new FinalizationRegistry<{ usage: Usage; bytes: number }>(({ usage, bytes }) => {
  usage.bytes -= bytes;
});

export class ReferenceMemory {
  readonly Float: Floats;
  private readonly usage: Usage = { bytes: 0 };

  constructor(Float: Floats) {
    this.Float = Float;
  }

  /** An array of zeros. Throws `OUT_OF_MEMORY`. */
  array(size: number): FloatArray {
    const bytes = size * this.Float.BYTES_PER_ELEMENT;
    try {
      const array = new this.Float(size);
      const { usage } = this;
      usage.bytes += bytes;
      collected.register(array, { usage, bytes }, array);
      return array;
    } catch {
      throw new UnspoolError({
        code: 'OUT_OF_MEMORY',
        bytes,
        inUse: this.usage.bytes,
        capacity: Number.POSITIVE_INFINITY,
      });
    }
  }

  /** An array that is kept and grows to the largest requested size, so that an update allocates nothing after the first. */
  workspace(): (size: number) => FloatArray {
    let kept = new this.Float(0) as FloatArray;
    return (size) => {
      if (kept.length >= size) return kept;
      const larger = this.array(size);
      if (collected.unregister(kept)) this.usage.bytes -= kept.byteLength;
      kept = larger;
      return larger;
    };
  }

  /**
   * The memory of the backend, with its rules. `packed` gives the elements of a packed matrix, `rows` those of the workspace for
   * the left operand (R,K) of a product.
   */
  describe(packed: (rows: number, cols: number) => number, rows: (R: number, K: number) => number): BackendMemory {
    const size = this.Float.BYTES_PER_ELEMENT;
    const rules: MemoryRules = {
      overhead: 0,
      matrix: (R, C) => size * R * C,
      packed: (R, C) => size * packed(R, C),
      workspaces: {
        gemm(out, a, _b, options) {
          const K = options?.transA ? a.rows : a.cols;
          return { rows: size * rows(out.rows, K), panels: size * packed(K, out.cols) };
        },
        gemmPacked: (out, _a, b) => ({ rows: size * rows(out.rows, b.rows) }),
      },
    };
    return { capacity: Number.POSITIVE_INFINITY, inUse: () => this.usage.bytes, rules: async () => rules };
  }
}
