/** The caches of the GPU backend: what is built once, what is dropped, and what is destroyed. */
import { expect, test } from '@jest/globals';
import type { Device } from '../../src/kernels/gpu/device/device.js';
import { Allocation, type Window } from '../../src/kernels/gpu/record/allocation.js';
import { KernelCache } from '../../src/kernels/gpu/record/kernel-cache.js';
import { ShaderCache } from '../../src/kernels/gpu/record/shader-cache.js';
import { Trace } from '../../src/kernels/gpu/record/trace.js';
import { TraceCache } from '../../src/kernels/gpu/record/trace-cache.js';
import { type Program, program } from '../../src/kernels/gpu/shaders/program.js';
import { MAX_CACHED_KERNELS, MAX_CACHED_SHADERS, MAX_CACHED_TRACES } from '../../src/kernels/gpu/thresholds.js';

test('a program is built once per key, until there are too many', () => {
  const cache = new ShaderCache();
  let built = 0;
  const build = (): Program => program([++built], [], 'return 0;');
  const first = cache.get('a', build);
  expect(cache.get('a', build)).toBe(first);
  for (let i = 1; i < MAX_CACHED_SHADERS; i++) cache.get(`b${i}`, build);
  expect([cache.get('a', build) === first, built]).toEqual([true, MAX_CACHED_SHADERS]);
  cache.get('one more', build);
  expect(cache.get('a', build)).not.toBe(first);
});

function kernels(vec4: Device['vec4'], resizes: boolean) {
  const log: string[] = [];
  let count = 0;
  const device = {
    vec4,
    resizes: () => resizes,
    compile: (_: Program, { kinds }: { kinds: string }) => {
      const name = `${++count}${kinds}`;
      return {
        run: () => name,
        resize: (output: Program['output']) => log.push(`${name} to ${output}`),
        destroy: () => log.push(`destroy ${name}`),
      };
    },
  };
  let compiled = 0;
  const cache = new KernelCache(device as unknown as Device, () => compiled++);
  return { cache, log, compiled: () => compiled };
}
const SIZED = { sizes: { n: 1 } };

test('one kernel serves all output sizes, if the device and the program allow it', () => {
  const { cache, log, compiled } = kernels('none', true);
  const small = program([4], ['a'], 'return 0;', SIZED);
  const kernel = cache.get(small, { resident: true });
  expect(cache.get(small, { resident: true })).toBe(kernel);
  expect(log).toEqual([]);
  expect(cache.get(program([8], ['a'], 'return 0;', SIZED), { resident: true })).toBe(kernel);
  expect(cache.get(small, { resident: true })).toBe(kernel);
  expect([log, compiled()]).toEqual([['1 to 8', '1 to 4'], 1]);
  expect(cache.nameOf(small)).not.toBe(cache.nameOf(program([4, 1], ['a'], 'return 0;', SIZED)));
  for (const other of [program([4], ['b'], 'return 0;', SIZED), program([4], ['a'], 'return 1;', SIZED)]) {
    expect(cache.nameOf(other)).not.toBe(cache.nameOf(small));
  }
  const fixed = [program([4], ['a'], 'return 0;'), program([8], ['a'], 'return 0;')].map((one) => cache.nameOf(one));
  expect(fixed[0]).not.toBe(fixed[1]);
  const unsized = kernels('none', false).cache;
  expect(unsized.nameOf(small)).not.toBe(unsized.nameOf(program([8], ['a'], 'return 0;', SIZED)));
});

test('results that are read, uploads, and textures of other kinds have their own kernels', () => {
  const one = program([4], ['a'], 'return 0;');
  const textures = kernels('textures', true);
  for (const options of [{ resident: true }, { resident: false }, { resident: true, fromHost: true }]) {
    textures.cache.get(one, options);
  }
  textures.cache.get(one, { resident: true, kinds: 's' });
  textures.cache.get(one, { resident: true, kinds: 'f' });
  expect(textures.compiled()).toBe(5);
  const others = kernels('results', true);
  others.cache.get(one, { resident: true, kinds: 's' });
  others.cache.get(one, { resident: true, kinds: 'f' });
  expect(others.compiled()).toBe(1);
});

test('the least recently used kernel is destroyed when there are too many, and all at the end', () => {
  const { cache, log } = kernels('none', true);
  const numbered = (i: number): Program => program([4], ['a'], `return ${i};`);
  for (let i = 0; i < MAX_CACHED_KERNELS; i++) cache.get(numbered(i), { resident: true });
  cache.get(numbered(0), { resident: true });
  expect(log).toEqual([]);
  cache.get(numbered(-1), { resident: true });
  expect(log).toEqual(['destroy 2']);
  cache.dispose();
  expect(log).toHaveLength(1 + MAX_CACHED_KERNELS);
  cache.dispose();
  expect(log).toHaveLength(1 + MAX_CACHED_KERNELS);
});

test('traces: the last used first; freeing an allocation drops those that use it, and their replays', () => {
  const cache = new TraceCache();
  const bases = [new Allocation(1), new Allocation(1)];
  const traceOf = (...used: Allocation[]): Trace =>
    new Trace([
      {
        name: 'fill',
        args: used.map((base): Window => ({ base, offset: 0, rows: 1, cols: 1, whole: true })),
        log: null,
      },
    ]);
  const [a, b, c] = [traceOf(bases[0]!), traceOf(bases[1]!), traceOf(...bases)];
  let dropped = 0;
  a.replay = { drop: () => dropped++ } as never;
  for (const trace of [a, b, c, a, a]) cache.use(trace);
  expect(cache.all).toEqual([a, c, b]);
  expect(a.accepts(0, 'fill', [{ ...(a.entries[0]!.args[0] as Window) }])).toBe(true);
  expect([a.accepts(0, 'copy', a.entries[0]!.args), a.accepts(1, 'fill', [])]).toEqual([false, false]);
  expect([a.beginsLike(a, 1), a.beginsLike(b, 1), a.beginsLike(b, 0)]).toEqual([true, false, true]);
  bases[0]!.free(() => {});
  expect([cache.all, a.isDropped, b.isDropped, c.isDropped, a.replay, dropped]).toEqual([
    [b],
    true,
    false,
    true,
    null,
    1,
  ]);
  expect(bases[1]!.onFree.size).toBe(1); // that of b
  for (let i = 0; i < MAX_CACHED_TRACES; i++) cache.use(traceOf(bases[1]!));
  expect([cache.all.length, b.isDropped, bases[1]!.onFree.size]).toEqual([MAX_CACHED_TRACES, true, MAX_CACHED_TRACES]);
  cache.dispose();
  expect([cache.all.length, bases[1]!.onFree.size]).toEqual([0, 0]);
});
