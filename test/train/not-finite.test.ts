/** NaN and infinity end a training with an error that names the first bad tensor; the weights stay valid. */
import { describe, expect, test } from '@jest/globals';
import type { Model } from '../../src/core/model.js';
import type { ModelSpec } from '../../src/core/spec.js';
import type { BatchSource } from '../../src/data/source.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { sgd } from '../../src/optim/sgd.js';
import { type FitOptions, fit } from '../../src/train/trainer.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, rejected } from '../support/errors.js';
import { buildModel } from '../support/model.js';
import { testRandom } from '../support/random.js';
import { collect, data, newModel, twoLayers, values } from './fit-support.js';

describe('a number that is not finite', () => {
  const VALUES: ModelSpec = {
    inputSize: 3,
    layers: [
      { kind: 'lstm', hiddenSize: 4 },
      { kind: 'linear', size: 2 },
    ],
  };
  /** Three batches of values; `spoil` may change a number of the inputs or targets. */
  const source = (spoil: (batch: { inputs: number[]; targets: number[] }, index: number) => void): BatchSource => {
    const random = testRandom(4);
    const batches = [0, 1, 2].map((i) => {
      const batch = { inputs: random.normals(5 * 2 * 3), targets: random.normals(5 * 2 * 2) };
      spoil(batch, i);
      return { steps: 5, batchSize: 2, ...batch };
    });
    return { stateful: false, length: 3, batch: (i) => batches[i]! };
  };
  const valid = source(() => {});

  /** Trains until it throws, and expects the parameters of the update before. */
  async function failure(model: Model, train: BatchSource, options: FitOptions) {
    let before = await values(model);
    const training = fit(model, { train }, options);
    const error = await rejected(async () => {
      for await (const event of training) if (event.kind === 'update') before = await values(model);
    });
    expectSameBits(await values(model), before);
    return { problem: problemOf(error, 'NOT_FINITE'), message: error.message };
  }

  test('a huge learning rate: the error names gate, time step and unit', async () => {
    const { train } = data();
    const options = { optimizer: adam({ learningRate: 1e200 }) };
    const { problem, message } = await failure(twoLayers('float64'), train, options);
    expect(problem).toMatchObject({ update: 2, tensor: 'input gate i of layer lstm', value: Number.NaN });
    expect(problem.where).toMatch(/^at time step 0, row \d, unit \d$/);
    expect(message).toMatch(/^update 2: input gate i .* became NaN at time step 0, .*Lower the learning rate/);
  });

  test('a learning rate of 1e30 in float32: the squared error overflows, and the error names the loss', async () => {
    const { problem } = await failure(newModel(VALUES, 'float32'), valid, { optimizer: sgd({ learningRate: 1e30 }) });
    expect(problem).toMatchObject({ update: 2, tensor: 'loss', value: Number.POSITIVE_INFINITY });
  });

  test('a NaN in a weight: the error names its row and column', async () => {
    const model = newModel(VALUES, 'float32');
    model.parameters.get('lstm.weight_hh_l0').set(9, 2, Number.NaN);
    const { problem, message } = await failure(model, valid, { optimizer: adam() });
    expect(problem).toMatchObject({ update: 1, tensor: 'parameter lstm.weight_hh_l0', where: 'at row 9, column 2' });
    expect(message).toContain('update 1: parameter lstm.weight_hh_l0 became NaN at row 9, column 2.');
  });

  test.each([
    [0, 'input gate i'],
    [1, 'forget gate f'],
    [2, 'candidate g'],
    [3, 'output gate o'],
  ])('gate %d: the error names the %s and the first bad time step', async (gate, name) => {
    const k = createReference('float64');
    let calls = 0;
    const model = buildModel(
      {
        ...k,
        lstmCell: (y, cPrev) => {
          k.lstmCell(y, cPrev);
          if (calls++ === 3) k.host(y.gates)![1 * 16 + gate * 4 + 2] = Number.NaN;
        },
      },
      VALUES,
    );
    // Set after c and h of the step are computed, so that this gate is the only bad number of the forward pass.
    const { problem } = await failure(model, valid, { optimizer: adam() });
    expect(problem.tensor).toBe(`${name} of layer lstm`);
    expect(problem.where).toBe('at time step 3, row 1, unit 2');
  });

  test.each([
    ['c', 'cell state c'],
    ['h', 'output h'],
  ] as const)('%s: the error names the %s and its time step', async (part, name) => {
    const k = createReference('float64');
    let calls = 0;
    const spoiling = {
      ...k,
      lstmCell: (y: Parameters<typeof k.lstmCell>[0], cPrev: Parameters<typeof k.lstmCell>[1]) => {
        k.lstmCell(y, cPrev);
        if (calls++ === 2) k.host(y[part])![1 * 4 + 3] = Number.POSITIVE_INFINITY;
      },
    };
    // tanh maps Infinity to 1, so the gates stay finite and only c is bad.
    const { problem } = await failure(buildModel(spoiling, VALUES), valid, { optimizer: adam() });
    expect(problem).toMatchObject({ tensor: `${name} of layer lstm`, value: Number.POSITIVE_INFINITY });
    expect(problem.where).toBe('at time step 2, row 1, column 3');
  });

  test.each([Number.POSITIVE_INFINITY, Number.NaN])('%d in the data: the error names its place', async (bad) => {
    const spoil = async (part: 'inputs' | 'targets', at: number) => {
      const spoiled = source((batch, i) => {
        if (i === 1) batch[part][at] = bad;
      });
      const training = fit(newModel(VALUES, 'float32'), { train: spoiled }, { optimizer: adam() });
      const error = await rejected(() => collect(training));
      expect((await training.checkpoint()).update).toBe(1);
      return problemOf(error, 'INVALID_DATA').what;
    };
    expect(await spoil('inputs', (3 * 2 + 1) * 3 + 2)).toBe('inputs[23] (step 3, sequence 1, column 2) of batch 1');
    expect(await spoil('targets', 5)).toBe('targets[5] (step 1, sequence 0, column 1) of batch 1');
  });

  test('a NaN in a gradient under a finite loss: the error names the gradient', async () => {
    const k = createReference('float64');
    const broken = {
      ...k,
      sumRows: (out: Parameters<typeof k.sumRows>[0], a: Parameters<typeof k.sumRows>[1]) => {
        k.sumRows(out, a);
        if (out.cols === 16) k.host(out)![13] = Number.NaN;
      },
    };
    const { problem } = await failure(buildModel(broken, VALUES), valid, { optimizer: adam(), clipNorm: 1 });
    expect(problem).toMatchObject({ update: 1, tensor: 'gradient of lstm.bias_ih_l0', value: Number.NaN });
  });

  test('the optimizer state is unchanged, too', async () => {
    const spoiled = source((batch, i) => {
      if (i === 2) batch.inputs[0] = Number.NaN;
    });
    const [bad, good] = [newModel(VALUES, 'float32'), newModel(VALUES, 'float32')];
    const training = fit(bad, { train: spoiled }, { optimizer: adam() });
    await rejected(() => collect(training));
    const short = fit(good, { train: valid }, { optimizer: adam(), maxUpdates: 2 });
    await collect(short);
    expect((await training.checkpoint()).optimizer).toEqual((await short.checkpoint()).optimizer);
    expect((await training.checkpoint()).update).toBe(2);
    expectSameBits(await values(bad), await values(good));
  });
});

test('a last update that overflows throws instead of ending the training', async () => {
  const model = buildModel(createReference('float32'), { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 2 }] });
  const batch = { steps: 3, batchSize: 2, inputs: [1, 2, 3, 4, 5, 6], targets: new Array(12).fill(1) };
  const train = { stateful: false, length: 1, batch: () => batch };
  const error = await rejected(async () => {
    for await (const _ of fit(model, { train }, { optimizer: sgd({ learningRate: 1e300 }) }));
  });
  expect(problemOf(error, 'NOT_FINITE')).toMatchObject({
    update: 1,
    tensor: expect.stringContaining('parameter lstm.'),
  });
});
