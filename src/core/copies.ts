/** Copies of what callers pass, so that later changes to their objects have no effect. */
import { isObject, isPlainObject } from '../checks.js';

/** A frozen copy of plain lists and objects, to a depth that no spec exceeds. Functions and other values stay as they are. */
export function frozenCopy<T>(value: T, depth = 8): T {
  if (depth === 0) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((v) => frozenCopy(v, depth - 1))) as T;
  if (!isObject(value) || ArrayBuffer.isView(value)) return value;
  const entries = Object.entries(value).map(([key, v]) => [key, frozenCopy(v, depth - 1)]);
  return Object.freeze(Object.fromEntries(entries)) as T;
}

/** A copy of the arrays in a batch or in options, as they are now. Tapes, arenas and what is not plain data stay the same. */
export function snapshot<T>(value: T, depth = 3): T {
  // A Buffer's own slice does not copy.
  if (ArrayBuffer.isView(value))
    return value instanceof DataView || value.byteLength === 0 ? value : (Uint8Array.prototype.slice.call(value) as T);
  if (depth === 0) return value;
  if (Array.isArray(value)) return value.map((v) => snapshot(v, depth - 1)) as T;
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, snapshot(v, depth - 1)])) as T;
}
