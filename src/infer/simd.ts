/**
 * `unspool/infer/simd`: `unspool/infer` with products and standard cells in SIMD WebAssembly, from a module in the package. A page's
 * content-security policy must allow 'wasm-unsafe-eval'.
 */
import { decodeBase64 } from './base64.js';
import { failure } from './errors.js';
import { type Floats, readModel, scaled } from './file.js';
import { wasm } from './generated/simd.js';
import { type Block, type Machine, plainMachine } from './machine.js';
import { type InferModel, makeModel } from './model.js';

export type { InferError } from './errors.js';
export type { Floats } from './file.js';
export type { GivenState, InferModel, InferOptions, InferPrediction, LayerState, State } from './model.js';

const PAGE = 65536;

interface Exports {
  product(y: number, x: number, w: number, rows: number, outputs: number, K: number): void;
  int8Product(
    y: number,
    x: number,
    w: number,
    scales: number,
    work: number,
    rows: number,
    outputs: number,
    K: number,
  ): void;
  lstmCell(gates: number, c: number, h: number, cPrev: number, rows: number, hiddenSize: number): void;
}

/** A matrix of int8 weights, with a scale for each row. */
interface Int8Rows {
  readonly values: Int8Array;
  readonly scales: Floats;
}

/** int8 weights in the machine's memory: also where their scales are, and memory for a row of inputs. */
interface Int8Block extends Block {
  readonly scales: number;
  readonly work: number;
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

/**
 * The machine of SIMD WebAssembly, float32. All its blocks are in one memory, which grows. `int8` has the weights that came from
 * int8, by their numbers: products take them as they are.
 */
function simdMachine(int8: ReadonlyMap<Floats, Int8Rows>): Machine {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { product, int8Product, lstmCell } = new WebAssembly.Instance(compile(), { env: { memory } })
    .exports as unknown as Exports;
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
  const placeInt8 = ({ values, scales }: Int8Rows): Int8Block => {
    const K = values.length / scales.length;
    const width = Math.ceil(K / 16) * 16;
    const rows = Math.ceil(scales.length / 4) * 4;
    const [weights, factors, work] = [place((rows * width) / 4), place(rows), place(width / 2)];
    const bytes = new Int8Array(memory.buffer, weights.at, rows * width);
    for (let row = 0; row < scales.length; row++) bytes.set(values.subarray(row * K, (row + 1) * K), row * width);
    factors.data.set(scales);
    return Object.assign(weights, { scales: factors.at, work: work.at });
  };
  return {
    allocate(count) {
      const block = place(count);
      block.data.fill(0);
      return block;
    },
    keep(values) {
      const rows = int8.get(values);
      const block = rows ? placeInt8(rows) : place(values.length);
      if (!rows) block.data.set(values);
      [kept, keptBlocks] = [top, blocks.length];
      return block;
    },
    reset() {
      top = kept;
      blocks.length = keptBlocks;
    },
    product(out, x, from, rows, { block, outputs, inputs }) {
      const at = x.at + 4 * from;
      if ('scales' in block) {
        const { scales, work } = block as Int8Block;
        int8Product(out.at, at, block.at, scales, work, rows, outputs, inputs);
      } else product(out.at, at, block.at, rows, outputs, inputs);
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

/**
 * `loadModel` of unspool/infer, faster. int8 weights stay int8 in memory, and their products round each row of inputs to 16 bits. A
 * float64 model is computed in plain JavaScript. Throws `INVALID_FILE`.
 */
export function loadModel(bytes: Uint8Array | ArrayBuffer): InferModel {
  const int8 = new Map<Floats, Int8Rows>();
  const content = readModel(bytes, (values, scales) => {
    const numbers = scaled(values, scales);
    int8.set(numbers, { values, scales });
    return numbers;
  });
  const { precision } = content;
  const model = makeModel(content, precision === 'float64' ? plainMachine(precision) : simdMachine(int8));
  int8.clear();
  return model;
}
