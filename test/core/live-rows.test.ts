/** Rows of a batch that have ended are left out, and nothing that is computed changes by a bit. */
import { describe, expect, test } from '@jest/globals';
import type { FloatArray, Kernels, Matrix } from '../../src/contract/kernels.js';
import { gapFor, LiveRows } from '../../src/core/live-rows.js';
import type { LstmSpec } from '../../src/core/lstm/spec.js';
import type { LayerSpec } from '../../src/core/spec.js';
import { expectSameBits } from '../support/arrays.js';
import { BACKENDS, threadedWasm } from '../support/backends.js';
import { withInstructions } from '../support/kernels.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const [T, N, D] = [6, 9, 3];
/** So many units that a product leaves out two rows between two others. */
const H = 47;

/** Passes of one tape, one after another: rows that have ended in one pass are live in the next. */
const PASSES: Readonly<Record<string, readonly number[] | null>> = {
  'longest first': [6, 6, 5, 4, 4, 3, 2, 1, 1],
  unsorted: [6, 1, 1, 5, 2, 1, 1, 1, 6],
  'without lengths': null,
  'longest last': [1, 2, 2, 3, 3, 4, 5, 6, 6],
  'all shorter than the batch': [2, 4, 1, 4, 1, 1, 1, 3, 2],
};

const VARIANTS: Readonly<Record<string, Partial<LstmSpec>>> = {
  standard: {},
  'one bias, reverse, a learned state': { bias: 'single', direction: 'reverse', initialState: 'learned' },
  'no bias, bidirectional': { bias: false, direction: 'bidirectional' },
  'peepholes, coupled gates': { cell: { gates: 'coupled', peepholes: true } },
  'layer normalization': { cell: { layerNorm: true, peepholes: true } },
  'gate recurrence': { cell: { gateRecurrence: true }, direction: 'bidirectional' },
  'projection and clipping': { projectionSize: 4, cell: { clip: 0.3 } },
  'zoneout and DropConnect': { zoneout: { h: 0.3, c: 0.2 }, dropConnect: 0.3 },
  'recurrent dropout': { recurrentDropout: 0.3, projectionSize: 5 },
  'dropout of the candidate': { recurrentDropout: { kind: 'candidate', rate: 0.3 }, direction: 'reverse' },
};

/** The backend, which computes all rows of all steps. */
const withAllRows = (k: Kernels): Kernels => {
  const { partialRows: _, ...all } = k;
  return all;
};

/** The backend, which leaves out rows of small models, too. */
const withLiveRows = (k: Kernels): Kernels => ({ ...k, partialRows: { ...k.partialRows!, minimum: 0 } });

/** Everything that passes compute, in order. */
async function results(
  k: Kernels,
  layers: readonly LayerSpec[],
  [steps, batchSize]: readonly [number, number],
  all = PASSES,
) {
  const model = buildModel(k, { inputSize: D, layers });
  const random = testRandom(3);
  for (const { name, size } of model.parameters.layout.entries) model.parameters.set(name, random.normals(size, 0.3));
  const tape = model.tape({ steps, batchSize }, { lengths: true });
  const targets = random.normals(tape.outputShape.reduce((a, b) => a * b));
  const batch = { steps, batchSize, inputs: random.normals(steps * batchSize * D), targets };
  const exact: FloatArray[] = [];
  const signless: FloatArray[] = [];
  const read = async (m: Matrix): Promise<FloatArray> => (await k.download(m)).map((v) => v + 0); // -0 becomes 0
  for (const [i, lengths] of Object.values(all).entries()) {
    const pass = lengths ? { ...batch, lengths } : batch;
    const { loss, gradients } = await model.gradients(pass, { tape, noise: { seed: 5, update: i } });
    exact.push(Float64Array.of(loss), await k.download(gradients.matrix), await tape.downloadOutput());
    for (const { h, c } of await tape.downloadStates()) exact.push(h, c);
    if (tape.input.kind === 'values') signless.push(await read(tape.input.dx!));
    for (const layer of tape.lstms) {
      for (const { y } of layer.steps) signless.push(await read(y.h), await read(y.c));
      signless.push(await read(layer.grad!.state.h), await read(layer.grad!.state.c), await read(layer.grad!.gates));
    }
    gradients.free();
  }
  return [...exact, ...signless];
}

const lstm = (more: Partial<LstmSpec>, hiddenSize: number): LstmSpec => ({ kind: 'lstm', hiddenSize, ...more });

async function expectSame(k: Kernels, layers: readonly LayerSpec[], shape: readonly [number, number], all = PASSES) {
  const actual = await results(withLiveRows(k), layers, shape, all);
  const expected = await results(withAllRows(k), layers, shape, all);
  expect(actual.length).toBe(expected.length);
  for (const [i, numbers] of expected.entries()) expectSameBits(actual[i]!, numbers);
}

describe.each(BACKENDS.filter(({ name, precision }) => name !== 'reference' || precision === 'float64'))(
  'on $name in $precision',
  ({ create }) => {
    test.each(Object.entries(VARIANTS))('%s: the same bits as with all rows', async (_, variant) => {
      const layers = [lstm(variant, H), { kind: 'linear', size: 4 } as const, lstm({ ...variant, returns: 'last' }, 3)];
      await expectSame(await create(), layers, [T, N]);
    });

    test('the same bits where the rows of the batch are several blocks of a product', async () => {
      const lengths = Array.from({ length: 30 }, (_, n) => 1 + ((7 * n) % 40));
      await expectSame(await create(), [lstm({}, 3)], [40, 30], {
        unsorted: lengths,
        sorted: [...lengths].sort((a, b) => b - a),
      });
    });
  },
);

test('several threads compute the same bits', async () => {
  const k = await threadedWasm('simd', 3);
  const [layers, shape] = [[lstm({ direction: 'bidirectional' }, H)], [T, N]] as const;
  const [actual, expected] = [
    await results(withLiveRows(k), layers, shape),
    await results(withAllRows(await BACKENDS[2]!.create()), layers, shape),
  ];
  k.dispose();
  for (const [i, numbers] of expected.entries()) expectSameBits(actual[i]!, numbers);
});

test('a value past the end of a row that is not a number has no effect on later passes', async () => {
  const k = withLiveRows(await BACKENDS[2]!.create());
  const model = buildModel(k, { inputSize: 1, layers: [lstm({ cell: { layerNorm: true }, projectionSize: 2 }, 3)] });
  const tape = model.tape({ steps: 3, batchSize: 2 }, { lengths: true });
  const batch = { steps: 3, batchSize: 2, inputs: [1, 2, 3, 4, 5, 6], targets: new Float32Array(12) };
  const { gradients } = await model.gradients({ ...batch, lengths: [3, 1] }, { tape });
  const expected = await k.download(gradients.matrix);
  const weights = model.parameters.handle('lstm.weight_hh_l0');
  const saved = await k.download(weights);
  k.upload(
    weights,
    saved.map(() => Number.NaN),
  );
  await model.gradients(batch, { tape });
  k.upload(weights, saved);
  const again = await model.gradients({ ...batch, lengths: [3, 1] }, { tape });
  expectSameBits(await k.download(again.gradients.matrix), expected);
});

test.each([
  ['longest first: a prediction computes the products of live rows only', [4, 3, 2, 1], 0, 10],
  ['longest last: a prediction computes the products of live rows only', [1, 1, 3, 4], 0, 9],
  ['a step with as many multiply-adds as the minimum', [4, 3, 2, 1], 4 * 8 * 3, 10],
  ['a step with fewer multiply-adds than the minimum computes all rows', [4, 3, 2, 1], 4 * 8 * 3 + 1, 16],
])('%s', async (_, lengths, minimum, live) => {
  let rows = 0;
  const k = withInstructions(({ gemmPacked }) => ({
    partialRows: { minimum, block: 512 },
    gemmPacked(out, ...operands) {
      rows += out.rows;
      gemmPacked(out, ...operands);
    },
  }));
  const model = buildModel(k, { inputSize: 1, layers: [lstm({}, 2)] });
  await model.predict(new Float32Array(16), { batchSize: 4, lengths });
  expect(rows).toBe(2 * live); // of x Wx, and of h- Wh
});

describe('LiveRows', () => {
  const live = new LiveRows([3, 1, 1, 2, 3], { steps: 4, batchSize: 5 });

  test('has the rows, the spans and the runs of each step', () => {
    expect([...live.ids]).toEqual([0, 1, 2, 3, 4, 5, 8, 9, 10, 14]);
    expect([...live.from]).toEqual([0, 5, 10, 15]);
    expect([...live.to]).toEqual([5, 10, 15, 15]);
    expect([...live.runFrom]).toEqual([0, 5, 8, 10, 14]);
    expect([...live.runTo]).toEqual([5, 6, 10, 11, 15]);
    expect([...live.runsAt]).toEqual([0, 1, 3, 5, 5]);
  });

  test('joins runs with a small gap, and steps without one', () => {
    expect(live.lastJoined(0, 5, 0)).toBe(1); // rows 0 to 5: the steps meet
    expect(live.lastJoined(1, 5, 1)).toBe(1); // a gap of two rows
    expect(live.lastJoined(1, 5, 2)).toBe(3);
    expect(live.lastJoined(0, 5, 3)).toBe(4);
    expect(live.lastJoined(1, 3, 9)).toBe(2);
    expect(gapFor(1 << 20)).toBe(1);
    expect(gapFor(1 << 10)).toBe(9);
  });
});
