/** The wasm backend passes the conformance suite in each variant that this engine runs, with one thread and with several. */
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import { createWasm, type WasmVariant, wasmVariant } from '../../src/kernels/wasm/index.js';
import { offerRevec } from '../../src/kernels/wasm/trial.js';
import { adam } from '../../src/optim/adam.js';
import { fit } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { threadedWasm } from '../support/backends.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { describeConformance } from './conformance.js';

const VARIANTS: readonly WasmVariant[] = wasmVariant() === 'simd' ? ['simd'] : ['simd', 'relaxed', 'revec'];
const running: Kernels[] = [];
offerRevec();

async function withThreads(variant: WasmVariant, threads: number): Promise<Kernels> {
  const k = await threadedWasm(variant, threads);
  running.push(k);
  return k;
}

afterAll(() => {
  for (const k of running) k.dispose();
});

for (const variant of VARIANTS) {
  describe(variant, () => {
    describeConformance('wasm', () => createWasm(variant), { float32: 1e-5 });
  });
}

describe('two threads', () => {
  describeConformance('wasm', () => withThreads('simd', 2), { float32: 1e-5 });
});

/** Parameters after some updates of two layers whose sizes are not multiples of a tile. */
async function trained(k: Kernels) {
  const spec = {
    inputSize: 5,
    layers: [
      { kind: 'lstm' as const, hiddenSize: 19 },
      { kind: 'lstm' as const, hiddenSize: 22, bias: 'single' as const },
      { kind: 'linear' as const, size: 7 },
    ],
  };
  const [steps, batchSize] = [9, 13];
  const inputs = Float32Array.from({ length: steps * batchSize * 5 }, (_, i) => Math.sin(i));
  const targets = Int32Array.from({ length: steps * batchSize }, (_, i) => i % 7);
  const model = buildModel(k, spec);
  const train = { stateful: true, length: 12, batch: () => ({ steps, batchSize, inputs, targets }) };
  for await (const _ of fit(model, { train }, { optimizer: adam({ learningRate: 0.01 }), clipNorm: 1 }));
  return model.parameters.download();
}

test.each(VARIANTS)('%s: training gives the same bits with one, two, three and five threads', async (variant) => {
  const single = await trained(await createWasm(variant));
  for (const threads of [2, 3, 5]) {
    const shared = await trained(await withThreads(variant, threads));
    for (const [name, values] of single) expectSameBits(shared.get(name)!, values);
  }
});

describe('threads that cannot start', () => {
  const large = (k: Kernels): void => k.gemm(k.alloc(256, 256), k.alloc(256, 256), k.alloc(256, 256));

  test.each<[string, string, unknown]>([
    ['without workers', 'worker threads cannot start', undefined],
    [
      'as a policy forbids them',
      'worker threads cannot start: forbidden.',
      {
        Worker: class {
          constructor() {
            throw new Error('forbidden');
          }
        },
      },
    ],
    [
      'as they end immediately',
      'worker threads cannot start: out of processes.',
      {
        Worker: class {
          on = (_: string, fail: (error: Error) => void) => setTimeout(() => fail(new Error('out of processes')), 1);
          unref() {}
          postMessage() {}
          terminate() {}
        },
      },
    ],
  ])('%s are an error, or with `auto` a reason', async (_, message, workerThreads) => {
    const kernels = [
      await createWasm('simd', { threads: 2 }),
      await createWasm('simd', { threads: 2, fallsBack: true }),
    ] as const;
    const builtin = jest.spyOn(process, 'getBuiltinModule').mockReturnValue(workerThreads as never);
    try {
      const errors: unknown[] = [];
      for (let wait = 0; wait < 3; wait++) {
        const error = await rejected(async () => large(kernels[0])).catch(() => null);
        if (error) errors.push(problemOf(error, 'INVALID_SETTING'));
        large(kernels[1]);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      expect(errors.at(-1)).toMatchObject({ path: 'threads', problem: expect.stringContaining(message) });
      expect(kernels[1]).toMatchObject({ threads: 1, threadsReason: expect.stringContaining(message) });
    } finally {
      builtin.mockRestore();
      for (const k of kernels) k.dispose();
    }
  });
});

test('threads do not start for small products', async () => {
  const k = await createWasm('simd', { threads: 2 });
  running.push(k);
  for (let i = 0; i < 20; i++) {
    k.gemm(k.alloc(4, 4), k.alloc(4, 4), k.alloc(4, 4));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(k.threads).toBe(1);
});

test('freed memory is reused, and views stay valid while the memory grows', async () => {
  const k = await createWasm('simd');
  const first = k.alloc(3, 5);
  k.upload(
    first,
    Array.from({ length: 15 }, (_, i) => i),
  );
  const view = k.host(first)!;
  for (let i = 0; i < 40; i++) k.free(k.alloc(1000, 1000)); // one block of 4 MB, forty times
  for (let i = 0; i < 30; i++) k.alloc(1000, 500); // 60 MB: the memory grows
  expect([...view]).toEqual(Array.from({ length: 15 }, (_, i) => i));
  view[7] = 70;
  expect((await k.download(first))[7]).toBe(70);
  expect(thrown(() => k.alloc(40000, 40000)).code).toBe('OUT_OF_MEMORY');
});
