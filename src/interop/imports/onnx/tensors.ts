/** The tensors of an ONNX file, for programs that compute its other operators themselves. */
import type { FloatArray } from '../../../contract/kernels.js';
import { invalidFile } from '../../invalid.js';
import { type ImportOptions, requireImport } from '../options.js';
import { readOnnx } from './file.js';

/** A constant tensor of an ONNX file. */
export interface OnnxTensor {
  /** Sizes, outermost first; [] is a single number. */
  readonly shape: readonly number[];
  /** Numbers row by row: float32 for float32, float16 and bfloat16, else float64. Integers beyond 2^53 are rounded. */
  readonly data: FloatArray;
}

/**
 * Returns the constant tensors (initializers) of an ONNX file's main graph, by name. A program that computes the operators around an
 * LSTM itself, such as convolutions, takes their weights from here. Throws `INVALID_FILE`.
 */
export function onnxTensors(bytes: Uint8Array, options: Pick<ImportOptions, 'file'> = {}): Map<string, OnnxTensor> {
  requireImport(bytes, options);
  const { graph } = readOnnx(bytes, (problem, help) => {
    throw invalidFile(options.file ?? 'ONNX file', problem, help);
  });
  return new Map([...graph.tensors].map(([name, { shape, values }]) => [name, { shape, data: values }]));
}
