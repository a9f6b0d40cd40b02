/** Every place of valid arguments, and wrong values to put there. All of it follows from a seed. */

import { anyValue, detached, isTyped, NUMBERS, STRINGS, thrower } from './values.mjs';

/** Random numbers in [0, 1) (mulberry32). */
export function createRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count) => Math.floor(next() * count);
  return { next, below, pick: (list) => list[below(list.length)] };
}

export const isPlain = (value) => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** Whether a value is a plain object with methods: an implementation of an interface, which may have more. */
export const hasMethods = (value) => isPlain(value) && Object.values(value).some((v) => typeof v === 'function');

/** A backend is not checked: its contract is for code that computes (src/contract/kernels.ts). */
const isBackend = (value) => isPlain(value) && typeof value.gemm === 'function';

/** The ways to every value inside lists and plain objects (of a long list, to the first few). `opaque`: not inside implementations. */
export function pathsOf(value, opaque = false, path = []) {
  if (path.length > 6 || (opaque && hasMethods(value)) || isBackend(value)) return [path];
  const keys = Array.isArray(value) ? Object.keys(value).slice(0, 4) : isPlain(value) ? Object.keys(value) : [];
  return [path, ...keys.flatMap((key) => pathsOf(value[key], opaque, [...path, key]))];
}

export const at = (value, path) => path.reduce((now, key) => now[key], value);

/** A copy of `value` with `put` in the place that `path` leads to; `drop` removes the key. */
export function replaced(value, [key, ...rest], put, drop = false) {
  if (key === undefined) return put;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  if (drop && rest.length === 0) {
    if (Array.isArray(copy)) copy.splice(Number(key), 1);
    else delete copy[key];
  } else copy[key] = replaced(value[key], rest, put, drop);
  return copy;
}

/** A value like `value`, but wrong: another type, length, element or result. */
function spoiled(value, random, pool) {
  if (isTyped(value) || (Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === 'number'))) {
    return spoiledNumbers(value, random);
  }
  if (typeof value === 'number')
    return random.pick([
      ...NUMBERS,
      String(value),
      [value],
      BigInt(Math.trunc(value) || 0),
      -value,
      value + 0.5,
      value + 1,
    ]);
  if (typeof value === 'string')
    return random.pick([
      value.toUpperCase(),
      `${value} `,
      value.slice(1),
      value + value,
      [value],
      { kind: value },
      ...STRINGS,
    ]);
  if (typeof value === 'function') {
    const result = anyValue(random, pool);
    return random.pick([() => result, async () => result, thrower, () => value]);
  }
  if (typeof value === 'boolean') return random.pick([0, 1, 'true', null, [], {}]);
  if (Array.isArray(value))
    return random.pick([
      () => [],
      () => [...value, ...value],
      () => value.slice(1),
      () => ({ ...value }),
      () => [value],
      () => new Set(value),
    ])();
  if (isPlain(value) && !isBackend(value))
    return random.pick([
      () => [value],
      () => Object.entries(value),
      () => new Map(Object.entries(value)),
      () => Object.create(value),
      () => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
      () => ({}),
      () => Object.freeze({ ...value }),
      () => Object.assign(Object.create(null), value),
      () => new Proxy(value, {}),
      () => withGetters(value),
    ])();
  return anyValue(random, pool);
}

/** A copy whose properties are computed when they are read, as those of some classes are. */
const withGetters = (value) =>
  Object.defineProperties(
    {},
    Object.fromEntries(Object.keys(value).map((key) => [key, { enumerable: true, get: () => value[key] }])),
  );

function spoiledNumbers(values, random) {
  const list = Array.from(values, Number);
  const index = random.below(list.length);
  const put = (value) => {
    const copy = [...list];
    copy[index] = value;
    return copy;
  };
  return random.pick([
    () => put(undefined),
    () => put(null),
    () => put(Number.NaN),
    () => put(Infinity),
    () => put(-1),
    () => put(1e9),
    () => put(0.5),
    () => put(String(list[index])),
    () => put([list[index]]),
    () => put(1n),
    () => put({}),
    () => put(Symbol('s')),
    () => {
      const copy = [...list];
      delete copy[index];
      return copy;
    },
    () => list.slice(1),
    () => [...list, 1],
    () => [...list, ...list],
    () => [],
    () => [list],
    () => ({ ...list, length: list.length }),
    () => ({ ...list }),
    () => new Set(list),
    () => Float64Array.from(list),
    () => Float32Array.from(list),
    () => Int32Array.from(list, Math.trunc),
    () => Int8Array.from(list, Math.trunc),
    () => Uint32Array.from(list, (v) => Math.abs(Math.trunc(v))),
    () => BigInt64Array.from(list, (v) => BigInt(Math.trunc(v) || 0)),
    () => new Float32Array(list.length).fill(Number.NaN),
    () => detached(Float32Array.from(list)),
    () => new Float32Array(new SharedArrayBuffer(4 * list.length)),
    () => Object.freeze(list),
    () => new Proxy(list, {}),
    () => put(-0),
    () => new Float32Array(4 * list.length).fill(0.5),
    () => new DataView(new ArrayBuffer(4 * list.length)),
    () => list.join(','),
  ])();
}

/** Wrong arguments made from valid ones, and in words what is wrong. */
export function mutated(args, random, pool, opaque = false) {
  const kind = random.below(20);
  if (kind === 0)
    return { args: Array.from({ length: random.below(args.length + 2) }, () => anyValue(random, pool)), what: 'noise' };
  if (kind === 1 && args.length > 0) {
    const count = random.below(args.length);
    return { args: args.slice(0, count), what: `the first ${count} arguments only` };
  }
  if (kind === 2 && args.length > 1) {
    const [i, j] = [random.below(args.length), random.below(args.length)];
    const copy = [...args];
    [copy[i], copy[j]] = [copy[j], copy[i]];
    return { args: copy, what: `arguments ${i} and ${j} exchanged` };
  }
  if (kind === 3) return { args: [...args, anyValue(random, pool)], what: 'one more argument' };
  const paths = pathsOf(args, opaque).filter((path) => path.length > 0);
  if (paths.length === 0) return { args: [anyValue(random, pool)], what: 'an argument' };
  const path = random.pick(random.below(3) === 0 ? paths.filter(({ length }) => length === 1) : paths);
  const place = `[${path[0]}]${path
    .slice(1)
    .map((key) => `.${key}`)
    .join('')}`;
  if (kind === 4 && path.length > 1) return { args: replaced(args, path, null, true), what: `${place} removed` };
  const old = at(args, path);
  let put = kind < 12 ? spoiled(old, random, pool) : anyValue(random, pool);
  // A source may have any number of batches, but reading them all takes longer than a test.
  if (path.at(-1) === 'length' && Number.isSafeInteger(put) && put > 1000) put = -1;
  return { args: replaced(args, path, put), what: `${place} = ${shown(put)}` };
}

/** A value in words; never throws. */
export function shown(value) {
  try {
    if (typeof value === 'function') return `function ${String(value).slice(0, 40)}`;
    if (isTyped(value)) return `${value.constructor.name}(${value.length})[${Array.from(value).slice(0, 4)}]`;
    if (typeof value === 'object' && value !== null && !isPlain(value) && !Array.isArray(value)) {
      return `${Object.prototype.toString.call(value)} ${value.constructor?.name ?? ''}`;
    }
    if (typeof value === 'object' && value !== null) {
      return JSON.stringify(value, (_, v) =>
        typeof v === 'bigint'
          ? `${v}n`
          : typeof v === 'symbol' || typeof v === 'function'
            ? String(v)
            : isTyped(v)
              ? shown(v)
              : v,
      ).slice(0, 160);
    }
    return typeof value === 'bigint'
      ? `${value}n`
      : Object.is(value, -0)
        ? '-0'
        : typeof value === 'string'
          ? JSON.stringify(value.slice(0, 60))
          : String(value);
  } catch {
    return 'a value that cannot be shown';
  }
}
