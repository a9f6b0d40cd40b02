/** Conversions of weights between the conventions of programs. Arrays are row-major, and results are copies. */
import type { FloatArray } from '../contract/kernels.js';

const like = <T extends FloatArray>(values: T, length: number): T =>
  new (values.constructor as new (length: number) => T)(length);

/**
 * Rows or vectors in four blocks, one for each gate, in another order. `from` and `to` name the blocks: Unspool and PyTorch have
 * `ifgo`, Keras `ifgo` (its c is g), ONNX `iofg`, TensorFlow's BasicLSTMCell `igfo`.
 */
export function reorderGates<T extends FloatArray>(values: T, from: string, to: string): T {
  const block = values.length / to.length;
  const out = like(values, values.length);
  for (const [at, gate] of [...to].entries()) {
    const start = from.indexOf(gate) * block;
    out.set(values.subarray(start, start + block), at * block);
  }
  return out;
}

/** A matrix [rows, cols] as [cols, rows]. */
export function transposed<T extends FloatArray>(values: T, rows: number, cols: number): T {
  const out = like(values, values.length);
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) out[col * rows + row] = values[row * cols + col]!;
  }
  return out;
}

/** The sum of the two biases of a gate, for a layer with `bias: 'single'`. */
export function summed<T extends FloatArray>(one: T, other: T): T {
  const out = like(one, one.length);
  for (let i = 0; i < one.length; i++) out[i] = one[i]! + other[i]!;
  return out;
}

/** Arrays of the same type, one after the other; at least one. */
export function concatenated<T extends FloatArray>(parts: readonly T[]): T {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const out = like(parts[0]!, length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
