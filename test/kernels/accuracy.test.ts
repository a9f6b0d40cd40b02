/** Every function that a backend computes is within 4 units in the last place of its exact value, for every float32 number. */
import { describe, expect, test } from '@jest/globals';
import type { ActivationKind, Kernels } from '../../src/contract/kernels.js';
import { ACTIVATIONS } from '../../src/contract/kernels.js';
import { createModel } from '../../src/index.js';
import { createGpu, type GpuMode } from '../../src/kernels/gpu/index.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm, type WasmVariant, wasmVariant } from '../../src/kernels/wasm/index.js';
import { offerRevec } from '../../src/kernels/wasm/trial.js';
import { accuracy, WITHOUT_DENORMALS } from '../support/accuracy.js';
import { testOnWebGpu } from '../support/machine.js';
import { provideWebGpu } from '../support/webgpu.js';

offerRevec();
const VARIANTS: readonly WasmVariant[] = wasmVariant() === 'simd' ? ['simd'] : ['simd', 'relaxed', 'revec'];

const BACKENDS: readonly { name: string; most: number; create(): Kernels | Promise<Kernels> }[] = [
  { name: 'reference in float32', most: 1.5, create: () => createReference('float32') },
  { name: 'reference in float64', most: 1e-6, create: () => createReference('float64') },
  ...VARIANTS.map((variant) => ({ name: `wasm ${variant}`, most: 4, create: () => createWasm(variant) })),
];

describe.each(BACKENDS)('$name', ({ most, create }) => {
  test(`errors are at most ${most} ulp`, async () => {
    const errors = await accuracy(await create());
    expect(errors.length).toBeGreaterThan(20);
    expect(errors.filter(({ ulp }) => !(ulp <= most))).toEqual([]);
  });

  test('a NaN stays NaN, whatever its bits are', async () => {
    const k = await create();
    const one = (values: ArrayLike<number>, width = 1) => {
      const m = k.alloc(values.length / width, width);
      k.upload(m, values);
      return m;
    };
    const [a, b, c, d] = new Float32Array(Uint32Array.of(0x7fc00000, 0x7fc00001, 0xffffffff, 0xffc00155).buffer);
    const nans = [a!, b!, c!, d!].flatMap((v) => Array.from(new Float32Array(4).fill(v)));
    const gates = one(nans, 4);
    const [cell, h] = [k.alloc(4, 1), k.alloc(4, 1)];
    k.lstmCell({ gates, c: cell, h }, one([1, 1, 1, 1]));
    for (const m of [gates, cell, h]) expect([...(await k.download(m))].every(Number.isNaN)).toBe(true);
    for (const kind of ACTIVATIONS) {
      const [other, none] = [kind, 'identity' as ActivationKind].map((name) => ({ kind: name, alpha: 0.5, beta: 0.5 }));
      const variant = { gates: 'noInput', gate: none!, candidate: other!, output: none!, clip: 9 } as const;
      k.upload(gates, nans);
      k.cellState({ gates, c: cell }, one([1, 1, 1, 1]), { variant, peepholes: null, mask: null });
      const g = [...(await k.download(gates))].filter((_, i) => i % 4 === 2);
      expect([kind, ...g]).toEqual([kind, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    }
  });

  test('the loss and the gradient of confident rows keep their digits', async () => {
    const k = await create();
    const [R, C] = [3, 6]; // the last vector of four is not full
    const z = k.alloc(R, C);
    const margins = [12, 25, 60];
    k.upload(
      z,
      margins.flatMap((margin) => [0, -1, margin, 0, 0.5, -2]),
    );
    const others = margins.map((m) => [0, -1, 0, 0.5, -2].reduce((sum, v) => sum + Math.exp(v - m), 0));
    const [loss, p, dz] = [k.alloc(1, 1), k.alloc(R, C), k.alloc(R, C)];
    for (const r of margins.keys()) {
      const targets = { classes: Int32Array.of(2, 2, 2), rowWeights: margins.map((_, i) => Number(i === r)) };
      k.softmaxCrossEntropy(loss, p, z, targets);
      k.softmaxCrossEntropyGrad(dz, p, targets);
      expect((await k.download(loss))[0]! / Math.log1p(others[r]!)).toBeCloseTo(1, 6);
      expect((await k.download(dz))[r * C + 2]! / (-others[r]! / (1 + others[r]!))).toBeCloseTo(1, 6);
    }
    const [y, value] = [k.alloc(1, 1), k.alloc(1, 1)];
    for (const x of [18, 40, 90]) {
      k.upload(y, [x]);
      const t = k.alloc(1, 1);
      k.upload(t, [1]);
      k.valueLoss(value, y, { values: t, rowWeights: null }, { kind: 'binaryCrossEntropy' });
      expect((await k.download(value))[0]! / Math.log1p(Math.exp(-x))).toBeCloseTo(1, 6);
    }
  });
});

/** The GPU backend in a mode. */
async function gpuErrors(mode: GpuMode, smallest: number): Promise<void> {
  const k = await createGpu(mode);
  const errors = await accuracy(k, { smallest });
  expect(errors.length).toBeGreaterThan(20);
  expect(errors.filter(({ ulp }) => !(ulp <= 4))).toEqual([]);
  k.dispose();
}

test.each<GpuMode>(['cpu', 'webasm'])('gpu:%s: errors are at most 4 ulp', (mode) => gpuErrors(mode, 0));

testOnWebGpu('gpu:webgpu: errors are at most 4 ulp', async () => {
  provideWebGpu();
  await gpuErrors('webgpu', WITHOUT_DENORMALS);
});

test.each([1, 1e-4, 1e-6, 1e-9, 1e-30])('a model of inputs of about %p has as many correct digits', async (scale) => {
  const spec = {
    seed: 1,
    inputSize: 1,
    layers: [
      { kind: 'lstm' as const, hiddenSize: 8 },
      { kind: 'linear' as const, size: 1, bias: false },
    ],
  };
  const normed = {
    inputSize: 2,
    layers: [
      { kind: 'lstm' as const, hiddenSize: 8, cell: { layerNorm: true } },
      { kind: 'linear' as const, size: 1 },
    ],
  };
  const inputs = Float32Array.from({ length: 20 }, (_, i) => scale * (1 + Math.sin(i)));
  const found: number[][] = [];
  for (const options of [{ backend: 'wasm' }, { precision: 'float64' }] as const) {
    const [model, other] = [await createModel(spec, options), await createModel(normed, options)];
    for (const bias of ['lstm.bias_ih_l0', 'lstm.bias_hh_l0']) model.parameters.set(bias, new Float32Array(32));
    const { output } = await model.predict(inputs);
    const targets = new Float32Array(10).fill(0.3);
    const { loss } = await other.evaluate({ steps: 5, batchSize: 2, inputs, targets });
    found.push([...output.data, loss]);
  }
  const [fast, exact] = found as [number[], number[]];
  const size = Math.max(...exact.slice(0, -1).map(Math.abs));
  for (let i = 0; i < 20; i++) expect(Math.abs(fast[i]! - exact[i]!) / size).toBeLessThan(2e-6);
  expect(fast.at(-1)! / exact.at(-1)!).toBeCloseTo(1, 5);
});
