/** Checks of sequences and sizes that a caller passes. */
import { requireInteger, shown } from '../checks.js';
import { invalidData } from '../errors.js';
import { requireStepData, type StepData } from '../estimators/system.js';

/** Throws `INVALID_DATA` unless `value` is a list of steps. Their system checks the numbers. */
export function requireSequence(value: unknown): asserts value is readonly StepData[] {
  if (!Array.isArray(value)) throw invalidData('sequence', `must be a list of steps, got ${shown(value)}.`);
  for (const step of Array.from<unknown>(value)) requireStepData(step);
}

/** Throws `INVALID_SETTING` for a number of rows below 1, or for data that would have more than 2^28 numbers. */
export function requireRows(rows: unknown, steps: number, width: number, name = 'rows'): asserts rows is number {
  requireInteger(name, rows, 1, 1 << 20);
  requireInteger(`${name} * steps * width`, rows * steps * width, 1, 1 << 28);
}
