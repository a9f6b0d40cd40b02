/** Hessian-vector products equal differences of the gradient, and are symmetric. */
import { describe, expect, test } from '@jest/globals';
import type { LossChoice } from '../../src/core/losses.js';
import { createRng } from '../../src/core/rng.js';
import type { ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { hessianVector } from '../../src/lab/index.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const [T, N] = [5, 3];
const random = createRng(3, 'hessian');
const normals = (count: number): Float64Array => Float64Array.from({ length: count }, () => random.normal());

const values: ModelSpec = {
  inputSize: 3,
  layers: [
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: 2 },
  ],
};
const stacked: ModelSpec = {
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 4, bias: 'single', initialState: 'learned' },
    { kind: 'linear', size: 3, bias: false },
    { kind: 'dropout', rate: 0.5 },
    { kind: 'lstm', hiddenSize: 2, bias: false },
    { kind: 'linear', size: 3 },
  ],
};
const tokens: ModelSpec = {
  layers: [
    { kind: 'embedding', size: 5, width: 3, name: 'characters' },
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'linear', size: 5 },
  ],
};

const classes = (of: number): Int32Array => Int32Array.from({ length: T * N }, () => random.integer(of));
const CASES: [string, ModelSpec, LossChoice, object][] = [
  ['one layer, values', values, 'meanSquaredError', { inputs: normals(T * N * 3), targets: normals(T * N * 2) }],
  [
    'one layer, weighted rows',
    values,
    'meanSquaredError',
    { inputs: normals(T * N * 3), targets: normals(T * N * 2), weights: normals(T * N).map(Math.abs) },
  ],
  [
    'a stack, learned first state',
    stacked,
    'meanSquaredError',
    { inputs: normals(T * N * 2), targets: normals(T * N * 3) },
  ],
  ['tokens', tokens, 'crossEntropy', { inputs: classes(5), targets: classes(5) }],
  [
    'tokens, classes and rows weighted, some left out',
    tokens,
    { kind: 'crossEntropy', classWeights: [1, 2, 0.5, 3, 1], ignoreIndex: 1 },
    { inputs: classes(5), targets: classes(5), weights: normals(T * N).map(Math.abs) },
  ],
];

describe.each(CASES)('%s', (_, spec, loss, data) => {
  const model = buildModel(createReference('float64'), spec);
  const batch = { steps: T, batchSize: N, ...data } as Parameters<typeof hessianVector>[1];
  const theta = model.kernels.host(model.parameters.matrix)!;
  if (spec === stacked) theta.forEach((v, p) => void (theta[p] = v + 0.1 * random.normal())); // learned states other than 0
  const P = theta.length;

  test('is the difference of gradients along the direction', async () => {
    const w = normals(P);
    const product = await hessianVector(model, batch, w, { loss });
    const held = theta.slice();
    const gradientAt = async (e: number): Promise<Float64Array> => {
      for (let p = 0; p < P; p++) theta[p] = held[p]! + e * w[p]!;
      const { gradients, tape } = await model.gradients(batch, { loss });
      const found = Float64Array.from(model.kernels.host(gradients.matrix)!);
      gradients.free();
      tape.free();
      theta.set(held);
      return found;
    };
    const e = 1e-5;
    const [plus, minus] = [await gradientAt(e), await gradientAt(-e)];
    const size = Math.hypot(...product);
    expect(size).toBeGreaterThan(1e-3);
    const off = Math.hypot(...product.map((v, p) => v - (plus[p]! - minus[p]!) / (2 * e)));
    expect(off / size).toBeLessThan(1e-8);
  });

  test('is symmetric: u H w = w H u', async () => {
    const [u, w] = [normals(P), normals(P)];
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((sum, v, p) => sum + v * b[p]!, 0);
    const [Hu, Hw] = [await hessianVector(model, batch, u, { loss }), await hessianVector(model, batch, w, { loss })];
    expect(Math.abs(dot(u, Hw) - dot(w, Hu))).toBeLessThan(1e-11 * Math.hypot(...Hu) * Math.hypot(...w));
  });
});

test('frees its memory, also after an error, and starts from the given state', async () => {
  const k = await createWasm('simd');
  const model = buildModel(k, values);
  const batch = { steps: T, batchSize: N, inputs: normals(T * N * 3), targets: normals(T * N * 2) };
  const w = normals(model.size);
  const product = await hessianVector(model, batch, w);
  await hessianVector(model, { ...batch, targets: new Int32Array(T * N) }, w); // classes have their own workspace
  const before = k.memory.inUse();
  expect(await hessianVector(model, batch, w, { loss: 'meanSquaredError' })).toEqual(product);
  const from = { h: normals(N * 4), c: normals(N * 4) };
  expect(await hessianVector(model, batch, w, { from })).not.toEqual(product);
  for (const wrong of [{ loss: 'meanAbsoluteError' }, { loss: { kind: 'crossEntropy', labelSmoothing: 0.1 } }]) {
    const classesOf = { ...batch, targets: new Int32Array(T * N) };
    const error = await rejected(() =>
      hessianVector(model, wrong.loss === 'meanAbsoluteError' ? batch : classesOf, w, wrong as never),
    );
    expect(error.message).toMatch(/^loss has no second derivatives written/);
  }
  expect(k.memory.inUse()).toBe(before);
  for (const more of [{ lengths: [5, 4, 3] }, { batchFirst: true }]) {
    expect((await rejected(() => hessianVector(model, { ...batch, ...more }, w))).message).toMatch(
      /^batch must not have/,
    );
  }
  expect((await rejected(() => hessianVector({} as never, batch, w))).code).toBe('INVALID_SETTING');
  expect((await rejected(() => hessianVector(model, batch, [...w.slice(1), Number.NaN]))).code).toBe('INVALID_DATA');
});

test('refuses layers other than those that it differentiates', async () => {
  const model = buildModel(createReference('float64'), {
    inputSize: 3,
    layers: [
      { kind: 'lstm', hiddenSize: 4 },
      { kind: 'activity', alpha: 0.5 },
      { kind: 'linear', size: 2 },
    ],
  });
  const batch = { steps: T, batchSize: N, inputs: normals(T * N * 3), targets: normals(T * N * 2) };
  const error = await rejected(() => hessianVector(model, batch, normals(model.size)));
  expect(error.message).toMatch(/is a layer of kind activity, whose second derivatives are not written/);
});

test('rejects what has no second derivatives', async () => {
  const model = buildModel(createReference('float64'), {
    inputSize: 3,
    layers: [
      { kind: 'lstm', hiddenSize: 4, projectionSize: 2 },
      { kind: 'linear', size: 2 },
    ],
  });
  const batch = { steps: T, batchSize: N, inputs: normals(T * N * 3), targets: normals(T * N * 2) };
  const P = model.parameters.layout.size;
  const short = await rejected(() => hessianVector(model, batch, normals(P - 1)));
  expect(problemOf(short, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'direction', expected: [P], actual: [P - 1] });
  const form = await rejected(() => hessianVector(model, batch, normals(P)));
  expect(form.message).toMatch(/^lstm: second derivatives are implemented only for a standard, forward-direction LSTM/);
  const plain = buildModel(createReference('float64'), values);
  const other = await rejected(() =>
    hessianVector(plain, batch, normals(plain.parameters.layout.size), { loss: 'meanAbsoluteError' }),
  );
  expect(other.message).toMatch(/^loss has no second derivatives written/);
});
