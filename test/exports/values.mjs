/** Values that no call expects. */

/** What a value of the tests throws; a call may pass it on. */
export class Thrown extends Error {}

export const thrower = () => {
  throw new Thrown('thrown by the caller');
};

const withGetter = () =>
  Object.defineProperty({}, 'length', {
    enumerable: true,
    get: thrower,
  });

/** A typed array whose memory was transferred to a worker: its methods throw. */
export const detached = (values) => {
  structuredClone(values.buffer, { transfer: [values.buffer] });
  return values;
};

/** A typed array whose memory has become too small for it. */
const outOfBounds = () => {
  const buffer = new ArrayBuffer(32, { maxByteLength: 64 });
  const values = new Float32Array(buffer, 16, 4);
  buffer.resize(8);
  return values;
};

class Instance {
  value = 1;
  method() {
    return this.value;
  }
}

export const NUMBERS = [
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
export const STRINGS = [
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
  () => detached(new Float32Array([1, 2])),
  () => detached(new Int32Array([1, 2, 3])),
  () => detached(new Uint8Array(8)).buffer,
  () => outOfBounds(),
  () => detached(new DataView(new ArrayBuffer(8))),
  () => new Float32Array(new SharedArrayBuffer(8)),
  () => Object.assign(new Float32Array([1, 2]), { constructor: undefined }),
  () => Object.freeze([1, 2, 3]),
  () => Object.freeze({ length: 2, batch: Object.freeze(() => ({})) }),
  () => ({ [Symbol.toStringTag]: 'Float32Array', length: 2 }),
  () => ({ [Symbol.toStringTag]: 'Map' }),
  () => Object.assign(Object.create(null), { kind: 'lstm', length: 1 }),
  () => Object.defineProperty(() => {}, 'name', { value: Symbol('s') }),
  () => Array(1000).fill(0.5),
  () => JSON.parse('['.repeat(3000) + ']'.repeat(3000)),
  () => [[[1], [2]], [[3]]],
  () => Float32Array,
  () => Promise.reject(new Thrown('thrown by the caller')),
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

export const isTyped = (value) => ArrayBuffer.isView(value) && !(value instanceof DataView);
