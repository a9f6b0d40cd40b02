import { describe, expect, test } from '@jest/globals';
import type { FloatArray, Precision } from '../../src/contract/kernels.js';
import { parameterLayout } from '../../src/core/build.js';
import { generate, sampleToken } from '../../src/core/generate.js';
import { type Initializer, initialize } from '../../src/core/init.js';
import { type Batch, defaultLoss, type Model } from '../../src/core/model.js';
import { createRng, restoreRng } from '../../src/core/rng.js';
import type { LstmSpec, ModelSpec } from '../../src/core/spec.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { expectSameBits, flat } from '../support/arrays.js';
import { problemOf, rejected, thrown } from '../support/errors.js';
import { expectClose } from '../support/golden.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';

const build = (spec: ModelSpec, precision: Precision = 'float64') => buildModel(createReference(precision), spec);

const lstm = (hiddenSize: number, more: Partial<LstmSpec> = {}): LstmSpec => ({ kind: 'lstm', hiddenSize, ...more });

const VALUES: ModelSpec = { inputSize: 3, layers: [lstm(4), lstm(5), { kind: 'linear', size: 2 }] };
const TOKENS: ModelSpec = {
  layers: [{ kind: 'embedding', size: 6, width: 3 }, lstm(4), lstm(5), { kind: 'linear', size: 6 }],
};

describe('a spec that cannot work', () => {
  const one = (layer: object): unknown => ({ inputSize: 3, layers: [layer] });
  const cases: readonly (readonly [path: string, spec: unknown, text?: string])[] = [
    ['spec', null],
    ['spec', 'lstm'],
    ['spec', []],
    ['spec.hiddenSize', { inputSize: 3, hiddenSize: 4, layers: [lstm(4)] }, 'Use seed, inputSize, layers'],
    ['layers', { inputSize: 3 }],
    ['layers', { inputSize: 3, layers: [] }],
    ['layers', { inputSize: 3, layers: lstm(4) }],
    ['layers[0]', one(null as unknown as object)],
    ['layers[1]', { inputSize: 3, layers: [lstm(4), 'linear'] }],
    [
      'layers[0].kind',
      one({ kind: 'gru', hiddenSize: 4 }),
      'unknown layer kind "gru". Use one of embedding, lstm, linear',
    ],
    ['layers[0].kind', one({ hiddenSize: 4 })],
    ['layers[0].units', one({ ...lstm(4), units: 4 }), 'unknown setting'],
    ['layers[0].hiddenSize', one({ kind: 'lstm' }), 'got undefined'],
    ['layers[0].hiddenSize', one(lstm(0))],
    ['layers[0].hiddenSize', one(lstm(-4))],
    ['layers[0].hiddenSize', one(lstm(2.5))],
    ['layers[0].hiddenSize', one(lstm(Number.NaN)), 'got NaN'],
    ['layers[0].hiddenSize', one(lstm(Number.POSITIVE_INFINITY))],
    ['layers[0].hiddenSize', one(lstm(1e12)), 'from 1 to 16777216, got 1000000000000'],
    ['layers[0].hiddenSize', one({ kind: 'lstm', hiddenSize: '4' }), 'got "4"'],
    ['layers[0].bias', one({ ...lstm(4), bias: 1 })],
    ['layers[0].bias', one({ ...lstm(4), bias: null })],
    ['layers[0].returns', one({ ...lstm(4), returns: 'first' }), "must be 'all' or 'last', got \"first\""],
    ['layers[0].name', one({ ...lstm(4), name: 7 })],
    ['layers[0].name', one({ ...lstm(4), name: '' })],
    ['layers[0].init', one({ ...lstm(4), init: 'zeros' })],
    ['layers[0].init', one({ ...lstm(4), init: null })],
    ['layers[0].init.weight', one({ ...lstm(4), init: { weight: 'zeros' } }), 'unknown setting'],
    ['layers[0].init.input', one({ ...lstm(4), init: { input: 'glorot' } }), 'unknown initializer "glorot"'],
    ['layers[0].init.recurrent', one({ ...lstm(4), init: { recurrent: 3 } })],
    ['layers[0].init.input', one({ ...lstm(4), init: { input: { kind: 'gamma' } } })],
    ['layers[0].init.input.bound', one({ ...lstm(4), init: { input: { kind: 'uniform', bound: -1 } } })],
    ['layers[0].init.input.std', one({ ...lstm(4), init: { input: { kind: 'normal' } } })],
    ['layers[0].init.bias.value', one({ ...lstm(4), init: { bias: { kind: 'constant', value: Number.NaN } } })],
    ['layers[0].init.forgetBias', one({ ...lstm(4), init: { forgetBias: '1' } })],
    ['layers[0].init.forgetBias', one({ ...lstm(4), init: { forgetBias: Number.POSITIVE_INFINITY } })],
    ['layers[1].size', { inputSize: 3, layers: [lstm(4), { kind: 'linear' }] }],
    ['layers[1].size', { inputSize: 3, layers: [lstm(4), { kind: 'linear', size: 0 }] }],
    [
      'layers[1].init.recurrent',
      { inputSize: 3, layers: [lstm(4), { kind: 'linear', size: 2, init: { recurrent: 'ones' } }] },
    ],
    ['layers[0]', one({ kind: 'linear', size: 2 }), 'Add an lstm layer'],
    ['layers[1]', { inputSize: 3, layers: [lstm(4), { kind: 'embedding', size: 5, width: 2 }] }, 'first layer'],
    ['layers[0].size', { layers: [{ kind: 'embedding', size: 0, width: 2 }, lstm(4)] }],
    ['layers[0].width', { layers: [{ kind: 'embedding', size: 5 }, lstm(4)] }],
    ['layers[0].init', { layers: [{ kind: 'embedding', size: 5, width: 2, init: 'random' }, lstm(4)] }],
    ['inputSize', { layers: [lstm(4)] }, 'got undefined'],
    ['inputSize', { inputSize: 0, layers: [lstm(4)] }],
    ['inputSize', { inputSize: 3, layers: [{ kind: 'embedding', size: 5, width: 2 }, lstm(4)] }, 'is not used'],
    ['layers[0].returns', { inputSize: 3, layers: [lstm(4, { returns: 'last' }), lstm(4)] }, 'no steps'],
    [
      'layers[1].returns',
      { inputSize: 3, layers: [lstm(4), lstm(5, { returns: 'last' }), { kind: 'linear', size: 2 }, lstm(4)] },
    ],
    ['seed', { seed: -1, inputSize: 3, layers: [lstm(4)] }],
    ['seed', { seed: 'one', inputSize: 3, layers: [lstm(4)] }],
  ];

  test.each(cases.map(([path, spec, text = '']) => ({ path, spec, text })))('$path (%#)', ({ path, spec, text }) => {
    for (const use of [() => build(spec as ModelSpec), () => parameterLayout(spec as ModelSpec)]) {
      const error = thrown(use);
      expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
      expect(error.message.startsWith(path)).toBe(true);
      expect(error.message).toContain(text);
    }
  });

  test('a spec is JSON: written and read again, it builds the same model', () => {
    const spec: ModelSpec = {
      seed: 3,
      inputSize: 2,
      layers: [
        lstm(3, { bias: true, returns: 'last', name: 'core', init: { recurrent: 'orthogonal', forgetBias: null } }),
        { kind: 'linear', size: 2, init: { weight: { kind: 'normal', std: 0.1 } } },
      ],
    };
    const again = JSON.parse(JSON.stringify(spec)) as ModelSpec;
    expect(flat(build(again).parameters.get('core.weight_hh_l0'))).toEqual(
      flat(build(spec).parameters.get('core.weight_hh_l0')),
    );
  });
});

describe('names and shapes', () => {
  const layout = (spec: ModelSpec) => parameterLayout(spec).entries.map((e) => `${e.name} ${e.shape.join('x')}`);

  test('are those of PyTorch, the LSTM layers counted', () => {
    expect(layout(TOKENS)).toEqual([
      'embedding.weight 6x3',
      ...['lstm.weight_ih_l0 16x3', 'lstm.weight_hh_l0 16x4', 'lstm.bias_ih_l0 16', 'lstm.bias_hh_l0 16'],
      ...['lstm.weight_ih_l1 20x4', 'lstm.weight_hh_l1 20x5', 'lstm.bias_ih_l1 20', 'lstm.bias_hh_l1 20'],
      ...['head.weight 6x5', 'head.bias 6'],
    ]);
    expect(build(TOKENS).size).toBe(18 + (48 + 64 + 32) + (80 + 100 + 40) + 36);
    expect(build(TOKENS).outputSize).toBe(6);
  });

  test('without biases there are none', () => {
    const spec: ModelSpec = {
      inputSize: 2,
      layers: [lstm(3, { bias: false }), { kind: 'linear', size: 4, bias: false }],
    };
    expect(layout(spec)).toEqual(['lstm.weight_ih_l0 12x2', 'lstm.weight_hh_l0 12x3', 'head.weight 4x3']);
  });

  test('own names, and a name used twice', () => {
    const spec: ModelSpec = {
      inputSize: 2,
      layers: [
        lstm(3, { name: 'low' }),
        lstm(4, { name: 'high' }),
        { kind: 'linear', size: 5 },
        { kind: 'linear', size: 2 },
      ],
    };
    expect(layout(spec).filter((n) => n.includes('weight'))).toEqual([
      ...['low.weight_ih_l0 12x2', 'low.weight_hh_l0 12x3', 'high.weight_ih_l0 16x3', 'high.weight_hh_l0 16x4'],
      ...['head.weight 5x4', 'head2.weight 2x5'],
    ]);
  });

  test('no two parameters share a name, whatever the layers are called', () => {
    const linear = (name?: string) => ({ kind: 'linear' as const, size: 4, ...(name ? { name } : {}) });
    for (const names of [
      [undefined, undefined, 'head2'],
      ['head2', undefined, undefined],
      ['a', 'a', 'a2', 'a2'],
    ]) {
      const entries = parameterLayout({ inputSize: 2, layers: [lstm(3), ...names.map(linear)] }).entries;
      expect(new Set(entries.map((e) => e.name)).size).toBe(entries.length);
    }
  });

  test('an unknown parameter is refused, the known ones are listed', () => {
    const model = build(VALUES);
    const error = thrown(() => model.parameters.get('lstm.weight_ih_l2'));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe('lstm.weight_ih_l2');
    expect(error.message).toContain('lstm.weight_ih_l0, lstm.weight_hh_l0');
  });
});

describe('initial parameters', () => {
  const gate = (model: Model, name: string, index: number, H: number): number[] => {
    const all = flat(model.parameters.get(name));
    const size = (all.length / 4) | 0;
    expect(size * 4).toBe(all.length);
    expect(size % H).toBe(0);
    return all.slice(index * size, (index + 1) * size);
  };

  test("the forget gate's two biases start as 1 in sum, the others as 0", () => {
    const model = build(VALUES);
    for (const [level, H] of [4, 5].entries()) {
      for (let g = 0; g < 4; g++) {
        const [ih, hh] = ['ih', 'hh'].map((part) => gate(model, `lstm.bias_${part}_l${level}`, g, H));
        expect(ih!.map((v, j) => v + hh![j]!)).toEqual(new Array(H).fill(g === 1 ? 1 : 0));
      }
    }
  });

  test('forgetBias: another number in sum over random biases; null leaves them alone', () => {
    const bias: Initializer = { kind: 'constant', value: 0.25 };
    const sum = (forgetBias: number | null) => {
      const model = build({ inputSize: 2, layers: [lstm(3, { init: { bias, forgetBias } })] });
      const [ih, hh] = ['ih', 'hh'].map((part) => flat(model.parameters.get(`lstm.bias_${part}_l0`)));
      return ih!.map((v, j) => v + hh![j]!);
    };
    const blocks = (f: number) => [0.5, f, 0.5, 0.5].flatMap((v) => [v, v, v]);
    expect(sum(-2)).toEqual(blocks(-2));
    expect(sum(0)).toEqual(blocks(0));
    expect(sum(null)).toEqual(blocks(0.5));
  });

  test.each([
    ['square', 7, 7],
    ['tall', 7, 4],
    ['wide', 4, 7],
  ])("orthogonal: each gate's block is (%s)", (_, H, D) => {
    const model = build({
      inputSize: D,
      layers: [lstm(H, { init: { input: 'orthogonal', recurrent: 'orthogonal' } })],
    });
    for (const [name, cols] of [
      ['lstm.weight_ih_l0', D],
      ['lstm.weight_hh_l0', H],
    ] as const) {
      const blocks = [0, 1, 2, 3].map((g) => gate(model, name, g, H));
      for (const block of blocks) {
        const byRow = H <= cols;
        const vectors = Array.from({ length: Math.min(H, cols) }, (_, a) =>
          Array.from({ length: Math.max(H, cols) }, (_, b) => (byRow ? block[a * cols + b]! : block[b * cols + a]!)),
        );
        vectors.forEach((u, a) => {
          vectors.forEach((v, b) => {
            expect(u.reduce((sum, x, k) => sum + x * v[k]!, 0)).toBeCloseTo(a === b ? 1 : 0, 12);
          });
        });
      }
      expect(blocks[0]).not.toEqual(blocks[1]);
    }
  });

  test('orthogonal to the last digit, also where there are many vectors', () => {
    const n = 60;
    const m = initialize('orthogonal', n, n, n, createRng(1, 'orthogonal'));
    let largest = 0;
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < a; b++) {
        let dot = 0;
        for (let k = 0; k < n; k++) dot += m[a * n + k]! * m[b * n + k]!;
        largest = Math.max(largest, Math.abs(dot));
      }
    }
    expect(largest).toBeLessThan(3e-15);
  });

  /** Mean and deviation of many numbers, and the largest of them. */
  const statistics = (values: readonly number[]) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance), largest: Math.max(...values.map(Math.abs)) };
  };

  const [H, D] = [40, 24];
  test.each<[string, Initializer, number, number]>([
    ['uniform', 'uniform', 1 / Math.sqrt(H), 1 / Math.sqrt(3 * H)],
    ['xavierUniform', 'xavierUniform', Math.sqrt(6 / (H + D)), Math.sqrt(2 / (H + D))],
    ['xavierNormal', 'xavierNormal', Number.POSITIVE_INFINITY, Math.sqrt(2 / (H + D))],
    ['normal', 'normal', Number.POSITIVE_INFINITY, 1],
    ['uniform by a bound', { kind: 'uniform', bound: 0.3 }, 0.3, 0.3 / Math.sqrt(3)],
    ['normal by a deviation', { kind: 'normal', std: 0.2 }, Number.POSITIVE_INFINITY, 0.2],
  ])('%s has its bound and its spread', (_, input, bound, deviation) => {
    const model = build({ inputSize: D, layers: [lstm(H, { init: { input } })] });
    const all = statistics(flat(model.parameters.get('lstm.weight_ih_l0')));
    expect(all.largest).toBeLessThanOrEqual(bound);
    if (Number.isFinite(bound)) expect(all.largest).toBeGreaterThan(0.99 * bound);
    // 3840 numbers: the mean errs by deviation / 62, the deviation by about 1 %.
    expect(Math.abs(all.mean)).toBeLessThan((4 * deviation) / Math.sqrt(4 * H * D));
    expect(all.deviation / deviation).toBeGreaterThan(0.95);
    expect(all.deviation / deviation).toBeLessThan(1.05);
  });

  test('zeros, ones, constants; the defaults of the embedding and the head', () => {
    const model = build({
      layers: [
        { kind: 'embedding', size: 50, width: 40 },
        lstm(3, { init: { input: 'zeros', recurrent: 'ones' } }),
        { kind: 'linear', size: 400, init: { bias: { kind: 'constant', value: -2 } } },
      ],
    });
    const values = (name: string) => flat(model.parameters.get(name));
    expect(new Set(values('lstm.weight_ih_l0'))).toEqual(new Set([0]));
    expect(new Set(values('lstm.weight_hh_l0'))).toEqual(new Set([1]));
    expect(new Set(values('head.bias'))).toEqual(new Set([-2]));
    const embedding = statistics(values('embedding.weight'));
    expect(embedding.deviation).toBeGreaterThan(0.93);
    expect(embedding.deviation).toBeLessThan(1.07);
    const head = statistics(values('head.weight')).largest;
    expect(head).toBeLessThanOrEqual(1 / Math.sqrt(3));
    expect(head).toBeGreaterThan(0.98 / Math.sqrt(3));
  });

  test('depend on the seed and on their own name, not on the layers beside them', () => {
    const deeper: ModelSpec = { ...VALUES, layers: [VALUES.layers[0]!, lstm(5), { kind: 'linear', size: 7 }] };
    const weights = (spec: ModelSpec, name: string) => flat(build(spec).parameters.get(name));
    expect(weights(deeper, 'lstm.weight_hh_l0')).toEqual(weights(VALUES, 'lstm.weight_hh_l0'));
    expect(weights({ ...VALUES, seed: 1 }, 'head.weight')).toEqual(weights(VALUES, 'head.weight'));
    expect(weights({ ...VALUES, seed: 2 }, 'head.weight')).not.toEqual(weights(VALUES, 'head.weight'));
    expect(weights(VALUES, 'lstm.weight_hh_l0').slice(0, 8)).not.toEqual(
      weights(VALUES, 'lstm.weight_ih_l0').slice(0, 8),
    );
  });
});

describe('shapes and tokens that do not fit', () => {
  const shape = (act: () => unknown) => problemOf(thrown(act), 'SHAPE_MISMATCH');
  const valuesBatch = (inputs: number, targets: number): Batch => ({
    steps: 4,
    batchSize: 2,
    inputs: new Float64Array(inputs),
    targets: new Float64Array(targets),
  });
  const tokensBatch = (inputs: readonly number[], targets: readonly number[]): Batch => ({
    steps: 3,
    batchSize: 2,
    inputs: Int32Array.from(inputs),
    targets: Int32Array.from(targets),
  });

  test('inputs', async () => {
    const error = await rejected(() => build(VALUES).gradients(valuesBatch(4 * 2 * 3 + 1, 16)));
    expect(error.message).toContain('forward: inputs must have shape [4, 2, 3], got [25].');
    expect(
      shape(() => build(TOKENS).tape({ steps: 3, batchSize: 2 }).forward(build(TOKENS).parameters, [1, 2])),
    ).toEqual(expect.objectContaining({ op: 'forward', tensor: 'inputs', expected: [3, 2], actual: [2] }));
  });

  test('targets', async () => {
    const error = await rejected(() => build(VALUES).evaluate(valuesBatch(24, 8)));
    expect(problemOf(error, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'targets', expected: [8, 2], actual: [8] });
    const last: ModelSpec = { inputSize: 3, layers: [lstm(4, { returns: 'last' }), { kind: 'linear', size: 2 }] };
    const all = await rejected(() => build(last).evaluate(valuesBatch(24, 16)));
    expect(problemOf(all, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'targets', expected: [2, 2], actual: [16] });
    const classes = await rejected(() => build(TOKENS).gradients(tokensBatch([0, 1, 2, 3, 4, 5], [0, 1, 2])));
    expect(problemOf(classes, 'SHAPE_MISMATCH')).toMatchObject({ op: 'crossEntropy', expected: [6], actual: [3] });
  });

  test('parameters', () => {
    const model = build(VALUES);
    const problem = shape(() => model.parameters.set('lstm.weight_ih_l0', [1, 2, 3]));
    expect(problem).toMatchObject({ op: 'set', tensor: 'lstm.weight_ih_l0', expected: [16, 3], actual: [3] });
  });

  test('class weights', async () => {
    const loss = { kind: 'crossEntropy' as const, classWeights: [1, 2, 3] };
    const error = await rejected(() =>
      build(TOKENS).evaluate(tokensBatch([0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]), { loss }),
    );
    expect(problemOf(error, 'SHAPE_MISMATCH')).toMatchObject({ tensor: 'classWeights', expected: [6], actual: [3] });
  });

  test('a state of another number of sequences, or of another model', () => {
    const model = build(VALUES);
    const tape = model.tape({ steps: 4, batchSize: 2 });
    const op = 'begin';
    const rows = shape(() => tape.begin(model.tape({ steps: 4, batchSize: 3 })));
    expect(rows).toMatchObject({ op, expected: [2, 4, 4, 5, 5], actual: [3, 4, 4, 5, 5] });
    const smaller = build({ inputSize: 3, layers: [lstm(4), lstm(3)] });
    expect(shape(() => tape.begin(smaller.tape({ steps: 4, batchSize: 2 })))).toMatchObject({
      op,
      actual: [2, 4, 4, 3, 3],
    });
    const single = build({ inputSize: 3, layers: [lstm(4)] });
    expect(shape(() => tape.begin(single.tape({ steps: 4, batchSize: 2 })))).toMatchObject({ op, actual: [2, 4, 4] });
    tape.begin(model.tape({ steps: 9, batchSize: 2 })); // another number of steps is no other state
  });

  test.each([
    [[0, 1, 6, 3, 4, 5], 'token 2', 'must be an integer from 0 to 5, got 6'],
    [[0, 1, 2, -1, 4, 5], 'token 3', 'must be an integer from 0 to 5, got -1'],
  ])('tokens out of range: %j', async (inputs, what, text) => {
    const error = await rejected(() => build(TOKENS).gradients(tokensBatch(inputs, [0, 1, 2, 3, 4, 5])));
    expect(problemOf(error, 'INVALID_DATA').what).toBe(what);
    expect(error.message).toContain(text);
  });

  test('tokens that are no whole numbers', async () => {
    for (const bad of [0.5, Number.NaN]) {
      const error = await rejected(() => build(TOKENS).predict([0, bad, 2]));
      expect(problemOf(error, 'INVALID_DATA').what).toBe('token 1');
    }
  });

  test('targets out of range; the ignored one is none', async () => {
    const inputs = [0, 1, 2, 3, 4, 5];
    const error = await rejected(() => build(TOKENS).evaluate(tokensBatch(inputs, [0, 1, 2, 3, 9, 5])));
    expect(problemOf(error, 'INVALID_DATA').what).toBe('target 4');
    const ignored = await build(TOKENS).evaluate(tokensBatch(inputs, [0, 1, 2, 3, -1, 5]));
    expect(Number.isFinite(ignored.loss)).toBe(true);
    const loss = { kind: 'crossEntropy' as const, ignoreIndex: 9 };
    expect(
      (await rejected(() => build(TOKENS).evaluate(tokensBatch(inputs, [0, 1, 2, 3, -1, 5]), { loss }))).code,
    ).toBe('INVALID_DATA');
  });

  test('a loss that there is not, or with settings that cannot work', async () => {
    const batch = tokensBatch([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5]);
    for (const [loss, path] of [
      ['hinge', 'loss'],
      [{ kind: 'crossEntropy', labelSmoothing: 1.5 }, 'loss.labelSmoothing'],
      [{ kind: 'crossEntropy', classWeights: [1, 1, -1, 1, 1, 1] }, 'loss.classWeights[2]'],
    ] as const) {
      const error = await rejected(() => build(TOKENS).evaluate(batch, { loss: loss as 'crossEntropy' }));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe(path);
    }
  });

  test('passes of no step or no row', () => {
    const model = build(VALUES);
    for (const [path, steps, batchSize] of [
      ['steps', 0, 2],
      ['steps', 1.5, 2],
      ['batchSize', 3, 0],
      ['batchSize', 3, Number.NaN],
    ] as const) {
      expect(
        problemOf(
          thrown(() => model.tape({ steps, batchSize })),
          'INVALID_SETTING',
        ).path,
      ).toBe(path);
    }
  });

  test('inputs that are no whole number of steps', async () => {
    const error = await rejected(() => build(VALUES).predict([1, 2, 3, 4]));
    expect(problemOf(error, 'INVALID_SETTING').path).toContain('steps');
    expect((await rejected(() => build(VALUES).predict([]))).code).toBe('INVALID_SETTING');
  });
});

describe('after dispose()', () => {
  test('every use says so, and disposing again is no error', async () => {
    const model = build(VALUES);
    const batch: Batch = { steps: 2, batchSize: 1, inputs: new Float64Array(6), targets: new Float64Array(4) };
    model.dispose();
    model.dispose();
    for (const use of [
      async () => model.gradients(batch),
      async () => model.evaluate(batch),
      async () => model.predict([1, 2, 3]),
      async () => model.tape({ steps: 1, batchSize: 1 }),
      async () => model.stream(),
    ]) {
      expect(problemOf(await rejected(use), 'DISPOSED').what).toBe('The model');
    }
  });

  test('the memory is given back once', () => {
    const k = createReference('float64');
    const freed: unknown[] = [];
    const model = buildModel({ ...k, free: (m) => void freed.push(m) }, VALUES);
    const { matrix } = model.parameters;
    model.dispose();
    model.dispose();
    expect(freed).toEqual([matrix]);
  });

  test('a tape gives back all that it allocated', async () => {
    for (const gradients of [true, false]) {
      for (const spec of [VALUES, TOKENS]) {
        const k = createReference('float64');
        const live = new Set<unknown>();
        const counting = {
          ...k,
          alloc: (rows: number, cols: number) => {
            const m = k.alloc(rows, cols);
            live.add(m);
            return m;
          },
          allocPacked: (rows: number, cols: number) => {
            const m = k.allocPacked(rows, cols);
            live.add(m);
            return m;
          },
          free: (m: Parameters<typeof k.free>[0]) => {
            expect(live.delete(m)).toBe(true); // neither a view nor something that was freed before
          },
        };
        const model = buildModel(counting, spec);
        const before = live.size;
        const tape = model.tape({ steps: 3, batchSize: 2 }, { gradients });
        tape.forward(model.parameters, new Int32Array(spec === TOKENS ? 6 : 18));
        tape.measure('meanSquaredError', new Float64Array(6 * model.outputSize));
        tape.measure('binaryCrossEntropy', new Float64Array(6 * model.outputSize));
        expect(live.size).toBeGreaterThan(before);
        tape.free();
        expect(live.size).toBe(before);
      }
    }
  });
});

describe('predicting', () => {
  const [T, N] = [7, 3];
  const random = testRandom(9);
  const inputs = random.normals(T * N * 3);

  test.each<Precision>(['float64', 'float32'])(
    'stream() step by step is predict() on the whole sequence (%s)',
    async (p) => {
      const model = build(VALUES, p);
      const { output } = await model.predict(inputs, { batchSize: N });
      expect(output.shape).toEqual([T, N, 2]);
      const stream = model.stream(N);
      const steps: number[] = [];
      for (let t = 0; t < T; t++) steps.push(...(await stream.step(inputs.slice(t * N * 3, (t + 1) * N * 3))));
      expectClose('output', steps, flat(output), p === 'float64' ? 1e-13 : 1e-6);
      stream.reset();
      expectSameBits(await stream.step(inputs.slice(0, N * 3)), steps.slice(0, N * 2));
      stream.dispose();
    },
  );

  test('what a stream gives is a copy', async () => {
    const stream = build(VALUES).stream();
    const first = await stream.step([1, 2, 3]);
    const kept = [...first];
    await stream.step([3, 2, 1]);
    expect([...first]).toEqual(kept);
  });

  test('a stream that is reset reads the weights anew', async () => {
    const model = build(VALUES);
    const stream = model.stream();
    await stream.step([1, 2, 3]);
    for (const { name, size } of model.parameters.layout.entries)
      model.parameters.set(name, new Float64Array(size).fill(0.1));
    stream.reset();
    await stream.step([1, 2, 3]);
    const second = await stream.step([3, 2, 1]);
    const { output } = await model.predict([1, 2, 3, 3, 2, 1]);
    expectClose('output', second, flat(output).slice(2), 1e-13);
  });

  test('predict goes on from a tape', async () => {
    const model = build(VALUES);
    const whole = await model.predict(inputs, { batchSize: N });
    const first = await model.predict(inputs.slice(0, 3 * N * 3), { batchSize: N });
    const second = await model.predict(inputs.slice(3 * N * 3), { batchSize: N, from: first.tape });
    expect(second.output.shape).toEqual([4, N, 2]);
    expectClose('output', [...flat(first.output), ...flat(second.output)], flat(whole.output), 1e-13);
    const fresh = await model.predict(inputs.slice(3 * N * 3), { batchSize: N });
    expect(flat(fresh.output)).not.toEqual(flat(second.output));
  });

  test("after `returns: 'last'` there is one output a sequence: that of the last step", async () => {
    const layers = (returns: 'all' | 'last'): ModelSpec => ({
      inputSize: 3,
      layers: [lstm(4), lstm(5, { returns }), { kind: 'linear', size: 2 }],
    });
    const [all, last] = [build(layers('all')), build(layers('last'))];
    const { output } = await last.predict(inputs, { batchSize: N });
    expect(output.shape).toEqual([1, N, 2]);
    expectClose(
      'output',
      flat(output),
      flat((await all.predict(inputs, { batchSize: N })).output).slice(-N * 2),
      1e-13,
    );
  });

  test('gradients() and evaluate() measure the same; the default loss depends on the targets', async () => {
    const model = build(TOKENS);
    const batch: Batch = { steps: 2, batchSize: 3, inputs: random.integers(6, 6), targets: random.integers(6, 6) };
    const { loss, tape } = await model.evaluate(batch);
    expect((await model.gradients(batch)).loss).toBe(loss);
    expect(tape.loss!.spec.kind).toBe('crossEntropy');
    expect(defaultLoss({ targets: [0.5] })).toBe('meanSquaredError');
  });
});

describe('the tape is open', () => {
  const [T, N] = [4, 2];
  const batch: Batch = {
    steps: T,
    batchSize: N,
    inputs: testRandom(2).normals(T * N * 3),
    targets: testRandom(3).normals(T * N * 2),
  };

  test('its views are the live memory: what is written there is what the engine reads', () => {
    const model = build(VALUES);
    const tape = model.tape({ steps: T, batchSize: N });
    tape.forward(model.parameters, batch.inputs);
    const { h, gates } = tape.steps[2]!;
    const before = flat(h);
    const output = flat(tape.output);
    model.parameters.get('lstm.bias_ih_l0').set(1, 3);
    tape.forward(model.parameters, batch.inputs);
    expect(flat(h)).not.toEqual(before);
    expect(flat(tape.output)).not.toEqual(output);
    h.set(1, 3, 42);
    expect(tape.steps[2]!.h.get(1, 3)).toBe(42);
    expect(tape.steps[3]!.before.h.get(1, 3)).toBe(42);
    gates.f.set(0, 1, -7);
    expect(tape.lstm(0).step(2).gates.f.get(0, 1)).toBe(-7);
    expect(tape.lstm(0).step(2).gates.i.get(0, 1)).not.toBe(-7);
  });

  test('gradients are live, too', async () => {
    const model = build(VALUES);
    const { gradients, tape } = await model.gradients(batch);
    const view = gradients.get('head.bias');
    expect(Math.abs(view.get(0))).toBeGreaterThan(0);
    gradients.clear();
    expect(flat(view)).toEqual([0, 0]);
    expect(tape.inputGrad!.shape).toEqual([T, N, 3]);
    expect(Math.hypot(...flat(tape.inputGrad!))).toBeGreaterThan(0);
  });

  test('steps link up: what step t starts from is what step t-1 left; x is the layer below', async () => {
    const model = build(VALUES);
    const { tape } = await model.gradients(batch);
    expect(tape.lstms).toHaveLength(2);
    for (let t = 0; t < T; t++) {
      const [low, high] = [tape.lstm(0).step(t), tape.lstm(1).step(t)];
      expect(low.t).toBe(t);
      expect(flat(low.x)).toEqual(Array.from(batch.inputs).slice(t * N * 3, (t + 1) * N * 3));
      expect(flat(high.x)).toEqual(flat(low.h));
      expect(flat(low.before.c)).toEqual(t === 0 ? new Array(N * 4).fill(0) : flat(tape.steps[t - 1]!.c));
      if (t > 0) expect(flat(high.grad.before.h)).toEqual(flat(tape.lstm(1).step(t - 1).grad.h));
    }
  });

  test('a backward pass over a tape without room for it says so', async () => {
    for (const layers of [VALUES.layers, VALUES.layers.slice(0, 2)]) {
      const model = build({ ...VALUES, layers });
      const tape = model.tape(batch, { gradients: false });
      const targets = new Float64Array(T * N * model.outputSize);
      const error = await rejected(() => model.gradients({ ...batch, targets }, { tape }));
      expect(problemOf(error, 'INVALID_SETTING').path).toBe('tape');
    }
  });

  test('a tape without gradients says so', () => {
    const model = build(VALUES);
    const tape = model.tape({ steps: T, batchSize: N }, { gradients: false });
    tape.forward(model.parameters, batch.inputs);
    expect(
      problemOf(
        thrown(() => tape.steps[0]!.grad),
        'INVALID_SETTING',
      ).path,
    ).toBe('grad');
    expect(tape.inputGrad).toBeNull();
    expect(tape.lstm(0).initialStateGrad()).toBeNull();
  });

  test('inputGradient: false leaves only that one out', async () => {
    const model = build(VALUES);
    const tape = model.tape(batch, { inputGradient: false });
    const { gradients } = await model.gradients(batch, { tape });
    expect(tape.inputGrad).toBeNull();
    const whole = await model.gradients(batch);
    for (const { name } of gradients.layout.entries) {
      expectSameBits(flat(gradients.get(name)), flat(whole.gradients.get(name)));
    }
  });

  test.each([-1, 2, 0.5])('there is no LSTM layer %d', (index) => {
    const tape = build(VALUES).tape({ steps: T, batchSize: N });
    const error = thrown(() => tape.lstm(index));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(`lstm(${index})`);
    expect(error.message).toContain('2 LSTMs');
  });

  test.each([-1, 4, 1.5, Number.NaN])('there is no step %d', (t) => {
    const tape = build(VALUES).tape({ steps: T, batchSize: N });
    const error = thrown(() => tape.lstm(1).step(t));
    expect(problemOf(error, 'INVALID_SETTING').path).toBe(`step(${t})`);
    expect(error.message).toContain('lstm_l1 has steps 0 to 3');
  });

  test('a tape is used again without a trace of the pass before', async () => {
    const model = build(VALUES);
    const tape = model.tape(batch);
    const other = { ...batch, inputs: testRandom(8).normals(T * N * 3) };
    await model.gradients(other, { tape });
    const again = await model.gradients(batch, { tape });
    const fresh = await model.gradients(batch);
    expect(again.loss).toBe(fresh.loss);
    const read = (m: typeof again): Promise<FloatArray> => model.kernels.download(m.gradients.matrix);
    expectSameBits(await read(again), await read(fresh));
    expectSameBits(flat(tape.inputGrad!), flat(fresh.tape.inputGrad!));
  });

  test('another loss on the same tape is another loss', async () => {
    const model = build(VALUES);
    const tape = model.tape(batch);
    const bits = { ...batch, targets: Array.from(batch.targets, (v) => (v > 0 ? 1 : 0)) };
    const first = await model.gradients(bits, { tape, loss: 'meanSquaredError' });
    const second = await model.gradients(bits, { tape, loss: 'binaryCrossEntropy' });
    expect(second.loss).not.toBe(first.loss);
    expect(second.loss).toBe((await model.gradients(bits, { loss: 'binaryCrossEntropy' })).loss);
    expect((await model.gradients(bits, { tape, loss: { kind: 'meanSquaredError' } })).loss).toBe(first.loss);
  });
});

describe('sampleToken', () => {
  const logits = [0.3, -1, 2, 1.2, 0, -0.5];

  test('temperature 0 takes the likeliest, of equals the first', () => {
    const rng = createRng(1, 'draw');
    for (let n = 0; n < 20; n++) {
      expect(sampleToken(logits, rng, { temperature: 0 })).toBe(2);
      expect(sampleToken([1, 5, 5, 2], rng, { temperature: 0 })).toBe(1);
    }
  });

  test.each([
    [1, undefined],
    [0.5, undefined],
    [2, undefined],
    [1, 3],
    [1.5, 1],
  ])('temperature %d, topK %p: as often as softmax says', (temperature, topK) => {
    const draws = 20_000;
    const rng = createRng(11, 'draw');
    const seen = new Array<number>(logits.length).fill(0);
    const options = { temperature, ...(topK === undefined ? {} : { topK }) };
    for (let n = 0; n < draws; n++) seen[sampleToken(logits, rng, options)]!++;
    const kept = [2, 3, 0, 4, 5, 1].slice(0, topK);
    const weights = logits.map((z, i) => (kept.includes(i) ? Math.exp(z / temperature) : 0));
    const total = weights.reduce((a, b) => a + b, 0);
    seen.forEach((count, i) => {
      const p = weights[i]! / total;
      if (p === 0) expect(count).toBe(0);
      // Five standard deviations of a binomial count: a right sampler stays within for all but one seed in 10^6.
      else expect(Math.abs(count - p * draws)).toBeLessThanOrEqual(5 * Math.sqrt(draws * p * (1 - p)));
    });
  });

  test('huge logits do not overflow, and minus infinity is never drawn', () => {
    const rng = createRng(2, 'draw');
    const drawn = new Set<number>();
    for (let n = 0; n < 300; n++) drawn.add(sampleToken([1e5, 1e5 + 1, Number.NEGATIVE_INFINITY, 1e5 - 1], rng));
    expect([...drawn].sort()).toEqual([0, 1, 3]);
  });

  test('settings that cannot work', () => {
    const rng = createRng(1, 'draw');
    for (const [path, options] of [
      ['temperature', { temperature: -1 }],
      ['temperature', { temperature: Number.NaN }],
      ['topK', { topK: 0 }],
      ['topK', { topK: 1.5 }],
    ] as const) {
      expect(
        problemOf(
          thrown(() => sampleToken(logits, rng, options)),
          'INVALID_SETTING',
        ).path,
      ).toBe(path);
    }
  });
});

describe('generate', () => {
  const take = async (model: Model, prompt: readonly number[], count: number, seed: number, temperature = 1) => {
    const out: number[] = [];
    for await (const token of generate(model, prompt, createRng(seed, 'text'), { temperature })) {
      if (out.push(token) === count) break;
    }
    return out;
  };

  test('reads the prompt, then feeds back what it draws', async () => {
    const model = build({
      ...TOKENS,
      layers: TOKENS.layers.map((l) => (l.kind === 'linear' ? { ...l, init: { weight: 'normal' } } : l)),
    });
    const text = await take(model, [1, 4, 2], 6, 1, 0);
    const sequence = [1, 4, 2];
    for (let n = 0; n < 6; n++) {
      const { output } = await model.predict(sequence);
      const row = flat(output).slice(-6);
      sequence.push(row.indexOf(Math.max(...row)));
    }
    expect(text).toEqual(sequence.slice(3));
  });

  test('the same seed gives the same text', async () => {
    const model = build(TOKENS);
    expect(await take(model, [0], 30, 5)).toEqual(await take(model, [0], 30, 5));
    expect(await take(model, [0], 30, 5)).not.toEqual(await take(model, [0], 30, 6));
  });

  test('needs a prompt, and a model from tokens to the same tokens', async () => {
    expect((await rejected(() => take(build(TOKENS), [], 1, 1))).code).toBe('INVALID_DATA');
    expect((await rejected(() => take(build(VALUES), [1], 1, 1))).code).toBe('INVALID_SETTING');
    const other: ModelSpec = { layers: [...TOKENS.layers.slice(0, 3), { kind: 'linear', size: 5 }] };
    expect((await rejected(() => take(build(other), [1], 1, 1))).code).toBe('INVALID_SETTING');
    expect(problemOf(await rejected(() => take(build(TOKENS), [7], 1, 1)), 'INVALID_DATA').what).toBe('token 0');
  });
});

describe('random numbers', () => {
  test('a saved generator goes on exactly where it was', () => {
    const rng = createRng(3, 'x');
    for (let n = 0; n < 10; n++) rng.normal();
    const state = JSON.parse(JSON.stringify(rng.state())) as object;
    const expected = [rng.uniform(), rng.normal(), rng.integer(1000), rng.uniform()];
    const again = restoreRng(state);
    expect([again.uniform(), again.normal(), again.integer(1000), again.uniform()]).toEqual(expected);
  });

  test('another purpose is another stream', () => {
    expect(createRng(3, 'x').uniform()).not.toBe(createRng(3, 'y').uniform());
    expect(createRng(3, 'x').uniform()).toBe(createRng(3, 'x').uniform());
  });

  test('uniform, normal and whole numbers are spread as they should be', () => {
    const rng = createRng(1, 'spread');
    const n = 20_000;
    const normal = Array.from({ length: n }, () => rng.normal());
    expect(Math.abs(normal.reduce((a, b) => a + b, 0) / n)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(normal.reduce((a, b) => a + b * b, 0) / n - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) counts[rng.integer(7)]!++;
    for (const count of counts) expect(Math.abs(count - n / 7)).toBeLessThan(5 * Math.sqrt(n / 7));
    expect(counts.reduce((a, b) => a + b, 0)).toBe(n);
  });
});
