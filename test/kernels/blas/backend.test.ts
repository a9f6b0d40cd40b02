/** The blas backend on the BLAS of this machine: the conformance suite, bits, memory. Without one, only its errors. */
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Kernels, Matrix } from '../../../src/contract/kernels.js';
import { startBlas } from '../../../src/kernels/blas/index.js';
import { MIN_PRODUCT } from '../../../src/kernels/blas/products.js';
import { gainOf, verify } from '../../../src/kernels/blas/verify.js';
import { describeBackend, selectKernels } from '../../../src/kernels/select.js';
import { createWasm } from '../../../src/kernels/wasm/index.js';
import { adam } from '../../../src/optim/adam.js';
import { fit } from '../../../src/train/trainer.js';
import { expectSameBits } from '../../support/arrays.js';
import { createBlas, running, SHARE_ALL } from '../../support/backends.js';
import { problemOf, rejected, thrown } from '../../support/errors.js';
import { describeWithBlas } from '../../support/machine.js';
import { buildModel } from '../../support/model.js';
import { describeConformance } from '../conformance.js';

const made: Kernels[] = [];

async function blas(threads: number): Promise<Kernels> {
  const k = await running(await createBlas({ threads, thresholds: SHARE_ALL, minimum: 1 }), threads);
  made.push(k);
  return k;
}

afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => {
  for (const k of made) k.dispose();
});

const wave = (k: Kernels, rows: number, cols: number): Matrix => {
  const m = k.alloc(rows, cols);
  k.upload(
    m,
    Float32Array.from({ length: rows * cols }, (_, i) => Math.sin(i)),
  );
  return m;
};

describeWithBlas('with a native BLAS', () => {
  // What differs from the wasm backend, which passes the whole suite. The library computes every product of more than one row.
  const replaced: readonly string[] = ['alloc', 'free', 'gemm', 'allocPacked', 'pack', 'gemmPacked'];
  describeConformance(
    'blas',
    () => createBlas({ minimum: 1 }),
    { float32: 1e-5 },
    {},
    (name) => replaced.includes(name),
  );

  /** Parameters after some updates of layers whose products are cut into several blocks, and not into equal ones. */
  async function trained(k: Kernels) {
    const layers = [
      { kind: 'lstm' as const, hiddenSize: 37 },
      { kind: 'lstm' as const, hiddenSize: 41, bias: 'single' as const },
      { kind: 'linear' as const, size: 7 },
    ];
    const [steps, batchSize] = [9, 13];
    const inputs = Float32Array.from({ length: steps * batchSize * 5 }, (_, i) => Math.sin(i));
    const targets = Int32Array.from({ length: steps * batchSize }, (_, i) => i % 7);
    const model = buildModel(k, { inputSize: 5, layers });
    const train = { stateful: true, length: 8, batch: () => ({ steps, batchSize, inputs, targets }) };
    for await (const _ of fit(model, { train }, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 }));
    return model.parameters.download();
  }

  test('training gives the same bits with one, two, three and five threads', async () => {
    const single = await trained(await blas(1));
    for (const threads of [2, 3, 5]) {
      const shared = await trained(await blas(threads));
      for (const [name, values] of single) expectSameBits(shared.get(name)!, values);
    }
  });

  test('says which library it uses, and its gain', async () => {
    expect(describeBackend({ backend: 'blas', threads: 2 })).toMatchObject({
      backend: 'blas',
      threads: 2,
      reason: null,
    });
    const k = await selectKernels({ backend: 'blas' });
    made.push(k);
    expect(k.native!.library).toMatch(/^(OpenBLAS|MKL|BLIS|Accelerate)/);
    expect(k.native!.gain).toBeGreaterThan(0);
  });

  test('no rows may be left out: the bits of a product depend on their number', async () => {
    expect((await createWasm('simd')).partialRows).toBeDefined();
    expect((await createBlas()).partialRows).toBeUndefined();
  });

  test('a packed operand takes the memory of the rules, and gives it back', async () => {
    const k = await createBlas();
    const rules = await k.memory.rules();
    const before = k.memory.inUse();
    const packed = k.allocPacked(30, 50);
    expect(k.memory.inUse() - before).toBe(rules.packed(30, 50));
    k.free(packed);
    expect(k.memory.inUse()).toBe(before);
  });

  test('products of the library need no workspace', async () => {
    const k = await createBlas();
    const side = Math.ceil(Math.cbrt(MIN_PRODUCT));
    const [a, b, out] = [wave(k, side, side), wave(k, side, side), k.alloc(side, side)];
    const workspaces = (await k.memory.rules()).workspaces.gemm!;
    expect(workspaces(out, a, b)).toEqual({});
    expect(workspaces(k.view(out, 0, 1, side), a, b)).not.toEqual({});
    const before = k.memory.inUse();
    k.gemm(out, a, b);
    expect(k.memory.inUse()).toBe(before);
  });

  test('matrices of wrong shapes, and handles of another backend, do not reach the library', async () => {
    const k = await createBlas({ minimum: 1 });
    const [a, b, out] = [wave(k, 3, 4), wave(k, 5, 6), k.alloc(3, 6)];
    expect(
      problemOf(
        thrown(() => k.gemm(out, a, b)),
        'SHAPE_MISMATCH',
      ),
    ).toMatchObject({ expected: [4, 6], actual: [5, 6] });
    expect(
      problemOf(
        thrown(() => k.gemm(out, wave(k, 3, 5), { rows: 5, cols: 6 })),
        'INVALID_DATA',
      ).what,
    ).toContain('b');
    const outside = Object.assign({}, wave(k, 5, 6), { at: 2 ** 32 - 64 });
    expect(thrown(() => k.gemm(out, wave(k, 3, 5), outside)).code).toBe('INVALID_DATA');
  });

  test('results stay correct while the memory grows', async () => {
    const [k, own] = [await createBlas({ minimum: 1 }), await createWasm('simd')];
    const product = async (on: Kernels) => {
      const out = on.alloc(20, 30);
      on.gemm(out, wave(on, 20, 25), wave(on, 25, 30));
      return on.download(out);
    };
    const expected = await product(own);
    for (let i = 0; i < 3; i++) {
      k.alloc(1000, 3000); // 12 MB
      const got = await product(k);
      expect(Math.max(...got.map((v, j) => Math.abs(v - expected[j]!)))).toBeLessThan(1e-5);
    }
  });
});

describe('errors', () => {
  test('without koffi: one message, with what to install', async () => {
    const error = await rejected(() => startBlas({ koffi: '' }));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe('backend blas');
    expect(error.message).toMatch(/koffi is not installed.+npm install koffi.+libopenblas0/);
  });

  test('without a koffi for this system', async () => {
    const error = await rejected(() => startBlas({ koffi: join(__dirname, 'no-such-koffi.cjs') }));
    expect(error.message).toMatch(/cannot load koffi \(Cannot find module .+npm install koffi/);
  });

  test('without a library', async () => {
    const error = await rejected(() => startBlas({ libraries: ['libnothing.so', 'libnot.so'] }));
    expect(error.message).toMatch(/native BLAS: none was found.+npm install koffi.+libopenblas0/);
  });

  test.each([
    ['crashes', 'a product crashed the process that tried it (SIGILL)'],
    ['exits', 'a product ended the process that tried it'],
    ['throws', 'it cannot be called: Expected 13 arguments, got 14'],
  ])('a library that %s ends another process, not this one', async (library, problem) => {
    const koffi = join(__dirname, 'failing-koffi.cjs');
    const error = await rejected(() => startBlas({ koffi, libraries: [library] }));
    expect(error.message).toContain(`cannot use OpenBLAS 9.1 Imitation: ${problem}. Use backend: "wasm"`);
  });

  test('a process that cannot start', async () => {
    const { execPath } = process;
    process.execPath = '/no/such/node';
    try {
      const koffi = join(__dirname, 'failing-koffi.cjs');
      const error = await rejected(() => startBlas({ koffi, libraries: ['throws'] }));
      expect(error.message).toMatch(/cannot use OpenBLAS 9\.1.+cannot start: .+ENOENT/);
    } finally {
      process.execPath = execPath;
    }
  });

  test('float64', async () => {
    const error = await rejected(() => selectKernels({ backend: 'blas', precision: 'float64' }));
    expect(error.message).toMatch(/computes in float32 only/);
  });

  test('a library whose products are wrong', async () => {
    const k = await createWasm('simd');
    const wrong = {
      ...k,
      gemm: (...args: Parameters<Kernels['gemm']>) => {
        k.gemm(...args);
        const values = k.host(args[0])!;
        values[17] = values[17]! + 0.01;
      },
    };
    verify(k, k, k, 'Right');
    expect(thrown(() => verify(k, wrong, k, 'Wrong 1.0')).message).toMatch(/wrong products with Wrong 1\.0/);
    const nothing = { ...k, gemm: (out: Matrix) => k.fill(out, Number.NaN) };
    expect(() => verify(k, nothing, k, 'Wrong')).toThrow('wrong products');
  });
});

test('the gain is the quotient of the best times, on a simulated clock', async () => {
  const k = await createWasm('simd');
  let clock = 0;
  const lasting = (ms: number) => ({ ...k, gemmPacked: () => void (clock += ms) });
  expect(gainOf(k, lasting(2), lasting(3), () => clock)).toBeCloseTo(1.5);
});
