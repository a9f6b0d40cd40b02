/** Replays and plans over a WebGPU device in JavaScript (replaying.ts): the same bits as without, exact counts, nothing left. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Kernels, Matrix } from '../../src/contract/kernels.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { expectClose } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { replaying } from './replaying.js';

const spec = {
  layers: [
    { kind: 'embedding', size: 5, width: 3 },
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'dropout', rate: 0.2 },
    { kind: 'linear', size: 5 },
  ],
} as const;

const tokens = (count: number, n: number) => Int32Array.from({ length: count }, (_, i) => (i * (n + 2) + n) % 5);
const batchOf = (n: number, steps = 3) => ({
  ...{ steps, batchSize: 3, inputs: tokens(3 * steps, n), targets: tokens(3 * steps, n + 1) },
});

/** Trains, and returns the losses, the weights, and how each update was executed. */
async function train(k: Kernels, updates: number, how: () => string) {
  const model = buildModel(k, spec, true);
  const options = { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 };
  const training = fit(model, { train: { stateful: true, length: updates, batch: (n) => batchOf(n) } }, options);
  const [losses, executions]: [number[], string[]] = [[], []];
  for await (const event of training) {
    if (event.kind !== 'update') continue;
    losses.push(event.loss);
    executions.push(how());
  }
  const weights = Float32Array.from(await k.download(model.parameters.matrix));
  training.dispose();
  model.dispose();
  return { losses, weights, executions };
}

const nextTurn = () => new Promise(setImmediate);

test('a training run: the same bits as single kernels, the numbers of the reference, and nothing left', async () => {
  const { kernels: k, executor, gpu, seen } = replaying();
  const single = replaying({ replays: false });
  const found = await train(k, 8, () => executor.lastRun);
  const expected = await train(single.kernels, 8, () => single.executor.lastRun);
  expect([found.losses, found.weights]).toEqual([expected.losses, expected.weights]);
  const right = await train(createReference('float64'), 8, () => '');
  expectClose('losses', found.losses, right.losses, 1e-5);
  expectClose('weights', found.weights, Array.from(right.weights), 1e-4);
  const first = new Array(3).fill('single kernels'); // an update without a state, one with it, and one to record
  expect(found.executions).toEqual([...first, ...new Array(5).fill('replay')]);
  expect(new Set(expected.executions)).toEqual(new Set(['single kernels']));
  const alone = { ...single.executor.counts, replays: 5 };
  expect({ ...executor.counts }).toEqual(alone);
  expect(alone).toMatchObject({ dispatches: single.seen.kernels, uploads: 8, compiled: seen.compiled, plans: 0 });
  expect(seen.kernels + gpu.counts.dispatches).toBe(alone.dispatches);
  expect(seen.reads + 5).toBe(alone.reads);
  expect([seen.uploads, gpu.counts.submits > 5, gpu.counts.pipelines < gpu.counts.dispatches]).toEqual([3, true, true]);
  expect([k.memory.inUse(), executor.counts.resident, gpu.alive.size]).toEqual([0, 0, 0]);
  k.dispose();
  single.kernels.dispose();
});

/** One instruction on rows of matrices. `x` chooses its numbers. */
interface Op {
  readonly kind: number;
  readonly out: number;
  readonly a: number;
  readonly b: number;
  readonly rows: number;
  readonly at: readonly number[];
  readonly x: number;
}
const ROWS = 9;
const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.integer({ min: 0, max: 7 }),
  ...{ out: fc.nat(2), a: fc.nat(2), b: fc.nat(2), rows: fc.integer({ min: 1, max: ROWS }) },
  at: fc.tuple(fc.nat(8), fc.nat(8), fc.nat(8)),
  x: fc.nat(7),
});
/** What a round does differently: an instruction less, twice, a new matrix, a read more, or a read that is not awaited. */
interface Change {
  readonly round: number;
  readonly kind: 'skip' | 'twice' | 'renew' | 'read' | 'late';
  readonly at: number;
}
const ROUNDS = 9;
const change: fc.Arbitrary<Change> = fc.record({
  round: fc.nat(ROUNDS - 1),
  kind: fc.constantFrom('skip', 'twice', 'renew', 'read', 'late'),
  at: fc.nat(9),
});

function perform(k: Kernels, matrices: readonly Matrix[], o: Op, round: number): Promise<unknown> | null {
  const placed = new Map<number, number>();
  /** Rows of a matrix; of the same matrix always the same ones, so that windows do not overlap in part. */
  const rowsOf = (m: number, i: number): Matrix => {
    const from = placed.get(m) ?? o.at[i]! % (ROWS - o.rows + 1);
    placed.set(m, from);
    return k.view(matrices[m]!, 3 * from, o.rows, 3);
  };
  const [out, a, b] = [rowsOf(o.out, 0), rowsOf(o.a, 1), rowsOf(o.b, 2)];
  const n = o.x > 3 ? round : 0; // the numbers of some change from round to round
  const few = Math.min(4, o.rows); // what one value holds, if values are small
  const actions = [
    () =>
      k.upload(
        out,
        Float32Array.from({ length: 3 * o.rows }, (_, i) => Math.sin(i + o.x + n)),
      ),
    () => k.add(out, a, b),
    () => k.combine(out, (o.x + n) / 16, a, 0.5, b),
    () => k.copy(out, a),
    () => k.fill(out, o.x - 2 + n),
    () =>
      k.gatherRows(
        k.view(out, 0, few, 3),
        matrices[3]!,
        Int32Array.from({ length: few }, (_, i) => (i * o.x + n) % 2),
      ),
    () => k.bernoulli(out, { seed: 3, update: n, stream: o.x }, { probability: 0.5, hit: 2, miss: 0 }),
  ];
  if (o.kind === 7) return k.download(a);
  actions[o.kind]!();
  return null;
}

/** Runs a script for some rounds, each with a change, and returns every number that was read. */
async function run(k: Kernels, script: readonly Op[], changes: readonly Change[]): Promise<unknown[]> {
  const matrices = [k.alloc(ROWS, 3), k.alloc(ROWS, 3), k.alloc(ROWS, 3), k.alloc(2, 3)];
  k.upload(matrices[3]!, [1, 2, 3, 4, 5, 6]);
  const reads: Promise<unknown>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { kind, at } = changes.find((one) => one.round === round) ?? { kind: '', at: 0 };
    const place = at % script.length;
    const steps = script.flatMap((one, i) =>
      i !== place ? [one] : kind === 'skip' ? [] : kind === 'twice' ? [one, one] : [one],
    );
    if (kind === 'renew') {
      k.free(matrices[at % 3]!);
      matrices[at % 3] = k.alloc(ROWS, 3);
    }
    for (const one of steps) {
      const read = perform(k, matrices, one, round);
      if (read) reads.push(read);
    }
    if (kind === 'read') reads.push(k.download(matrices[at % 3]!));
    reads.push(k.download(matrices[0]!));
    if (kind !== 'late') await reads.at(-1);
  }
  for (const m of matrices.slice(0, 3)) reads.push(k.download(m));
  const found = await Promise.all(reads);
  for (const m of matrices) k.free(m);
  return found;
}

describe('scripts of instructions that recur with other numbers, and sometimes change', () => {
  const made = [
    ['replays', replaying()],
    ['replays of blocks', replaying({ maxElements: 12 })],
    ['single kernels', replaying({ replays: false })],
    ['plans', replaying({ replays: false }, { plans: true })],
    ['plans of few numbers, and replays', replaying({}, { plans: true, maxNumbers: 60 })],
    ['plans that are refused', replaying({}, { plans: 'no luck' })],
  ] as const;
  test.each(made)('%s', async (_, { kernels: k, executor, gpu }) => {
    const reference = createReference('float32');
    await fc.assert(
      fc.asyncProperty(
        fc.array(op, { minLength: 1, maxLength: 6 }),
        fc.array(change, { maxLength: 2 }),
        async (script, changes) => {
          expect(await run(k, script, changes)).toEqual(await run(reference, script, changes));
          await nextTurn();
          expect([k.memory.inUse(), executor.counts.resident, gpu.alive.size]).toEqual([0, 0, 0]);
        },
      ),
      { numRuns: 40, seed: 7 },
    );
  });
  test('they ran in all of these ways', () => {
    const ways = made.map(
      ([
        ,
        {
          executor: { counts },
        },
      ]) => [counts.replays > 2, counts.plans > 20],
    );
    expect(ways).toEqual([
      [true, false],
      [true, false],
      [false, false],
      [false, true],
      [true, true],
      [true, false],
    ]);
    expect(made.map(([, { executor }]) => executor.planRefused)).toEqual([null, null, null, null, null, 'no luck']);
  });
});

test('a constant that changes from run to run is not the recorded one', async () => {
  const { kernels: k, executor } = replaying();
  const [a, b] = [k.alloc(1, 3), k.alloc(1, 3)];
  for (let n = 0; n < 7; n++) {
    k.fill(a, n);
    k.combine(a, 0.5, a, 0.5, b);
    expect([...(await k.download(a))]).toEqual([n / 2, n / 2, n / 2]);
  }
  expect(executor.counts.replays).toBe(0);
});

test('numbers from before the run are read where the replay uploads them', async () => {
  const { kernels: k, executor } = replaying();
  const [freed, a, out] = [k.alloc(2, 3), k.alloc(2, 3), k.alloc(2, 3)];
  for (let n = 0; n < 5; n++) {
    const of = n === 0 ? freed : a;
    const row = k.view(of, 0, 1, 3);
    k.combine(k.view(out, 0, 1, 3), 0, row, 0.5, row);
    await Promise.all([k.download(row), k.download(of)]);
    if (n === 0) k.free(freed);
  }
  expect(executor.counts.replays).toBeGreaterThan(0);
  expect([...(await k.download(out))]).toEqual(new Array(6).fill(0));
});
