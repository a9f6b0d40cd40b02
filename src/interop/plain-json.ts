/** Checks that a value can be written as JSON and read again as it was. */
import { isPlainObject, shown } from '../checks.js';
import { invalidData, type UnspoolError } from '../errors.js';
import { MAX_DEPTH } from './bounded-json.js';

/**
 * Throws `INVALID_DATA` for a value that JSON would drop or change: NaN, a function, a Date, a typed array, or nesting that is too
 * deep to be read. A property that is undefined counts as missing.
 */
export function requireJson(path: string, value: unknown, depth = 1): void {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) return;
  if (depth >= MAX_DEPTH) throw wrong(path, 'is nested too deeply.');
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) requireJson(`${path}[${i}]`, value[i], depth + 1);
    return;
  }
  if (!isPlainObject(value)) throw wrong(path, `cannot be written as JSON: ${shown(value)}.`);
  for (const [key, part] of Object.entries(value)) {
    if (part !== undefined) requireJson(`${path}.${key}`, part, depth + 1);
  }
}

const wrong = (path: string, problem: string): UnspoolError =>
  invalidData(path, problem, 'Give strings, finite numbers, booleans, null, and lists and plain objects of them.');
