/** When runs are replayed or become plans, over a WebGPU device in JavaScript (replaying.ts), with exact counts. */
import { expect, test } from '@jest/globals';
import type { Kernels, Matrix } from '../../src/contract/kernels.js';
import { MAX_CACHED_PLANS } from '../../src/kernels/gpu/thresholds.js';
import { replaying } from './replaying.js';

const upload = (k: Kernels, rows: number, cols: number, numbers: readonly number[]): Matrix => {
  const m = k.alloc(rows, cols);
  k.upload(m, numbers);
  return m;
};
const sequence = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);
const read = async (k: Kernels, m: Matrix): Promise<number[]> => [...(await k.download(m))];

test('what a run moves to another matrix is where the next one expects it', async () => {
  const { kernels: k, executor, gpu } = replaying();
  const [now, before, oldest] = [upload(k, 1, 3, [1, 2, 3]), k.alloc(1, 3), k.alloc(1, 3)];
  for (let n = 1; n <= 8; n++) {
    k.copy(oldest, before);
    k.copy(before, now);
    k.combine(now, 2, now, 1, before);
    expect(await read(k, now)).toEqual([1, 2, 3].map((v) => v * 3 ** n));
  }
  expect([await read(k, before), await read(k, oldest)]).toEqual([
    [1, 2, 3].map((v) => v * 3 ** 7),
    [1, 2, 3].map((v) => v * 3 ** 6),
  ]);
  expect([executor.counts.replays, gpu.counts.dispatches]).toEqual([5, 5]);
});

test('a replay reads blocks of a matrix that no single value holds', async () => {
  const { kernels: k, executor } = replaying({ maxElements: 12 });
  const [all, step] = [upload(k, 9, 3, sequence(27)), upload(k, 9, 3, sequence(27, 100))];
  for (let n = 1; n <= 7; n++) {
    k.add(all, all, step);
    expect(await read(k, all)).toEqual(sequence(27).map((v) => v + n * (100 + v)));
  }
  expect([executor.counts.replays, executor.counts.dispatches]).toEqual([4, 21]);
});

test('CTC with other labels takes another course if there are more of them', async () => {
  const { kernels: k, executor } = replaying();
  const [T, C] = [4, 3];
  const { kernels: single } = replaying({ replays: false });
  const run = async (on: Kernels, labels: number[], n: number) => {
    const made = matrices.get(on)!;
    on.upload(made.logits, sequence(T * C, n).map(Math.sin));
    const targets = { steps: T, batchSize: 1, labels: Int32Array.from(labels), lengths: Int32Array.of(T) };
    on.ctc(made.loss, made.gradient, made.logits, { ...targets, blank: 0, reduction: 'sum', zeroInfinity: false });
    return Promise.all([read(on, made.loss), read(on, made.gradient)]);
  };
  const matrices = new Map(
    [k, single].map((on) => [on, { loss: on.alloc(1, 1), gradient: on.alloc(T, C), logits: on.alloc(T, C) }]),
  );
  const all = [
    [1, 2],
    [2, 1],
    [1, 2],
    [2, 1],
    [1, -1],
    [2, 2],
    [-1, -1],
    [1, 2],
    [2, -1],
    [1, 2],
  ];
  for (const [n, labels] of all.entries()) expect(await run(k, labels, n)).toEqual(await run(single, labels, n));
  expect(executor.counts.replays).toBeGreaterThan(0);
});

test('what is only read from host memory starts no run; a copy that is kept stops the replay that would overwrite it', async () => {
  const { kernels: k, executor } = replaying();
  const [a, out, kept] = [k.alloc(1, 3), k.alloc(1, 3), k.alloc(1, 3)];
  const step = async (n: number) => {
    k.upload(a, [n, 2 * n, 3 * n]);
    k.combine(out, 2, a, 1, out);
    return read(k, out);
  };
  for (let n = 0; n < 6; n++) expect(await step(n)).toEqual([1, 2, 3].map((v) => 2 * v * total(n)));
  expect([executor.lastRun, executor.counts.replays]).toEqual(['replay', 4]);
  k.upload(kept, [7, 8, 9]);
  expect([await read(k, kept), executor.lastRun]).toEqual([[7, 8, 9], 'replay']);
  k.copy(kept, out);
  expect(await step(6)).toEqual([1, 2, 3].map((v) => 2 * v * total(6)));
  expect(await step(7)).toEqual([1, 2, 3].map((v) => 2 * v * total(7)));
  expect(await read(k, kept)).toEqual([1, 2, 3].map((v) => 2 * v * total(5)));
});

/** 1 + 2 + ... + n. */
const total = (n: number) => (n * (n + 1)) / 2;

test('more pieces than a kernel has arrays are concatenated in groups', async () => {
  const { kernels: k, executor } = replaying({ replays: false });
  const [all, one] = [k.alloc(16, 2), upload(k, 1, 2, [1, 2])];
  for (let r = 0; r < 15; r++) k.combine(k.view(all, 2 * r, 1, 2), r, one, 1, one);
  const before = executor.counts.dispatches;
  const expected = sequence(15).flatMap((r) => [r + 1, 2 * (r + 1)]);
  expect(await read(k, all)).toEqual([...expected, 0, 0]);
  expect(executor.counts.dispatches - before).toBe(15 + 3 + 1); // three groups of at most seven, and then these
  const out = k.alloc(16, 2);
  k.add(out, all, all);
  await read(k, out);
  expect(executor.counts.dispatches - before).toBe(15 + 3 + 1 + 1); // the matrix keeps the result
});

test('an instruction on an empty matrix does not run', async () => {
  const { kernels: k, executor } = replaying();
  const [none, one] = [k.alloc(0, 3), upload(k, 1, 3, [1, 2, 3])];
  k.add(none, none, none);
  k.add(one, one, one);
  expect(await read(k, one)).toEqual([2, 4, 6]);
  expect([await read(k, none), executor.counts.dispatches]).toEqual([[], 1]);
});

test('runs that can be plans become plans when they recur, and no replay is made of them', async () => {
  const { kernels: k, executor, planned } = replaying({}, { plans: true });
  const [a, out] = [k.alloc(2, 3), k.alloc(2, 3)];
  const ways: string[] = [];
  for (let n = 1; n <= 6; n++) {
    k.upload(a, sequence(6, n));
    k.combine(out, n, a, 0, a);
    k.add(out, out, out);
    expect(await read(k, out)).toEqual(sequence(6, n).map((v) => 2 * n * v));
    ways.push(executor.lastRun);
  }
  expect(ways).toEqual(['single kernels', ...new Array(5).fill('fused-encoder')]);
  const { dispatches, uploads, reads, plans, replays, compiled } = executor.counts;
  expect([dispatches, uploads, reads, plans, replays, compiled]).toEqual([12, 6, 6, 5, 0, 4]);
  expect(planned).toEqual({ log: ['plan 1'], compiled: 2, ran: 5 });
  k.dispose();
  await new Promise(setImmediate);
  expect(planned.log).toEqual(['plan 1', 'destroy plan 1', 'destroy kernel 1', 'destroy kernel 2']);
});

test('the least recently used plan is dropped, with the kernels that only it has', async () => {
  const { kernels: k, planned } = replaying({ replays: false }, { plans: true });
  const twice = async (size: number) => {
    const [a, b] = [upload(k, 1, size, sequence(size)), upload(k, 1, 2, [1, 2])];
    for (let n = 0; n < 2; n++) {
      k.add(a, a, a);
      k.multiply(b, b, b, false); // of one size, so that all plans share its kernel
      await Promise.all([read(k, a), read(k, b)]);
    }
    for (const m of [a, b]) k.free(m);
  };
  for (let size = 3; size < 3 + MAX_CACHED_PLANS; size++) await twice(size);
  expect(planned.log).toEqual(sequence(MAX_CACHED_PLANS, 1).map((n) => `plan ${n}`));
  await twice(3); // it is now the last one used
  await twice(3 + MAX_CACHED_PLANS);
  await new Promise(setImmediate);
  const destroyed = planned.log.filter((line) => line.startsWith('destroy'));
  expect(destroyed[0]).toBe('destroy plan 2');
  expect(destroyed.filter((line) => line.startsWith('destroy kernel'))).toHaveLength(2);
});

test('a plan that gpu.js refuses is the last one', async () => {
  const { kernels: k, executor, planned } = replaying({ replays: false }, { plans: 'no luck' });
  const a = upload(k, 1, 3, [1, 2, 3]);
  for (let n = 1; n <= 4; n++) {
    k.add(a, a, a);
    expect(await read(k, a)).toEqual([1, 2, 3].map((v) => v * 2 ** n));
  }
  expect([executor.planRefused, executor.counts.plans, planned.ran]).toEqual(['no luck', 0, 1]);
});

test('a plan moves at most so many numbers: what it uploads and what it returns', async () => {
  const plans: number[] = [];
  for (const maxNumbers of [19, 31, 32]) {
    const { kernels: k, executor } = replaying({ replays: false }, { plans: true, maxNumbers });
    const a = upload(k, 2, 3, sequence(6)); // in the upload it takes 8 numbers, and the zeros of the result 12
    for (let n = 0; n < 2; n++) {
      const out = k.alloc(2, 6);
      k.copyColumns(out, a, { from: 0, to: 1, count: 3 }, false);
      expect(await read(k, out)).toEqual([0, 0, 1, 2, 0, 0, 0, 3, 4, 5, 0, 0]);
      k.free(out);
    }
    plans.push(executor.counts.plans);
  }
  expect(plans).toEqual([0, 0, 1]);
});

test('results that a replay needs only for a while share their buffers, however many there are', async () => {
  const alive: number[] = [];
  for (const count of [5, 9]) {
    const { kernels: k, executor, gpu } = replaying();
    const [m, one] = [upload(k, 1, 3, [1, 2, 3]), upload(k, 1, 3, [1, 1, 1])];
    for (let n = 1; n <= 5; n++) {
      for (let i = 0; i < count; i++) k.add(m, m, one);
      expect(await read(k, m)).toEqual([1, 2, 3].map((v) => v + n * count));
    }
    expect(executor.counts.replays).toBeGreaterThan(0);
    alive.push(gpu.alive.size);
  }
  expect(alive[1]).toBe(alive[0]);
});
