/** Matrices, batches and models that are too large for one value of the GPU backend, and values that need care. */
import { describe, expect, test } from '@jest/globals';
import { createModel } from '../../src/create.js';
import { createGpu } from '../../src/gpu/index.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { rejected } from '../support/errors.js';
import { expectClose } from '../support/golden.js';
import { testOnWebGpu } from '../support/machine.js';
import { buildModel } from '../support/model.js';
import { provideWebGpu } from '../support/webgpu.js';
import { batchOf, describeModes, specOf, trainedModel } from './gpu-support.js';

const spec = specOf(6);

provideWebGpu();

describeModes('larger than one value, %s', (mode) => {
  test('a model with more parameters than one value holds trains to the same weights and moments', async () => {
    const ends: Float32Array[] = [];
    for (const maxElements of [2 ** 24, 160]) {
      const k = await createGpu(mode, { maxElements });
      const model = buildModel(k, spec, true);
      expect(model.size).toBeGreaterThan(200);
      const training = fit(
        model,
        { train: { stateful: false, length: 3, batch: () => batchOf(3, 2) } },
        { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 },
      );
      for await (const _ of training);
      const { optimizer } = await training.checkpoint();
      const arenas = [await k.download(model.parameters.matrix), optimizer.get('m')!, optimizer.get('v')!];
      ends.push(Float32Array.from(arenas.flatMap((arena) => [...arena])));
      training.dispose();
      expect((await model.evaluate(batchOf(3, 2))).loss).toBeGreaterThan(0);
      k.dispose();
    }
    expectClose('weights and moments', ends[1]!, [...ends[0]!], 1e-6);
  });

  test('a batch that is too large is rejected, and training continues', async () => {
    const k = await createGpu(mode, { maxElements: 400 });
    const model = buildModel(k, spec, true);
    const train = { stateful: false, length: 4, batch: () => batchOf(3, 2) };
    const losses: number[] = [];
    for await (const event of fit(model, { train }, { optimizer: adam() })) {
      if (event.kind !== 'update') continue;
      losses.push(event.loss);
      await expect(model.evaluate(batchOf(3, 200))).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    }
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0]!);
    model.dispose();
    k.dispose();
    expect(k.counts.resident).toBe(0);
  });
});

describeModes('values, %s', (mode) => {
  test('NaN inputs give NaN outputs', async () => {
    const k = await createGpu(mode);
    for (const cell of [{}, { peepholes: true }]) {
      const layers = [{ kind: 'lstm', hiddenSize: 8, cell }, spec.layers[1]] as const;
      const model = buildModel(k, { ...spec, layers }, true);
      const broken = new Float32Array(4 * 8 * 2).fill(Number.NaN, 32, 48); // of the gate g
      model.kernels.upload(model.parameters.handle('lstm.weight_ih_l0'), broken);
      expect((await model.evaluate(batchOf(3, 2))).loss).toBeNaN();
      model.dispose();
    }
    const [a, b] = [k.alloc(1, 3), k.alloc(1, 3)];
    k.upload(a, [Number.NaN, 2, 5]);
    k.upload(b, [1, Number.NaN, 4]);
    k.maximum(a, a, b);
    expect([...(await k.download(a))]).toEqual([Number.NaN, Number.NaN, 5]);
    k.dispose();
  });

  test('matrices that an instruction reads may overlap', async () => {
    const k = await createGpu(mode);
    const [both, out] = [k.alloc(2, 4), k.alloc(2, 4)];
    k.upload(both, [1, 2, 3, 4, 5, 6, 7, 8]);
    k.upload(k.view(both, 0, 1, 4), [1, 1, 1, 1]); // it now consists of two pieces
    k.gemm(out, k.view(both, 0, 2, 2), both);
    expect([...(await k.download(out))]).toEqual([6, 7, 8, 9, 6, 7, 8, 9]);
    k.dispose();
  });
});

test('matrices that are too large for one value are computed in blocks, to the same weights', async () => {
  const weights: Float32Array[] = [];
  for (const maxElements of [2 ** 24, 200]) {
    const k = await createGpu('cpu', { maxElements });
    // 40 time steps of 2 rows: gates of 960 numbers, states of 240, and 3 times 98 numbers of Adam
    const model = await trainedModel(k, 3, batchOf(40, 2), 3);
    weights.push(Float32Array.from(await k.download(model.parameters.matrix)));
    k.dispose();
  }
  expectClose('weights', weights[1]!, [...weights[0]!], 1e-6);
});

testOnWebGpu(
  'an instruction without blocks throws OUT_OF_MEMORY for a matrix that is too large, and later calls work',
  async () => {
    const k = await createGpu('webgpu');
    expect(4 * k.maxElements).toBeLessThanOrEqual(k.device.maxBufferBytes);
    const [table, out, small] = [k.alloc(2, 4096), k.alloc(4097, 4096), k.alloc(2, 3)];
    k.upload(small, [1, 2, 3, 4, 5, 6]);
    const gather = async () => k.gatherRows(out, table, new Int32Array(4097));
    expect((await rejected(gather)).problem).toMatchObject({ code: 'OUT_OF_MEMORY', bytes: 4 * 4097 * 4096 });
    k.add(small, small, small);
    expect([...(await k.download(small))]).toEqual([2, 4, 6, 8, 10, 12]);
    k.dispose();
  },
);

describe('a parameter that is too large', () => {
  const make = (hiddenSize: number) => {
    const layers = [{ kind: 'lstm', hiddenSize }] as const;
    return rejected(() => createModel({ inputSize: 1, layers }, { backend: 'gpu:cpu' })).then(({ problem }) => problem);
  };

  test('is rejected by createModel', async () => {
    const problem = await make(2049); // 4 * 2049^2 weights are more than 2^24
    expect(problem).toMatchObject({ code: 'OUT_OF_MEMORY', bytes: 16 * 2049 ** 2, capacity: 2 ** 26 });
    expect(problem.help).toMatch(/^lstm\.weight_hh_l0 \[8196, 2049\] has more elements than a kernel can index/);
  });
});

testOnWebGpu('webgpu computes more rows than a grid of threads has', async () => {
  const k = await createGpu('webgpu');
  const R = 8 * 65535 + 3;
  const [out, row, factors, square, product] = [
    k.alloc(R, 2),
    k.alloc(1, 2),
    k.alloc(R, 1),
    k.alloc(2, 4),
    k.alloc(R, 4),
  ];
  k.upload(row, [1, 3]);
  k.fillRows(out, row);
  k.upload(
    factors,
    Float32Array.from({ length: R }, (_, r) => r % 7),
  );
  k.scaleRows(out, out, factors, false);
  k.upload(square, [1, 0, 2, 0, 0, 1, 0, 2]);
  k.gemm(product, out, square);
  const expected = (r: number): number[] => [r % 7, 3 * (r % 7), 2 * (r % 7), 6 * (r % 7)];
  const found = await k.download(product);
  for (const r of [0, 1, 2, 6, 100_003, R - 2, R - 1]) expect([...found.slice(4 * r, 4 * r + 4)]).toEqual(expected(r));
  k.dispose();
});
