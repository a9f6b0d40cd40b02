/** What class a value has, also of another realm. An object that only claims a class by its tag does not count. */
import { classOf } from '../checks.js';
import type { FloatArray } from '../contract/kernels.js';

/** Whether a value is a Float32Array or a Float64Array. */
export const isFloats = (value: unknown): value is FloatArray =>
  ArrayBuffer.isView(value) && /^Float(32|64)Array$/.test(classOf(value));

/** Whether a value is a Map. */
export function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> {
  try {
    return Map.prototype.has.call(value, '') || true;
  } catch {
    return false;
  }
}
