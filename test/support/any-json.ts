/** Values that a damaged or hostile file may hold, and every place of a good value to put them. */
import fc from 'fast-check';

/** Any JSON value, with a bias to values that break readers: names of Object.prototype, an object instead of a string. */
export const anyJson = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(1e12, 2 ** 24, -0, -1, 0.5, 1e308, '', 'orthogonal', { uniform: 1e9 }, [], {}, null, true),
  fc.constantFrom<unknown>({ toString: {} }, { valueOf: null, toString: 1 }, [[{ toString: {} }]], [null], [1]),
  fc.constantFrom<unknown>('__proto__', 'constructor', 'toString', { kind: '__proto__' }, { kind: { toString: {} } }),
  fc.constantFrom<unknown>(
    { kind: null },
    { length: 3 },
    { length: -1 },
    { forEach: 1 },
    JSON.parse('{"__proto__": 1}'),
  ),
);

/** The ways to every value inside a JSON value (of a long list, to the first few). */
export function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  const inside = Object.entries(value).slice(0, 8);
  return [[...path], ...inside.flatMap(([key, v]) => pathsOf(v, [...path, key]))];
}

/** A copy of `value` with `put` in the place that `path` leads to. */
export function replaced(value: unknown, [key, ...rest]: readonly string[], put: unknown): unknown {
  if (key === undefined) return put;
  const inside = (value as Readonly<Record<string, unknown>>)[key];
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<string, unknown>;
  copy[key] = replaced(inside, rest, put);
  return copy;
}
