/** What is refused as a batch source, by every call that takes one. */
import { describe, expect, test } from '@jest/globals';
import { describeSource } from '../../src/data/description.js';
import { type BatchSource, copyOfSource } from '../../src/data/source.js';
import { createReference } from '../../src/kernels/reference/index.js';
import { adam } from '../../src/optim/adam.js';
import { evaluate } from '../../src/train/evaluate.js';
import { fit } from '../../src/train/trainer.js';
import { rejected, thrown } from '../support/errors.js';
import { buildModel } from '../support/model.js';

const batch = { steps: 1, batchSize: 2, inputs: [1, 2], targets: [1, 2] };
const valid = { stateful: false, length: 2, batch: () => batch };

const model = () =>
  buildModel(createReference('float32'), {
    inputSize: 1,
    layers: [
      { kind: 'lstm', hiddenSize: 2 },
      { kind: 'linear', size: 1 },
    ],
  });

const trained = async (data: { train: BatchSource; validation?: BatchSource }) => {
  for await (const _ of fit(model(), data, { optimizer: adam() }));
};

const cases: readonly (readonly [name: string, source: unknown, code: string, text: string])[] = [
  ...[0, undefined, null, Number.NaN, -1, 1.5, '3', 2 ** 53].map(
    (length) =>
      [`length ${length}`, { ...valid, length }, 'INVALID_DATA', 'length must be the number of batches'] as const,
  ),
  ['a list of batches', [batch], 'INVALID_DATA', 'length: list.length'],
  ['a single batch', batch, 'INVALID_DATA', 'must be a batch source'],
  ['nothing', undefined, 'INVALID_DATA', 'must be a batch source'],
  ['no batch()', { ...valid, batch: [batch] }, 'INVALID_DATA', 'must be a batch source'],
  ['a class as batch()', { ...valid, batch: class Batch {} }, 'INVALID_DATA', 'must be a batch source'],
  ['stateful: 1', { ...valid, stateful: 1 }, 'INVALID_DATA', 'stateful must be true or false, got 1'],
  ['shuffled: true', { ...valid, shuffled: true }, 'INVALID_DATA', 'shuffled must be a function'],
  ['shuffle', { ...valid, shuffle: () => valid }, 'INVALID_SETTING', 'Did you mean "shuffled"?'],
];

const batches: readonly (readonly [name: string, made: unknown, code: string, text: string])[] = [
  ['nothing', undefined, 'INVALID_DATA', '.batch(0) must be a batch'],
  ['a list', [batch], 'INVALID_DATA', '.batch(0) must be a batch'],
  ['a promise', Promise.resolve(batch), 'INVALID_DATA', 'got a promise'],
  ['mask', { ...batch, mask: [1, 0] }, 'INVALID_SETTING', 'Did you mean "weights"?'],
  ['no steps', { ...batch, steps: undefined }, 'INVALID_SETTING', 'steps must be an integer'],
  ['no targets', { ...batch, targets: undefined }, 'INVALID_DATA', 'targets of batch 0 must be an array'],
  ['weights of null', { ...batch, weights: null }, 'INVALID_DATA', 'weights of batch 0 must be an array'],
];

describe('as training data, validation data, and in evaluate', () => {
  test.each(cases)('%s', async (_, source, code, text) => {
    const given = source as BatchSource;
    const errors = [
      await rejected(() => trained({ train: given })),
      await rejected(() => evaluate(model(), given)),
      thrown(() => describeSource(given)),
      ...(given ? [await rejected(() => trained({ train: valid, validation: given }))] : []),
    ];
    for (const error of errors) {
      expect(error.code).toBe(code);
      expect(error.message).toContain(text);
    }
  });

  test.each(batches)('batch() that returns %s', async (_, made, code, text) => {
    const source = { ...valid, batch: () => made as typeof batch };
    for (const error of [
      await rejected(() => trained({ train: source })),
      await rejected(() => evaluate(model(), source)),
      await rejected(() => trained({ train: valid, validation: source })),
    ]) {
      expect(error.code).toBe(code);
      expect(error.message).toContain(text);
    }
  });

  test('a result of shuffled() without batches', async () => {
    const error = await rejected(() => trained({ train: { ...valid, shuffled: () => ({ ...valid, length: 0 }) } }));
    expect(error.message).toContain('train.shuffled().length must be the number of batches');
  });

  test('endless data to evaluate or to validate on', async () => {
    const endless = { ...valid, length: Number.POSITIVE_INFINITY };
    expect((await rejected(() => evaluate(model(), endless))).message).toContain('Only training data may be endless');
    expect((await rejected(() => trained({ train: valid, validation: endless }))).code).toBe('INVALID_DATA');
  });
});

test('a copy is not changed by later changes, and a class may have properties of other names', () => {
  class Counted {
    readonly stateful = false;
    length = 2;
    name = 'mine';
    batch(index: number) {
      return { ...batch, inputs: [index, this.length] };
    }
  }
  const given = new Counted();
  const copy = copyOfSource('data', given, false);
  given.batch = () => batch;
  given.length = 3;
  expect(copy.length).toBe(2);
  expect(copy.batch(1).inputs).toEqual([1, 3]); // its methods are those it had, on the object itself
});
