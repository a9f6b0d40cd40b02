/** Values of other programs' tables. */
import type { Cell } from '../../tasks/index.js';

/** A value as the cell of a table: a date as text, a large integer as a number. Undefined for a list, an object or bytes. */
export function cellOf(value: unknown): Cell | undefined {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) return null;
    const text = value.toISOString();
    return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text;
  }
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' ? value : undefined;
}
