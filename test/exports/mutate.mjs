/** Values that no call expects, and every place of valid arguments to put them. All of it follows from a seed. */

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

/** What a value of the tests throws; a call may pass it on. */
export class Thrown extends Error {}

const thrower = () => {
  throw new Thrown('thrown by the caller');
};

const withGetter = () =>
  Object.defineProperty({}, 'length', {
    enumerable: true,
    get: thrower,
  });

class Instance {
  value = 1;
  method() {
    return this.value;
  }
}

const NUMBERS = [
  Number.NaN,
  Infinity,
  -Infinity,
  -1,
  -0,
  0,
  0.5,
  1,
  2,
  3,
  7,
  1e-320,
  1e9,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
];
const STRINGS = [
  '',
  ' ',
  '1',
  'a',
  'abc',
  '__proto__',
  'constructor',
  'toString',
  'auto',
  'lstm',
  '\ud800',
  'x'.repeat(5000),
];
const OTHERS = [
  () => undefined,
  () => null,
  () => true,
  () => false,
  () => 1n,
  () => -1n,
  () => Symbol('s'),
  () => Symbol.iterator,
  () => [],
  () => [undefined],
  () => [null],
  () => [Number.NaN],
  () => ['1', '2'],
  () => [1n],
  () => [Symbol('s')],
  () => [[1], [2]],
  () => [{}],
  () => [{ toString: {} }],
  () => Array(3), // holes
  () => Object.assign([1], { 2: 3 }), // a hole
  () => [0.5, -1, 1e300],
  () => [1, 2, 3],
  () => Object.assign([1, 2], { extra: 1 }),
  () => ({}),
  () => ({ length: 3 }),
  () => ({ length: 1e9 }),
  () => ({ length: -1 }),
  () => ({ length: 'a' }),
  () => ({ length: 2, 0: 1, 1: 2 }),
  () => ({ steps: 1e9, batchSize: 1e9 }),
  () => ({ kind: 'lstm' }),
  () => ({ kind: '__proto__' }),
  () => ({ kind: { toString: {} } }),
  () => ({ kind: null }),
  () => ({ toString: {} }),
  () => ({ valueOf: null, toString: 1 }),
  () => ({ toJSON: thrower }),
  () => JSON.parse('{"__proto__": 1}'),
  () => Object.create(null),
  () => Object.create({ inherited: 1 }),
  () => Object.freeze({ a: 1 }),
  () => {
    const circular = {};
    circular.self = circular;
    return circular;
  },
  () => new Date(0),
  () => new Date(Number.NaN),
  () => new Map([['a', 1]]),
  () => new Map(),
  () => new Set([1]),
  () => new WeakMap(),
  () => /x/,
  () => new Error('an error'),
  () => new Instance(),
  () => Instance,
  () => new URL('https://example.org'),
  () => Promise.resolve(1),
  () => new Float32Array(0),
  () => new Float32Array([1, 2]),
  () => new Float64Array([Number.NaN]),
  () => new Int8Array([1, 2, 3]),
  () => new Int32Array([1, 2, 3]),
  () => new Uint8Array([0, 1, 2]),
  () => new Uint8ClampedArray([1]),
  () => new BigInt64Array([1n, 2n]),
  () => new BigInt64Array(0),
  () => new BigUint64Array([1n]),
  () => new DataView(new ArrayBuffer(8)),
  () => new ArrayBuffer(8),
  () => new SharedArrayBuffer(8),
  () => Buffer.from('abc'),
  () => () => {},
  () => () => undefined,
  () => () => null,
  () => () => Number.NaN,
  () => () => 1,
  () => () => 'a',
  () => () => [],
  () => () => ({}),
  () => async () => {},
  () => thrower,
  () => async () => thrower(),
  () => function* () {},
  () => Math.max,
  () => Object.prototype,
  () => globalThis.process?.stdout,
  () => new Proxy({}, {}),
  () => new Proxy([], {}),
  () => new Proxy({}, { get: thrower, has: thrower, ownKeys: thrower }),
  () => withGetter(),
  () => ({ [Symbol.iterator]: thrower }),
  () => ({ [Symbol.iterator]: () => ({ next: () => ({}) }) }),
  () => [1, 2][Symbol.iterator](),
  () => Object.fromEntries([['then', 1]]),
  () => new Proxy(() => {}, {}),
];

/** Anything at all; `pool` has objects of the package. */
export function anyValue(random, pool) {
  const kind = random.below(10);
  if (kind < 2) return random.pick(NUMBERS);
  if (kind < 3) return random.pick(STRINGS);
  if (kind < 4 && pool.length > 0) return random.pick(pool);
  if (kind < 5) return anyJson(random, 3);
  return random.pick(OTHERS)();
}

function anyJson(random, depth) {
  const kind = random.below(depth > 0 ? 7 : 5);
  if (kind < 2) return random.pick(NUMBERS);
  if (kind === 2) return random.pick(STRINGS);
  if (kind === 3) return null;
  if (kind === 4) return random.below(2) === 0;
  const parts = Array.from({ length: random.below(4) }, () => anyJson(random, depth - 1));
  return kind === 5 ? parts : Object.fromEntries(parts.map((part) => [random.pick(KEYS), part]));
}

const KEYS = [
  'kind',
  'length',
  'steps',
  'batchSize',
  'inputs',
  'layers',
  'a',
  '',
  '__proto__',
  'toString',
  'h',
  'c',
  'shape',
];

const isTyped = (value) => ArrayBuffer.isView(value) && !(value instanceof DataView);
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
  if (isPlain(value))
    return random.pick([
      () => [value],
      () => Object.entries(value),
      () => new Map(Object.entries(value)),
      () => Object.create(value),
      () => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
      () => ({}),
    ])();
  return anyValue(random, pool);
}

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
