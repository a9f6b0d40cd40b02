/** Small parts that everything uses: messages of errors, orders of rows, copies, memory that is counted, live numbers. */
import { describe, expect, test } from '@jest/globals';
import { frozenCopy, snapshot } from '../../src/core/copies.js';
import { placeIn, requireLengths, rowAt, toBatchFirst, toTimeMajor } from '../../src/core/layout.js';
import { streamOf } from '../../src/core/masks.js';
import { heldOn } from '../../src/core/memory/census.js';
import { backendOf, decorate, instructionsOf } from '../../src/core/memory/decorate.js';
import { Lease, leased } from '../../src/core/memory/lease.js';
import { LiveNumbers } from '../../src/core/memory/live-numbers.js';
import { MemoryMeter } from '../../src/core/memory/meter.js';
import { aliveText, freeOnError } from '../../src/core/out-of-memory.js';
import { targetWidth } from '../../src/core/targets.js';
import { bytesText, type Problem, UnspoolError } from '../../src/errors.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { thrown } from '../support/errors.js';

describe('errors', () => {
  test.each<[Problem, string]>([
    [
      { code: 'SHAPE_MISMATCH', op: 'loss', tensor: 'a', expected: [1, 'N'], actual: [2] },
      'loss: a must have shape [1, N], got [2].',
    ],
    [{ code: 'INVALID_SETTING', path: 'a', problem: 'must be 1.', help: 'Set it.' }, 'a must be 1. Set it.'],
    [{ code: 'INVALID_SETTING', path: 'a', problem: 'unknown.' }, 'a: unknown.'],
    [{ code: 'INVALID_DATA', what: 'a', problem: 'has none.' }, 'a has none.'],
    [{ code: 'INVALID_FILE', file: 'a', problem: 'is damaged.' }, 'a: is damaged.'],
    [
      { code: 'FILE_ACCESS', file: 'a', cause: 'ENOENT', problem: 'the file is missing' },
      'a: the file is missing (ENOENT).',
    ],
    [
      { code: 'NOT_FINITE', update: 3, tensor: 'h', where: 'in step 2', value: Number.NaN },
      'update 3: h became NaN in step 2.',
    ],
    [{ code: 'NOT_FINITE', update: null, tensor: 'h', where: 'here', value: -1 / 0 }, 'h became -Infinity here.'],
    [
      { code: 'OUT_OF_MEMORY', bytes: 2048, inUse: 1536, capacity: 4096 },
      'out of memory: cannot allocate 2 KiB (1.5 KiB of 4 KiB in use).',
    ],
    [
      { code: 'OUT_OF_MEMORY', bytes: 1, inUse: 0, capacity: 1 / 0 },
      'out of memory: cannot allocate 1 bytes (0 bytes in use).',
    ],
    [{ code: 'OUT_OF_MEMORY', bytes: null, inUse: null, capacity: 5 }, 'out of memory.'],
    [{ code: 'DISPOSED', what: 'A tape' }, 'A tape was used after dispose().'],
    [{ code: 'DISPOSED', what: 'A tape', after: 'free()' }, 'A tape was used after free().'],
    [{ code: 'DEVICE_LOST', problem: 'gone.' }, 'the GPU was lost: gone.'],
    [{ code: 'WORKER_LOST', problem: 'gone.' }, "the model's worker was lost: gone."],
    [{ code: 'RANK_LOST', problem: 'rank 2 left.' }, 'rank 2 left.'],
    [{ code: 'INVALID_DATA', what: 'a', problem: 'is\nbad.', help: 'So.' }, 'a is\nbad.\nSo.'],
    [null as never, 'an error without details.'],
  ])('%j', (problem, message) => expect(new UnspoolError(problem).message).toBe(message));

  test('bytes for people', () => {
    expect([0, 1, 1023, 1024, 1536, 2 ** 20, 1.25 * 2 ** 30, 5000 * 2 ** 30].map(bytesText)).toEqual([
      '0 bytes',
      '1 bytes',
      '1,020 bytes',
      '1 KiB',
      '1.5 KiB',
      '1 MiB',
      '1.25 GiB',
      '5,000 GiB',
    ]);
  });
});

describe('the order of rows', () => {
  const order = { steps: 3, batchSize: 2 };
  const first = { ...order, batchFirst: true };

  test('is by sequence with batchFirst, else by step', () => {
    const rows = Array.from({ length: 12 }, (_, i) => i);
    expect(rows.map((i) => rowAt(order, 2, i))).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    expect(rows.map((i) => rowAt(first, 2, i))).toEqual([0, 0, 2, 2, 4, 4, 1, 1, 3, 3, 5, 5]);
    expect(toTimeMajor(Int32Array.from(rows), first)).toEqual(Int32Array.of(0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11));
    expect(toTimeMajor([0, 1, 2, 3, 4, 5], first)).toEqual(Float64Array.of(0, 3, 1, 4, 2, 5));
    expect(toBatchFirst(Float32Array.of(0, 3, 1, 4, 2, 5), 3, 2)).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
    const given = [1, 2, 3];
    for (const same of [order, { ...first, steps: 1 }, { ...first, batchSize: 4 }])
      expect(toTimeMajor(given, same)).toBe(given);
  });

  test('names numbers by step, sequence and column', () => {
    expect(placeIn('a', order, 2)(9)).toBe('a[9] (step 2, sequence 0, column 1)');
    expect(placeIn('a', first, 2)(9)).toBe('a[9] (step 1, sequence 1, column 1)');
    expect(placeIn('a', { steps: 1, batchSize: 4 }, 1)(3)).toBe('a[3] (sequence 3)');
  });

  test('lengths are from 1 to the steps, one for each sequence', () => {
    expect(requireLengths([1, 3], order)).toBeUndefined();
    for (const bad of [
      [0, 3],
      [1, 4],
      [1.5, 3],
    ])
      expect(thrown(() => requireLengths(bad, order)).code).toBe('INVALID_DATA');
    expect(thrown(() => requireLengths([1], order)).code).toBe('SHAPE_MISMATCH');
  });

  test('the columns of targets', () => {
    const quantile = { kind: 'quantile', quantiles: [0.1, 0.5, 0.9] } as const;
    expect([
      targetWidth(quantile, 6),
      targetWidth({ kind: 'gaussian' }, 4),
      targetWidth({ kind: 'meanSquaredError' }, 5),
    ]).toEqual([2, 2, 5]);
    expect(thrown(() => targetWidth(quantile, 7)).message).toContain('must have shape [9], got [7].');
    expect(thrown(() => targetWidth({ kind: 'gaussian' }, 3)).message).toContain(
      'a mean and a log-variance per target',
    );
  });
});

describe('copies', () => {
  test('are frozen to every depth that a spec has; functions stay', () => {
    const made = () => 1;
    const copy = frozenCopy({ list: [{ a: 1 }], made, numbers: Float32Array.of(1) });
    expect([Object.isFrozen(copy), Object.isFrozen(copy.list), Object.isFrozen(copy.list[0]), copy.made]).toEqual([
      true,
      true,
      true,
      made,
    ]);
    expect(Object.isFrozen(copy.numbers)).toBe(false);
  });

  test('have their own arrays, to the depth that was given', () => {
    const given = { numbers: Float32Array.of(1, 2), list: [1], deep: { list: [2] }, map: new Map() };
    const [all, flat] = [snapshot(given), snapshot(given, 1)];
    expect(all).toEqual(given);
    expect([all.numbers === given.numbers, all.list === given.list, all.deep.list === given.deep.list]).toEqual([
      false,
      false,
      false,
    ]);
    expect([flat.numbers === given.numbers, flat.list === given.list, all.map === given.map]).toEqual([
      false,
      true,
      true,
    ]);
    const view = new DataView(new ArrayBuffer(4));
    expect(snapshot(view)).toBe(view);
    expect(snapshot(Buffer.from([1, 2])).buffer).not.toBe(Buffer.from([1, 2]).buffer);
  });
});

describe('memory', () => {
  test('is counted by owners, the largest first, until they end', () => {
    const k = createReference('float64');
    const [one, two, tape] = [new Lease(k, 'stream'), new Lease(k, 'stream'), new Lease(k, 'tape')];
    expect([heldOn(k), aliveText(k)]).toEqual([[], '']);
    one.kernels.alloc(2, 4);
    two.kernels.alloc(1, 8);
    const kept = tape.kernels.alloc(16, 64);
    tape.kernels.alloc(16, 64);
    expect(heldOn(one.kernels)).toEqual([
      { what: 'tape', count: 1, bytes: 16_384 },
      { what: 'stream', count: 2, bytes: 128 },
    ]);
    expect(aliveText(k)).toBe('1 tape (16 KiB), 2 streams (128 bytes)');
    two.rename('model');
    expect(heldOn(k).slice(1)).toEqual([
      { what: 'stream', count: 1, bytes: 64 },
      { what: 'model', count: 1, bytes: 64 },
    ]);
    const inner = new Lease(tape.kernels, 'arena');
    inner.kernels.alloc(4, 4); // within the tape, which counts it
    expect(heldOn(k).map(({ what }) => what)).not.toContain('arena');
    one.end({ what: 'The stream' });
    one.end({ what: 'The stream' });
    expect(heldOn(k).find(({ what }) => what === 'stream')).toBeUndefined();
    expect(thrown(() => one.kernels.alloc(1, 1)).message).toBe('The stream was used after dispose().');
    expect(thrown(() => one.kernels.fill(kept, 1)).code).toBe('DISPOSED');
    expect(tape.relief()).toBeUndefined();
  });

  test('of what could not be made is freed', () => {
    const k = createReference('float64');
    const act = () =>
      leased(k, 'tape', ({ kernels }) => {
        kernels.alloc(4, 4);
        throw new Error('own');
      });
    expect(act).toThrow('own');
    expect(heldOn(k)).toEqual([]);
    const freed: number[] = [];
    const track = () =>
      freeOnError((keep) => {
        keep({ free: () => freed.push(1) });
        keep({ free: () => freed.push(2) });
        throw new Error('own');
      });
    expect(track).toThrow('own');
    expect(freed).toEqual([1, 2]);
    expect(freeOnError((keep) => keep({ free: () => freed.push(3) }))).toBeDefined();
    expect(freed).toEqual([1, 2]);
  });

  test('a meter counts what is allocated, the largest workspaces, and refuses more than its limit', () => {
    const k = createReference('float32');
    const rules = {
      ...{ overhead: 100, matrix: (r: number, c: number) => r * c, packed: (r: number, c: number) => 2 * r * c },
      workspaces: { fill: (m: { rows: number }) => ({ a: m.rows }), copy: () => ({ a: 5, b: 7 }) },
    };
    const meter = new MemoryMeter(k, rules as never, 150);
    const m = meter.kernels.alloc(4, 5);
    meter.kernels.allocPacked(2, 3);
    expect([meter.allocated, meter.working]).toEqual([32, 0]);
    meter.kernels.fill(meter.kernels.view(m, 0, 9, 1), 1);
    meter.kernels.copy(m, m);
    meter.kernels.fill(meter.kernels.view(m, 0, 8, 1), 1);
    meter.kernels.add(m, m, m);
    expect(meter.working).toBe(9 + 7);
    expect(thrown(() => meter.kernels.alloc(1, 19)).problem).toMatchObject({ bytes: 19, inUse: 132, capacity: 150 });
    meter.kernels.alloc(1, 18);
    meter.kernels.free(m);
    meter.kernels.free(m);
    expect(meter.allocated).toBe(30);
  });

  test('a decorated backend is still the backend, with all instructions', () => {
    const k = createReference('float32');
    const other = decorate(decorate(k, {}), { fill: () => {} });
    expect([backendOf(other), backendOf(k)]).toEqual([k, k]);
    expect(instructionsOf(other).sort()).toEqual(instructionsOf(k).sort());
    expect(instructionsOf(k)).toEqual(expect.arrayContaining(['alloc', 'gemm', 'adamUpdate']));
  });

  test('live numbers report each write, and that the memory was handed out', () => {
    const [memory, seen]: [Float64Array, string[]] = [Float64Array.of(1, 2, 3), []];
    const numbers = new LiveNumbers(() => memory, {
      changed: () => seen.push('changed'),
      handedOut: () => seen.push('out'),
    });
    expect([numbers.length, numbers.get(1), [...numbers], numbers.slice(1, 2)]).toEqual([
      3,
      2,
      [1, 2, 3],
      Float64Array.of(2),
    ]);
    expect(seen).toEqual([]);
    expect([numbers.set(1, 9), memory[1], seen]).toEqual([9, 9, ['changed']]);
    expect([numbers.array, seen]).toEqual([memory, ['changed', 'out']]);
    expect(numbers.slice()).not.toBe(memory);
  });
});

test('streams of noise are FNV-1a hashes of their names', () => {
  expect([streamOf(''), streamOf('a'), streamOf('foobar')]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});
