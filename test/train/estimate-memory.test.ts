/** estimateMemory equals what a training allocates on each backend, to the byte. */
import { describe, expect, test } from '@jest/globals';
import type { Kernels } from '../../src/contract/kernels.js';
import type { LossChoice } from '../../src/core/losses.js';
import type { Batch, Model } from '../../src/core/model.js';
import type { LstmSpec, ModelSpec } from '../../src/core/spec.js';
import { estimateMemory } from '../../src/create.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { createWasm } from '../../src/kernels/wasm/index.js';
import { adam } from '../../src/optim/adam.js';
import { createOptimizer, OPTIMIZERS } from '../../src/optim/index.js';
import { sgd } from '../../src/optim/sgd.js';
import { estimateMemoryOn, type MemoryOptions } from '../../src/train/estimate-memory.js';
import { type FitOptions, fit } from '../../src/train/trainer.js';
import { BACKENDS, threadedWasm } from '../support/backends.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const lstm = (hiddenSize: number, more: Partial<LstmSpec> = {}): LstmSpec => ({ kind: 'lstm', hiddenSize, ...more });

/** Sizes that are not multiples of tiles, panels or cache lines, and every kind of layer. */
const SPECS: Record<string, ModelSpec> = {
  tokens: {
    layers: [
      { kind: 'embedding', size: 11, width: 13 },
      lstm(5),
      lstm(9, { bias: false }),
      { kind: 'linear', size: 11 },
    ],
  },
  'values, last step': { inputSize: 3, layers: [lstm(7, { returns: 'last' }), { kind: 'linear', size: 5 }] },
  'every other cell': {
    inputSize: 6,
    layers: [
      lstm(5, { cell: { peepholes: true, gates: 'coupled' }, direction: 'bidirectional', initialState: 'learned' }),
      lstm(9, { cell: { layerNorm: true }, projectionSize: 3, zoneout: 0.1, direction: 'reverse' }),
      lstm(4, { cell: { gateRecurrence: true }, recurrentDropout: 0.2, dropConnect: 0.1 }),
      { kind: 'linear', size: 2 },
    ],
  },
  'all layers': {
    layers: [
      { kind: 'embedding', size: 7, width: 5, dropout: 0.1 },
      { kind: 'dropout', rate: 0.2, shared: 'steps' },
      lstm(6),
      { kind: 'activity', alpha: 1, beta: 1 },
      lstm(3, { returns: 'last' }),
      { kind: 'repeat', steps: 4 },
      lstm(5),
      { kind: 'linear', size: 5 },
      { kind: 'linear', size: 7, tied: 'embedding' },
    ],
  },
};

const [STEPS, ROWS] = [5, 3];

function batchFor(model: Model, classes: boolean): Batch {
  const { spec } = model;
  const tape = buildModel(createReference('float32'), spec).tape({ steps: STEPS, batchSize: ROWS });
  const { rows, cols } = tape.layers.at(-1)!.y;
  const count = STEPS * ROWS;
  return {
    steps: STEPS,
    batchSize: ROWS,
    inputs: spec.inputSize === undefined ? new Int32Array(count) : new Float32Array(count * spec.inputSize),
    targets: classes ? new Int32Array(rows) : new Float32Array(rows * cols),
  };
}

/** The bytes that a backend has allocated in a training of some updates. */
async function inUse(
  k: Kernels,
  spec: ModelSpec,
  loss: LossChoice,
  options: Partial<FitOptions> = {},
): Promise<number> {
  const model = buildModel(k, spec);
  const batch = batchFor(model, loss !== 'meanSquaredError');
  const train = { stateful: false, length: 8, batch: () => batch };
  const data = options.earlyStopping ? { train, validation: { ...train, length: 1 } } : { train };
  let bytes = 0;
  for await (const { kind } of fit(model, data, { optimizer: adam(), loss, ...options })) {
    if (kind === 'update') bytes = k.memory.inUse();
  }
  return bytes;
}

describe.each(Object.entries(SPECS))('%s', (_, spec) => {
  test.each(BACKENDS)('$name in $precision: the estimate equals the allocated bytes', async ({ create }) => {
    for (const loss of ['crossEntropy', 'meanSquaredError'] as const) {
      const k = await create();
      const need = await estimateMemoryOn(k, spec, { steps: STEPS, batchSize: ROWS }, { optimizer: adam(), loss });
      const { parameters, gradients, optimizer, tape, working, total } = need;
      expect(parameters + gradients + optimizer + tape + working).toBe(total);
      expect(await inUse(k, spec, loss)).toBe(total);
    }
  });

  test('`step` is the difference between tapes of n and n + 1 steps', async () => {
    const k = createReference('float32');
    const tape = (steps: number) => estimateMemoryOn(k, spec, { steps, batchSize: ROWS });
    const [one, two, seven, eight] = [await tape(1), await tape(2), await tape(7), await tape(8)];
    expect(eight.step).toBe(eight.tape - seven.tape);
    expect(one.step).toBe(two.tape - one.tape);
    expect(eight.step).toBeGreaterThan(0);
  });

  test('a forward pass allocates parameters and a smaller tape', async () => {
    const k = createReference('float64');
    const options: MemoryOptions = { gradients: false, loss: null };
    const need = await estimateMemoryOn(k, spec, { steps: STEPS, batchSize: ROWS }, options);
    expect([need.gradients, need.optimizer]).toEqual([0, 0]);
    const model = buildModel(k, spec);
    await model.predict(batchFor(model, true).inputs, { batchSize: ROWS });
    expect(k.memory.inUse()).toBe(need.total);
  });
});

test.each(Object.keys(OPTIMIZERS))('%s: state and scratch buffers are counted', async (kind) => {
  const spec = SPECS['values, last step']!;
  const optimizer = createOptimizer({ kind, learningRate: 0.01 });
  const k = await createWasm('simd');
  const need = await estimateMemoryOn(k, spec, { steps: STEPS, batchSize: ROWS }, { optimizer });
  expect(need.optimizer).toBeGreaterThanOrEqual(optimizer.state.length * need.parameters);
  expect(await inUse(k, spec, 'crossEntropy', { optimizer })).toBe(need.total);
});

describe('losses', () => {
  const spec: ModelSpec = { inputSize: 3, layers: [lstm(5), { kind: 'linear', size: 6 }] };
  const count = STEPS * ROWS;
  const inputs = new Float32Array(count * 3);
  const shape = { steps: STEPS, batchSize: ROWS };
  test.each<[LossChoice, targets: number]>([
    ['meanAbsoluteError', 6],
    [{ kind: 'huber', delta: 2 }, 6],
    [{ kind: 'quantile', quantiles: [0.1, 0.5, 0.9] }, 2],
    ['binaryCrossEntropy', 6],
    ['gaussian', 3],
    ['crossEntropy', 1],
    [{ kind: 'crossEntropy', classWeights: [1, 2, 3, 4, 5, 6] }, 1],
  ])('%j: plain, with weights, and with sequences of different lengths', async (loss, width) => {
    const batch: Batch = { ...shape, inputs, targets: new Float32Array(count * width) };
    const kinds: readonly (readonly [Batch, MemoryOptions])[] = [
      [batch, {}],
      [{ ...batch, weights: new Float32Array(count).fill(1) }, { weights: true }],
      [{ ...batch, lengths: [5, 3, 1] }, { lengths: true }],
    ];
    for (const [own, options] of kinds) {
      const wasm = await createWasm('simd');
      const k = { ...wasm, partialRows: { ...wasm.partialRows!, minimum: 0 } }; // leaves out rows of small models, too
      const need = await estimateMemoryOn(k, spec, shape, { inputGradient: true, loss, ...options });
      const model = buildModel(k, spec);
      if (own.lengths) {
        // The estimate is that of any lengths, and sequences of all steps need the largest workspace.
        const longest = await model.gradients({ ...own, lengths: [5, 5, 5] }, { loss });
        longest.gradients.free();
        longest.tape.free();
      }
      const { gradients } = await model.gradients(own, { loss });
      k.clipNorm(k.alloc(1, 1), gradients.matrix, 1);
      expect(k.memory.inUse()).toBe(need.total);
    }
  });

  test('ctc: the loss and its gradient are counted', async () => {
    const k = await createWasm('simd');
    const need = await estimateMemoryOn(k, spec, shape, { inputGradient: true, loss: 'ctc' });
    await buildModel(k, spec).gradients({ ...shape, inputs, targets: [1, 2, 3, -1, 5, 4] }, { loss: 'ctc' });
    k.alloc(1, 1); // the norm of the gradients
    expect(k.memory.inUse()).toBe(need.total);
  });
});

test.each<{ kept: string; copies: number; options: Partial<FitOptions> }>([
  { kept: 'nothing', copies: 0, options: { earlyStopping: { patience: 9, restoreBest: false } } },
  { kept: 'the best weights', copies: 1, options: { earlyStopping: { patience: 9 } } },
  { kept: 'the average', copies: 1, options: { average: { kind: 'ema', decay: 0.5 } } },
  {
    kept: 'the best weights and the average',
    copies: 2,
    options: { earlyStopping: { patience: 9 }, average: { kind: 'polyak' } },
  },
])('$copies copies of the weights are counted: $kept', async ({ copies, options }) => {
  const spec = SPECS.tokens!;
  const k = await createWasm('simd'); // it frees immediately what the validation has used
  const shape = { steps: STEPS, batchSize: ROWS };
  const need = await estimateMemoryOn(k, spec, shape, { optimizer: adam(), ...options });
  expect(need.optimizer).toBe((2 + copies) * need.parameters);
  expect(await inUse(k, spec, 'crossEntropy', options)).toBe(need.total);
});

test('class weights and the memory of two threads are counted', async () => {
  const spec = SPECS.tokens!;
  const loss: LossChoice = { kind: 'crossEntropy', classWeights: new Array(11).fill(0.5) };
  const k = await threadedWasm('simd', 2);
  const need = await estimateMemoryOn(k, spec, { steps: STEPS, batchSize: ROWS }, { optimizer: adam(), loss });
  expect(await inUse(k, spec, loss)).toBe(need.total);
  k.dispose();
});

test('without a backend, the estimate depends on backend, precision and optimizer', async () => {
  const spec = SPECS.tokens!;
  const shape = { steps: STEPS, batchSize: ROWS };
  const plain = { backend: 'reference' } as const;
  const need = await estimateMemory(spec, shape, { ...plain, optimizer: adam() });
  expect(need).toEqual(await estimateMemoryOn(createReference('float32'), spec, shape, { optimizer: adam() }));
  expect(need.optimizer).toBe(2 * need.parameters);
  const more = { average: { kind: 'ema', decay: 0.9 }, earlyStopping: { patience: 1 } } as const;
  expect((await estimateMemory(spec, shape, { ...plain, optimizer: adam(), ...more })).optimizer).toBe(
    4 * need.parameters,
  );
  const momentum = await estimateMemory(spec, shape, { ...plain, optimizer: sgd({ learningRate: 1, momentum: 0.9 }) });
  expect(momentum.optimizer).toBe(need.parameters);
  expect((await estimateMemory(spec, shape, plain)).optimizer).toBe(0);
  const double = await estimateMemory(spec, shape, { ...plain, precision: 'float64', optimizer: adam() });
  expect(double.total).toBe(2 * need.total);
});

test('beyond the limit it throws OUT_OF_MEMORY quickly, for any shape', async () => {
  const spec: ModelSpec = { inputSize: 2, layers: [lstm(1 << 20)] };
  const error = await rejected(() =>
    estimateMemoryOn(createReference('float32'), spec, { steps: 1 << 20, batchSize: 100 }, { limit: 2 ** 34 }),
  );
  const { bytes, capacity } = problemOf(error, 'OUT_OF_MEMORY');
  expect(bytes).toBeGreaterThan(2 ** 34);
  expect(capacity).toBe(2 ** 34);
  const { total } = await estimateMemoryOn(createReference('float32'), spec, { steps: 2, batchSize: 1 });
  expect(total).toBeGreaterThan(2 ** 42); // no limit: any size is estimated
});

test.each([[[Symbol('s')]], ['1 GB'], [Number.NaN], [-1], [null]])(
  'a limit that is not a number of bytes: %p',
  async (limit) => {
    const options = { limit: limit as number };
    const spec = { inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 3 }] } as const;
    const error = await rejected(() =>
      estimateMemoryOn(createReference('float32'), spec, { steps: 3, batchSize: 2 }, options),
    );
    expect(problemOf(error, 'INVALID_SETTING').path).toBe('options.limit');
  },
);
