/** Files of Unspool 0.1 open, and a training that 0.1 began ends as 0.1 ended it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  type AverageSpec,
  createOptimizer,
  createSchedule,
  deserializeModel,
  evaluate,
  fit,
  type OptimizerSpec,
  parseModel,
  readSafetensors,
  type ScheduleSpec,
  serializeModel,
  tensorValues,
  textStreams,
  writeSafetensors,
} from '../../src/index.js';
import { expectSameBits } from '../support/arrays.js';
import { problemOf, thrown } from '../support/errors.js';

const folder = join(__dirname, '../fixtures/version-0.1');
const bytesOf = (name: string): Uint8Array => readFileSync(join(folder, `${name}.safetensors`));
const TEXT = readFileSync(join(folder, 'text.txt'), 'utf8');

/** The metadata of a file as 0.1 wrote it. */
const rawMetadata = (name: string): Record<string, string> =>
  Object.fromEntries(readSafetensors(bytesOf(name)).metadata);

const CHARACTERS = [...'\n abcdefhilmnopstw'];
const TEXT_SHA256 = '8dd3375719f584a10d72286aada69fe819cdbda006e717398c6f7c0553899c51';

const COMMON_SETTINGS = { hiddenSize: 4, embeddingSize: 3, steps: 6, batchSize: 2, epochs: 2, lr: 0.002, clipNorm: 1 };

const CHECKPOINT_SETTINGS = {
  ...COMMON_SETTINGS,
  ...{ layers: 2, dropout: 0.2, maxUpdates: 80, validationSplit: 0.15, seed: 3, precision: 'float32' },
  ...{ validateEvery: 7, checkpointEvery: 56, estimator: 'bptt', patience: 6, average: { kind: 'ema', decay: 0.8 } },
  optimizer: {
    kind: 'grouped',
    groups: [
      { match: '*.bias_*', optimizer: { kind: 'sgd', learningRate: 0.05, momentum: 0.9 } },
      { match: ['embedding.weight'], optimizer: null },
    ],
    rest: { kind: 'adam', learningRate: 0.03 },
  },
  schedule: { kind: 'reduceOnPlateau', factor: 0.5, patience: 1, threshold: 0.02 },
};

describe('a finished model', () => {
  test('has its spec and vocabulary, and its metadata under the names of today', async () => {
    const { spec, precision, vocabulary, metadata, training } = parseModel(bytesOf('model'));
    expect(spec).toEqual({
      seed: 5,
      layers: [
        { kind: 'embedding', size: 18, width: 3 },
        { kind: 'lstm', hiddenSize: 4 },
        { kind: 'linear', size: 18 },
      ],
    });
    expect([precision, training]).toEqual(['float32', null]);
    expect(vocabulary!.characters).toEqual(CHARACTERS);
    expect(metadata).toEqual({
      text: 'text.txt',
      textSha256: TEXT_SHA256,
      arithmetic: 'reference',
      updates: 84,
      validationLoss: 2.4689875096082687,
      validationBitsPerCharacter: 3.561996036128641,
      settings: {
        ...COMMON_SETTINGS,
        ...{ layers: 1, dropout: 0, maxUpdates: 0, validationSplit: 0.2, seed: 5, precision: 'float32' },
        ...{ validateEvery: 0, checkpointEvery: 200, estimator: 'bptt', patience: 0, schedule: 'cosine' },
        optimizer: { kind: 'adagrad', learningRate: 0.05, learningRateDecay: 0.001 },
      },
    });
  });

  test('has its tensors, and the validation loss that 0.1 measured', async () => {
    const { model, metadata, vocabulary } = await deserializeModel(bytesOf('model'), { backend: 'reference' });
    const { tensors } = readSafetensors(bytesOf('model'));
    const parameters = await model.parameters.download();
    expect([...parameters.keys()]).toEqual([...tensors.keys()]);
    for (const [name, values] of parameters) expectSameBits(values, tensorValues(tensors.get(name)!));
    const settings = { batchSize: 2, steps: 6, validationSplit: 0.2, vocabulary: vocabulary! };
    const { validation } = textStreams(TEXT, settings);
    expect(await evaluate(model, validation!, 'crossEntropy')).toBe(metadata.validationLoss);
  });

  test('is saved as version 2 with the same content', async () => {
    const { model, ...parts } = await deserializeModel(bytesOf('model'));
    const saved = await serializeModel(model, parts);
    expect(readSafetensors(saved).metadata.get('version')).toBe('2');
    expect(parseModel(saved)).toEqual(parseModel(bytesOf('model')));
  });
});

describe('a checkpoint', () => {
  test('has its settings and its training state under the names of today', () => {
    const { metadata, training } = parseModel(bytesOf('checkpoint'));
    expect(metadata.settings).toEqual(CHECKPOINT_SETTINGS);
    expect(training).toMatchObject({
      ...{ update: 56, epoch: 2, batch: 11, due: 2 },
      observed: {
        schedule: [0.125, 2.6339540481567383, 0],
        average: [56, 0],
        earlyStopping: [2.5906439125537872, 0],
      },
    });
    expect(Object.keys(training!).sort()).toEqual(
      ['batch', 'carried', 'due', 'epoch', 'lossSum', 'observed', 'optimizer', 'rng', 'update'].sort(),
    );
    expect([...training!.optimizer.keys()]).toEqual(['velocity', 'm', 'v', 'average', 'best']);
    expect(training!.carried!.map(({ h, c }) => [h.length, c.length])).toEqual([
      [8, 8],
      [8, 8],
    ]);
  });

  test('resumed by the library, the training ends with the weights that 0.1 ended with', async () => {
    const { model, metadata, vocabulary, training } = await deserializeModel(bytesOf('checkpoint'), {
      backend: 'reference',
    });
    const settings = metadata.settings as unknown as typeof CHECKPOINT_SETTINGS;
    const { batchSize, steps, validationSplit } = settings;
    const data = textStreams(TEXT, { batchSize, steps, validationSplit, vocabulary: vocabulary! });
    const { epochs, maxUpdates, validateEvery, seed, clipNorm, patience } = settings;
    const resumed = fit(
      model,
      data,
      {
        ...{
          epochs,
          maxUpdates,
          validateEvery,
          seed,
          clipNorm,
          earlyStopping: { patience },
          loss: 'crossEntropy',
        },
        optimizer: createOptimizer(settings.optimizer as unknown as OptimizerSpec),
        schedule: createSchedule(settings.schedule as ScheduleSpec),
        average: settings.average as AverageSpec,
      },
      training!,
    );
    const kinds: string[] = [];
    for await (const event of resumed) kinds.push(`${event.kind} ${event.update}`);
    expect([kinds[0], kinds.at(-1)]).toEqual(['validation 56', 'end 80']);
    const expected = parseModel(bytesOf('resumed'));
    for (const [name, values] of await model.parameters.download()) {
      expectSameBits(values, expected.parameters.get(name)!);
    }
    expect(await resumed.validate()).toBe(expected.metadata.validationLoss);
  });
});

/** The checkpoint with other metadata; undefined removes an entry. */
function withMetadata(changes: Readonly<Record<string, string | undefined>>): Uint8Array {
  const { tensors } = readSafetensors(bytesOf('checkpoint'));
  const entries = Object.entries({ ...rawMetadata('checkpoint'), ...changes });
  const metadata = Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
  const list = [...tensors.values()].map((t) => ({ name: t.name, shape: t.shape, data: tensorValues(t) }));
  return writeSafetensors(list, metadata);
}

const training = JSON.parse(rawMetadata('checkpoint').training!) as { memory: object };

describe('a file of version 1 is invalid if', () => {
  test.each<{ why: string; change: object }>([
    { why: 'the update is negative', change: { step: -1 } },
    { why: 'the update is missing', change: { step: undefined } },
    { why: 'the loss is null', change: { lossSum: null } },
    { why: 'the generator is missing', change: { rng: undefined } },
    { why: 'what was observed is a list', change: { memory: [] } },
    { why: 'what was observed is null', change: { memory: null } },
    { why: 'what early stopping observed is text', change: { memory: { stopping: ['many'] } } },
    { why: 'the due epoch is text', change: { memory: { ...training.memory, due: ['2'] } } },
    { why: 'the due epoch is an object', change: { memory: { ...training.memory, due: {} } } },
    { why: 'the state of one layer of two is carried', change: { carried: 1 } },
  ])('$why', ({ change }) => {
    const bytes = withMetadata({ training: JSON.stringify({ ...training, ...change }) });
    const error = thrown(() => parseModel(bytes));
    expect(problemOf(error, 'INVALID_FILE').problem).toBe('the training state in its header is invalid.');
  });

  test.each<{ why: string; changes: Readonly<Record<string, string>>; problem: string }>([
    { why: 'the metadata is a list', changes: { facts: '[]' }, problem: 'must be a JSON object' },
    { why: 'the training state is null', changes: { training: 'null' }, problem: 'is invalid' },
    { why: 'the training state is not JSON', changes: { training: '{' }, problem: 'the training state in its header' },
  ])('$why', ({ changes, problem }) => {
    const error = thrown(() => parseModel(withMetadata(changes)));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(problem);
  });
});

describe('unusual files of version 1', () => {
  test('a training state without observations has none', () => {
    const bytes = withMetadata({ training: JSON.stringify({ ...training, memory: undefined }) });
    expect(parseModel(bytes).training).toMatchObject({ update: 56, due: null, observed: {} });
  });

  test('initializers in the spec and in the settings of every LSTM layer have a std', () => {
    const init = { input: { kind: 'normal', deviation: 0.1 }, recurrent: 'orthogonal', forgetBias: 1 };
    const renamed = { input: { kind: 'normal', std: 0.1 }, recurrent: 'orthogonal', forgetBias: 1 };
    const spec = JSON.parse(rawMetadata('checkpoint').spec!) as { layers: object[] };
    const layers = [{ ...spec.layers[0], init: { kind: 'truncatedNormal', deviation: 2 } }, ...spec.layers.slice(1)];
    layers[2] = { ...layers[2], init };
    const facts = { textSha256: '', settings: { lstm: { init } } };
    const changes = { spec: JSON.stringify({ ...spec, layers }), facts: JSON.stringify(facts) };
    const read = parseModel(withMetadata(changes));
    expect(read.spec.layers[0]).toMatchObject({ init: { kind: 'truncatedNormal', std: 2 } });
    expect(read.spec.layers[2]).toMatchObject({ init: renamed });
    expect(read.metadata.settings).toEqual({ lstm: { init: renamed } });
  });

  test('metadata of a program other than `unspool train` stays as it is', () => {
    const facts = { settings: { batch: 3, optimizer: { rate: 1 } }, steps: 5 };
    expect(parseModel(withMetadata({ facts: JSON.stringify(facts) })).metadata).toEqual(facts);
  });

  test.each<{ why: string; optimizer: unknown; expected?: unknown }>([
    { why: 'a name', optimizer: 'adam' },
    { why: 'null', optimizer: null },
    { why: 'groups that are not a list', optimizer: { kind: 'grouped', groups: 3 } },
    { why: 'a group of null', optimizer: { kind: 'grouped', groups: [null] } },
    {
      why: 'names that every object has',
      optimizer: { constructor: 1, ['__proto__']: 2, rate: 3 },
      expected: { constructor: 1, ['__proto__']: 2, learningRate: 3 },
    },
  ])('optimizer: $why', ({ optimizer, expected = optimizer }) => {
    const facts = JSON.stringify({ textSha256: '', settings: { optimizer } });
    const { settings } = parseModel(withMetadata({ facts })).metadata as { settings: { optimizer: unknown } };
    expect(settings.optimizer).toEqual(expected);
  });

  test('an optimizer that is nested a thousand times is rejected', () => {
    const facts = `{"textSha256":"","settings":{"optimizer":${'{"rest":'.repeat(1000)}1${'}'.repeat(1001)}}`;
    expect(thrown(() => parseModel(withMetadata({ facts })))).toMatchObject({ code: 'INVALID_FILE' });
    expect(thrown(() => parseModel(withMetadata({ facts }))).message).toContain('nested too deeply');
  });
});
