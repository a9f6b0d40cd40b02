/**
 * What computes a model's products and standard cells: plain JavaScript here, SIMD WebAssembly in simd.ts. Both keep their
 * numbers in blocks.
 */
import { sigmoid } from './activations.js';
import type { Floats } from './file.js';

/** Numbers that a machine computes with. `data` is replaced when the machine's memory grows. */
export interface Block {
  data: Floats;
  /** Position in the machine's memory, if it has one. */
  readonly at: number;
}

/** A matrix W, [outputs, inputs], row by row. */
export interface Weights {
  readonly block: Block;
  readonly outputs: number;
  readonly inputs: number;
}

export interface Machine {
  /** A block of zeros. `reset` frees it. */
  allocate(count: number): Block;
  /** A block with a copy of these values, which `reset` does not free. All of them come before the first `allocate`. */
  keep(values: Floats): Block;
  /** Frees all blocks that `allocate` returned. */
  reset(): void;
  /** out += x W' for `rows` rows, which begin at number `from` of x; the rows of out begin at 0. */
  product(out: Block, x: Block, from: number, rows: number, w: Weights): void;
  /** (F2)-(F4) for `rows` rows: gates are pre-activations [rows, 4H]; c and h, [rows, H], are replaced. */
  cell(gates: Block, c: Block, h: Block, rows: number, hiddenSize: number): void;
}

/** Four outputs at a time, because one sum alone waits for each of its additions. */
function product(out: Block, x: Block, from: number, rows: number, { block, outputs, inputs: K }: Weights): void {
  const y = out.data;
  const a = x.data;
  const w = block.data;
  for (let n = 0; n < rows; n++) {
    const row = from + n * K;
    const to = n * outputs;
    let o = 0;
    for (; o + 4 <= outputs; o += 4) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let k = 0, at = o * K; k < K; k++, at++) {
        const v = a[row + k]!;
        s0 += v * w[at]!;
        s1 += v * w[at + K]!;
        s2 += v * w[at + 2 * K]!;
        s3 += v * w[at + 3 * K]!;
      }
      y[to + o] = y[to + o]! + s0;
      y[to + o + 1] = y[to + o + 1]! + s1;
      y[to + o + 2] = y[to + o + 2]! + s2;
      y[to + o + 3] = y[to + o + 3]! + s3;
    }
    for (; o < outputs; o++) {
      let sum = 0;
      for (let k = 0; k < K; k++) sum += a[row + k]! * w[o * K + k]!;
      y[to + o] = y[to + o]! + sum;
    }
  }
}

function cell(gates: Block, c: Block, h: Block, rows: number, H: number): void {
  const a = gates.data;
  const cs = c.data;
  const hs = h.data;
  for (let n = 0; n < rows; n++) {
    for (let j = 0; j < H; j++) {
      const at = 4 * n * H + j;
      const s = n * H + j;
      const now = sigmoid(a[at + H]!) * cs[s]! + sigmoid(a[at]!) * Math.tanh(a[at + 2 * H]!); // (F2), (F3)
      cs[s] = now;
      hs[s] = sigmoid(a[at + 3 * H]!) * Math.tanh(now); // (F4)
    }
  }
}

/** The machine of plain JavaScript. Its blocks have the type of the weights. */
export function plainMachine(precision: 'float32' | 'float64'): Machine {
  const Type = precision === 'float64' ? Float64Array : Float32Array;
  return {
    allocate: (count) => ({ data: new Type(count), at: 0 }),
    keep: (values) => ({ data: Type.from(values), at: 0 }),
    reset() {},
    product,
    cell,
  };
}
