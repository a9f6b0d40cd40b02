/** Smaller weights: float16, or int8 with one scale per row. Vectors, such as biases, stay float32: they are small. */
import { halfBits } from '../half.js';
import type { TensorData } from '../safetensors-write.js';
import type { Parameter } from './content.js';
import type { WeightType } from './weight-types.js';

/** int8 rows: w is about q s, with s = max |w| / 127 of the row, so the error is at most s / 2. */
function toInt8({ name, shape, data }: Parameter): TensorData[] {
  const rows = shape[0]!;
  const width = data.length / rows;
  const scales = new Float32Array(rows);
  const quantized = new Int8Array(data.length);
  for (let row = 0; row < rows; row++) {
    let largest = 0;
    for (let k = row * width; k < (row + 1) * width; k++) largest = Math.max(largest, Math.abs(data[k]!));
    scales[row] = largest / 127;
    const scale = scales[row] || 1;
    for (let k = row * width; k < (row + 1) * width; k++) {
      quantized[k] = Math.max(-127, Math.min(127, Math.round(data[k]! / scale)));
    }
  }
  return [
    { name, shape, data: quantized },
    { name: `${name}.scale`, shape: [rows], data: scales },
  ];
}

/** The tensors of a parameter in a type. float64 parameters become float32 first. */
export function tensorsOf(parameter: Parameter, type: WeightType): TensorData[] {
  const { name, shape, data } = parameter;
  if (type === 'float32' || shape.length < 2) return [{ name, shape, data: Float32Array.from(data) }];
  if (type === 'int8') return toInt8(parameter);
  return [{ name, shape, data: Uint16Array.from(data, halfBits), type: 'F16' }];
}
