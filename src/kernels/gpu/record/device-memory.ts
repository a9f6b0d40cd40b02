/** The arrays that are on the device. Several values may share one. */
import type { DeviceArray, Value } from './values.js';

/** Reference-counted arrays on the device. */
export class DeviceMemory {
  private readonly arrays = new Set<DeviceArray>();

  /** The number of arrays on the device. */
  get size(): number {
    return this.arrays.size;
  }

  /** Keeps a result of gpu.js that `refCount` values share. */
  add(handle: unknown, refCount = 1): DeviceArray {
    const array = { handle, refCount };
    this.arrays.add(array);
    return array;
  }

  /** Frees what a value has on the device. */
  free(value: Value): void {
    const { scalar, vec4 } = value;
    value.scalar = null;
    value.vec4 = null;
    for (const array of [scalar, vec4]) if (array) this.release(array);
  }

  /** Gives up one reference to an array. */
  release(array: DeviceArray): void {
    if (--array.refCount === 0) this.delete(array);
  }

  /** Frees what a value has on the device, and stores it in `array` instead, which already has its numbers. */
  move(value: Value, array: DeviceArray): void {
    this.free(value);
    array.refCount++;
    value.scalar = array;
  }

  private delete(array: DeviceArray): void {
    this.arrays.delete(array);
    (array.handle as { delete?: () => void }).delete?.();
  }

  dispose(): void {
    for (const array of this.arrays) this.delete(array);
  }
}
