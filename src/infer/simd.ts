/**
 * `unspool/infer/simd`: `unspool/infer` with products and standard cells in SIMD WebAssembly, from a module in the package. A page's
 * content-security policy must allow 'wasm-unsafe-eval'.
 */
import { decodeBase64 } from './base64.js';
import { failure } from './errors.js';
import { wasm } from './generated/simd.js';
import { type Block, type Machine, plainMachine } from './machine.js';
import { type InferModel, makeModel } from './model.js';

export type { InferError } from './errors.js';
export type { Floats } from './file.js';
export type { GivenState, InferModel, InferOptions, InferPrediction, LayerState, State } from './model.js';

const PAGE = 65536;

interface Exports {
  product(y: number, x: number, w: number, rows: number, outputs: number, K: number): void;
  lstmCell(gates: number, c: number, h: number, cPrev: number, rows: number, hiddenSize: number): void;
}

let compiled: WebAssembly.Module | null = null;

function compile(): WebAssembly.Module {
  try {
    compiled ??= new WebAssembly.Module(decodeBase64(wasm));
    return compiled;
  } catch (error) {
    const help = "Allow script-src 'wasm-unsafe-eval', or use loadModel of unspool/infer.";
    throw failure('INVALID_SETTING', `WebAssembly with SIMD does not run here: ${String(error)}.`, help);
  }
}

/** The machine of SIMD WebAssembly, float32. All its blocks are in one memory, which grows. */
function simdMachine(): Machine {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { product, lstmCell } = new WebAssembly.Instance(compile(), { env: { memory } }).exports as unknown as Exports;
  const blocks: { block: Block; count: number }[] = [];
  let [kept, keptBlocks, top] = [1024, 0, 1024];
  const place = (count: number): Block => {
    const at = top;
    top += Math.ceil(count / 4) * 16;
    const missing = Math.ceil((top - memory.buffer.byteLength) / PAGE);
    if (missing > 0) {
      grow(memory, missing);
      for (const { block, count: size } of blocks) block.data = new Float32Array(memory.buffer, block.at, size);
    }
    const block: Block = { data: new Float32Array(memory.buffer, at, count), at };
    blocks.push({ block, count });
    return block;
  };
  return {
    allocate(count) {
      const block = place(count);
      block.data.fill(0);
      return block;
    },
    keep(values) {
      const block = place(values.length);
      block.data.set(values);
      [kept, keptBlocks] = [top, blocks.length];
      return block;
    },
    reset() {
      top = kept;
      blocks.length = keptBlocks;
    },
    product(out, x, from, rows, { block, outputs, inputs }) {
      product(out.at, x.at + 4 * from, block.at, rows, outputs, inputs);
    },
    cell: (gates, c, h, rows, hiddenSize) => lstmCell(gates.at, c.at, h.at, c.at, rows, hiddenSize),
  };
}

function grow(memory: WebAssembly.Memory, pages: number): void {
  try {
    memory.grow(pages);
  } catch {
    const size = Math.ceil((memory.buffer.byteLength + pages * PAGE) / 2 ** 20);
    throw failure(
      'OUT_OF_MEMORY',
      `The model needs ${size} MiB of WebAssembly memory.`,
      'Predict fewer sequences together.',
    );
  }
}

/** `loadModel` of unspool/infer, faster. A float64 model is computed in plain JavaScript. Throws `INVALID_FILE`. */
export const loadModel = (bytes: Uint8Array | ArrayBuffer): InferModel =>
  makeModel(bytes, (precision) => (precision === 'float64' ? plainMachine(precision) : simdMachine()));
