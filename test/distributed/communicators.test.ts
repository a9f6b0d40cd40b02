/** The calls of communicators: one rank, several ranks in this thread, and worker threads. */
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from '@jest/globals';
import { exchangeReports, textsOf } from '../../src/distributed/agreement.js';
import { type Communicator, singleRank } from '../../src/distributed/communicator.js';
import { nodesOf, partOf, TreeSum } from '../../src/distributed/shards.js';
import { threadRank, threadRanks } from '../../src/distributed/threads.js';
import { ROOT } from '../cli/support.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { integer, number, testRanges } from '../support/ranges.js';
import { onRanks } from './support.js';

const PIECE = 1 << 18;

/** Every call on every type of array, with what it must give. */
async function allCalls(communicator: Communicator, length: number): Promise<void> {
  const { rank, size } = communicator;
  const ranks = Array.from({ length: size }, (_, r) => r);
  for (const Numbers of [Float32Array, Float64Array, Int32Array, Uint8Array]) {
    const own = new Numbers(length).fill(rank + 1);
    const all = new Numbers(length * size);
    await communicator.allGather(own, all);
    expect(ranks.every((r) => all[r * length] === r + 1 && all[(r + 1) * length - 1] === r + 1)).toBe(true);
    const data = new Numbers(length).fill(10 * rank);
    await communicator.broadcast(data, size - 1);
    expect(data.every((n) => n === 10 * (size - 1))).toBe(true);
    const sent = new Numbers(size * length).map((_: number, i: number) => 10 * rank + Math.floor(i / length));
    const received = new Numbers(size * length);
    await communicator.allToAll(sent, received);
    expect(received.every((n, i) => n === 10 * Math.floor(i / length) + rank)).toBe(true);
    for (const [reduction, value] of [
      ['sum', (size * (size + 1)) / 2],
      ['min', 1],
      ['max', size],
    ] as const) {
      const reduced = new Numbers(length).fill(rank + 1);
      await communicator.allReduce(reduced, reduction);
      expect(reduced.every((n) => n === value)).toBe(true);
    }
    await communicator.barrier();
  }
}

describe('every call gives what it should', () => {
  test.each([1, 2, 3])('on %i ranks', (size) => onRanks(size, (communicator) => allCalls(communicator, 5)));

  test('with messages that need several pieces', async () => {
    await onRanks(2, async (communicator) => {
      const data = Float64Array.from({ length: PIECE / 4 + 3 }, (_, i) => i + communicator.rank);
      const all = new Float64Array(2 * data.length);
      await communicator.allGather(data, all);
      const received = new Float64Array(all.length);
      await communicator.allToAll(all, received);
      const half = received.subarray(0, data.length);
      expect(half).toEqual(received.subarray(data.length));
      expect(half.every((n, i) => n === i + communicator.rank)).toBe(true);
    });
  });

  test('between worker threads', async () => {
    const ranks = threadRanks(3);
    const source = `
      const { workerData, parentPort } = require('node:worker_threads');
      import(workerData.entry).then(async ({ threadRank }) => {
        const communicator = threadRank(workerData.ranks, workerData.rank);
        const sums = Float64Array.of(0, 0);
        for (let i = 0; i < 20; i++) {
          const part = Float64Array.of(workerData.rank, i);
          await communicator.allReduce(part, 'sum');
          sums[0] += part[0];
          sums[1] += part[1];
        }
        parentPort.postMessage([...sums]);
      });`;
    const entry = `${ROOT}/dist/distributed/index.js`;
    const results = [0, 1, 2].map(
      (rank) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(source, { eval: true, workerData: { ranks, rank, entry } });
          worker.once('message', resolve).once('error', reject);
        }),
    );
    expect(await Promise.all(results)).toEqual([0, 1, 2].map(() => [60, 570]));
  });
});

describe('calls that do not fit together', () => {
  const both = (first: (c: Communicator) => Promise<void>, second: (c: Communicator) => Promise<void>) =>
    onRanks(2, (c) => rejected(() => (c.rank === 0 ? first(c) : second(c))));

  test('another call, or another length, is reported by name on both ranks', async () => {
    const calls = await both(
      (c) => c.barrier(),
      (c) => c.broadcast(new Uint8Array(4)),
    );
    expect(problemOf(calls[0]!, 'RANK_LOST').problem).toBe(
      'rank 0 calls barrier with 0 bytes, and rank 1 broadcast with 4.',
    );
    expect(calls[1]!.message).toContain('rank 1 calls broadcast with 4 bytes, and rank 0 barrier with 0');
    const lengths = await both(
      (c) => c.broadcast(new Int32Array(2)),
      (c) => c.broadcast(new Int32Array(3)),
    );
    expect(lengths[0]!.message).toContain('with 8 bytes, and rank 1 broadcast with 12');
  });

  test('a rank that has ended, and one that does not answer in time', async () => {
    const [error] = await onRanks(2, async (c) => (c.rank === 0 ? rejected(() => c.barrier()) : null));
    expect(problemOf(error!, 'RANK_LOST').problem).toBe('rank 1 ended while rank 0 waits for it in barrier().');
    const late = threadRank(threadRanks(2), 1, { timeout: 0.05 });
    expect((await rejected(() => late.barrier())).message).toContain('rank 1 has waited 0.05 s for the other ranks');
  });

  test('arguments that cannot work', async () => {
    const c = singleRank();
    const calls: [() => unknown, string][] = [
      [() => c.broadcast([1] as never), 'data'],
      [() => c.broadcast(new Int32Array(1), 1), 'root'],
      [() => c.allReduce(new Int32Array(1), 'mean' as never), 'reduction'],
      [() => c.allGather(new Int32Array(1), new Int32Array(2)), 'all'],
      [() => c.allGather(new Int32Array(1), new Float32Array(1)), 'all'],
      [() => c.allToAll(new Int32Array(1), new Int32Array(2)), 'received'],
    ];
    for (const [call, path] of calls) {
      expect(problemOf(await rejected(call as () => Promise<unknown>), 'INVALID_SETTING').path).toBe(path);
    }
    const transferred = new Float32Array(2);
    structuredClone(transferred.buffer, { transfer: [transferred.buffer] });
    const rank = threadRank(threadRanks(1), 0);
    expect((await rejected(() => rank.allReduce(transferred, 'sum'))).message).toContain('its memory was transferred');
    const disguised = Object.assign(Float32Array.of(1, 2), { constructor: undefined });
    await rank.allReduce(disguised, 'sum');
    expect([...disguised]).toEqual([1, 2]);
    expect(thrown(() => threadRanks(0)).message).toContain('size');
    expect(thrown(() => threadRank({ size: 2, memory: new SharedArrayBuffer(8) }, 0)).message).toContain(
      'threadRanks()',
    );
    expect(thrown(() => threadRank(threadRanks(2), 2)).message).toContain('rank must be an integer from 0 to 1');
  });
});

describe('ranks in threads refuse', () => {
  const c = threadRank(threadRanks(2), 1);
  const one = new Int32Array(1);
  test.each<[string, () => Promise<void>, string]>([
    [
      'a list',
      () => c.broadcast([1] as never),
      'data must be one of Float32Array, Float64Array, Int32Array, Uint8Array',
    ],
    ['another type', () => c.broadcast(new Int16Array(1) as never), 'data must be one of'],
    ['a root beyond the ranks', () => c.broadcast(one, 2), 'root must be an integer from 0 to 1, got 2.'],
    ['a root below 0', () => c.broadcast(one, -1), 'root must be an integer from 0 to 1, got -1.'],
    ['another reduction', () => c.allReduce(one, 'mean' as never), 'reduction must be'],
    ['a list to reduce', () => c.allReduce([1] as never, 'sum'), 'data must be one of'],
    ['a list to gather', () => c.allGather([1] as never, one), 'part must be one of'],
    ['too few for all', () => c.allGather(one, one), 'all must be a Int32Array of 2 elements, got Int32Array of 1.'],
    ['uneven blocks', () => c.allToAll(new Int32Array(3), one), 'sent has 3 elements, which 2 blocks of one length'],
    [
      'blocks of another length',
      () => c.allToAll(new Int32Array(2), one),
      'received must be a Int32Array of 2 elements',
    ],
    ['blocks of another type', () => c.allToAll(new Int32Array(2), new Float32Array(2)), 'got Float32Array of 2.'],
  ])('%s', async (_what, call, message) => {
    const error = await rejected(call);
    expect(problemOf(error, 'INVALID_SETTING')).toBeDefined();
    expect(error.message).toContain(message);
  });
});

describe('ranges', () => {
  testRanges([
    ['size', integer(1, 64), (size) => threadRanks(size)],
    ['options.timeout', number(0.001, 1e6), (timeout) => threadRank(threadRanks(1), 0, { timeout })],
  ]);
});

test('texts of all ranks have any length, also 0, and any character', async () => {
  const texts = ['', 'aä😀'.repeat(9), 'b'];
  expect(await onRanks(3, (communicator) => textsOf(communicator, texts[communicator.rank]!))).toEqual(
    new Array(3).fill(texts),
  );
});

test('reports have the numbers of all ranks in order, and say whether any rank is stopping', async () => {
  const exchange = (stopping: number) =>
    onRanks(3, async (communicator) => {
      const { rank } = communicator;
      const report = { error: null, isStopping: rank === stopping, same: { a: 7, b: 8 }, numbers: [rank, 10 * rank] };
      const { isStopping, numbers } = await exchangeReports(communicator, report);
      return [isStopping, ...numbers];
    });
  expect(await exchange(2)).toEqual(new Array(3).fill([true, 0, 0, 1, 10, 2, 20]));
  expect(await exchange(9)).toEqual(new Array(3).fill([false, 0, 0, 1, 10, 2, 20]));
  const differing = await onRanks(3, (communicator) => {
    const same = { first: 1, second: communicator.rank === 2 ? 5 : 4 };
    return rejected(() => exchangeReports(communicator, { error: null, isStopping: false, same, numbers: [] }));
  });
  for (const { message } of differing) expect(message).toContain('rank 2 has another second than rank 0.');
  const failing = await onRanks(3, (communicator) => {
    const error = [null, new Error('one'), 'two'][communicator.rank] ?? null;
    return exchangeReports(communicator, { error, isStopping: false, same: {}, numbers: [] }).catch((thrown) => thrown);
  });
  expect([failing[0].message, failing[1].message, failing[2]]).toEqual([
    ...[expect.stringContaining('rank 1 failed: one'), 'one', 'two'],
  ]);
});

test('the sum of shards does not depend on how they are spread over ranks', () => {
  for (const shards of [1, 2, 5, 7, 8, 13]) {
    const values = Array.from({ length: shards }, (_, i) => Float32Array.of(1 / (i + 3), 1e7 * (i % 2)));
    const sums = Array.from({ length: shards }, (_, i) => i + 1).map((size) => {
      const all = new TreeSum(() => new Float32Array(2));
      for (let rank = 0; rank < size; rank++) {
        const [from, to] = partOf(shards, size, rank);
        const own = new TreeSum(() => new Float32Array(2));
        for (let first = from; first < to; first++) own.add({ first, level: 0 }, values[first]!);
        const nodes = nodesOf(from, to);
        expect(own.parts.length).toBe(nodes.length);
        nodes.forEach((node, i) => {
          all.add(node, own.parts[i]!);
        });
      }
      return [...all.total()];
    });
    for (const sum of sums) expect(sum).toEqual(sums[0]);
  }
});
