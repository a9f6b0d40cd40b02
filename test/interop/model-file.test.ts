/** Model files: round trips, invalid files with their messages, and random damage. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  createModel,
  createRng,
  deserializeModel,
  fit,
  type Model,
  type ModelSpec,
  parseModel,
  readSafetensors,
  serializeModel,
  type TrainingState,
  tensorValues,
  textStreams,
  UnspoolError,
  writeSafetensors,
} from '../../src/index.js';
import { adam } from '../../src/optim/adam.js';
import { anyJson, pathsOf, replaced } from '../support/any-json.js';
import { problemOf, rejected, thrown } from '../support/errors.js';

const TEXT = textStreams('she sells sea shells by the sea shore. '.repeat(30), { batchSize: 2, steps: 5 });
const { size } = TEXT.vocabulary;
const SPEC: ModelSpec = {
  seed: 5,
  layers: [
    { kind: 'embedding', size, width: 3 },
    { kind: 'lstm', hiddenSize: 4 },
    { kind: 'lstm', hiddenSize: 2, init: { recurrent: 'orthogonal' } },
    { kind: 'linear', size },
  ],
};
const METADATA = { text: 'größe 🧶', nested: { list: [1, 2.5, null, true] }, ['__proto__']: 'kept' };

async function trained(precision: 'float32' | 'float64'): Promise<{ model: Model; training: TrainingState }> {
  const model = await createModel(SPEC, { precision });
  const training = fit(model, TEXT, { optimizer: adam(), maxUpdates: 7 });
  for await (const _ of training);
  return { model, training: await training.checkpoint() };
}

const checkpoint = (async () => {
  const { model, training } = await trained('float64');
  return serializeModel(model, { vocabulary: TEXT.vocabulary, metadata: METADATA, training });
})();

/** The checkpoint with other metadata; undefined removes an entry. */
async function withMetadata(changes: Readonly<Record<string, string | undefined>>): Promise<Uint8Array> {
  const { tensors, metadata } = readSafetensors(await checkpoint);
  const all: Record<string, string | undefined> = { ...Object.fromEntries(metadata), ...changes };
  const kept = Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  const list = [...tensors.values()].map((t) => ({ name: t.name, shape: t.shape, data: tensorValues(t) }));
  return writeSafetensors(list, kept);
}

describe('round trips', () => {
  test.each(['float32', 'float64'] as const)('%s: model, vocabulary, metadata, training state', async (precision) => {
    const { model, training } = await trained(precision);
    const parts = { vocabulary: TEXT.vocabulary, metadata: METADATA, training };
    const bytes = await serializeModel(model, parts);
    const loaded = await deserializeModel(bytes);
    expect(loaded.spec).toEqual(SPEC);
    expect(loaded.precision).toBe(precision);
    expect(loaded.vocabulary!.characters).toEqual(TEXT.vocabulary.characters);
    expect(Object.entries(loaded.metadata)).toEqual(Object.entries(METADATA));
    expect(loaded.training).toEqual(training);
    expect(training.update).toBe(7);
    expect([...training.optimizer.keys()]).toEqual(['m', 'v']);
    expect(training.carried).toHaveLength(2);
    expect(await loaded.model.parameters.download()).toEqual(await model.parameters.download());
    expect(await serializeModel(loaded.model, parts)).toEqual(bytes);
    expect(await serializeModel(loaded.model, { ...loaded })).toEqual(bytes);
  });

  test('a model without parts has only parameters and spec', async () => {
    const { vocabulary, metadata, training } = parseModel(await serializeModel(await createModel(SPEC)));
    expect({ vocabulary, metadata, training }).toEqual({ vocabulary: null, metadata: {}, training: null });
  });

  test('tensors have the names of PyTorch, and the header describes the model', async () => {
    const { tensors, metadata } = readSafetensors(await serializeModel(await createModel(SPEC)));
    expect([...tensors.keys()]).toContain('lstm.weight_hh_l1');
    expect(tensors.get('lstm.weight_ih_l0')!.shape).toEqual([16, 3]);
    expect([...metadata.keys()]).toEqual(['format', 'version', 'spec', 'metadata']);
    expect(metadata.get('format')).toBe('unspool');
  });

  test('a model can be loaded in another precision', async () => {
    const loaded = await deserializeModel(await checkpoint, { precision: 'float32' });
    const [name, values] = [...(await loaded.model.parameters.download())][0]!;
    expect(values).toBeInstanceOf(Float32Array);
    expect(values).toEqual(Float32Array.from(loaded.parameters.get(name)!));
  });
});

const training = async (change: object): Promise<Uint8Array> => {
  const header = JSON.parse(readSafetensors(await checkpoint).metadata.get('training')!) as object;
  return withMetadata({ training: JSON.stringify({ ...header, ...change }) });
};
const layers = (...list: unknown[]): string => JSON.stringify({ layers: list });
const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
const rng = createRng(1, 'x').state() as { S: number[] };

describe('a file is invalid if', () => {
  test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
    ['the format is missing', { format: undefined }, 'was not saved by Unspool'],
    ['the version is missing', { version: undefined }, 'it was saved in version undefined of the format'],
    ['the spec is missing', { spec: undefined }, 'the spec in its header is not valid JSON.'],
    ['the spec is null', { spec: 'null' }, 'its header is invalid: spec must be an object'],
    ['the spec has no layers', { spec: layers() }, 'its header is invalid: layers must be a list of layers, got [].'],
    ['a layer is null', { spec: layers(null) }, 'its header is invalid: layers[0] must be an object'],
    [
      'the spec has other sizes than the tensors',
      { spec: layers({ ...SPEC.layers[0]!, size: 99 }, ...SPEC.layers.slice(1)) },
      'has shape',
    ],
    [
      'the spec has a huge size',
      { spec: layers({ kind: 'embedding', size: 1e12, width: 1 }) },
      'must be an integer from 1',
    ],
    [
      'the spec is nested too deeply',
      { spec: `{"layers":${deep}}` },
      'the spec in its header is nested too deeply: more than 100 levels.',
    ],
    ['the vocabulary is a number', { vocabulary: '3' }, 'the vocabulary in its header must be a list of characters.'],
    [
      'the vocabulary is a string',
      { vocabulary: '"abc"' },
      'the vocabulary in its header must be a list of characters.',
    ],
    [
      'the vocabulary contains numbers',
      { vocabulary: '[1,2]' },
      'its header is invalid: vocabulary must be a non-empty list of',
    ],
    [
      'the vocabulary contains a character twice',
      { vocabulary: '["a","a"]' },
      'its header is invalid: vocabulary must be a non-empty list of',
    ],
    [
      'the vocabulary is larger than the model',
      { vocabulary: JSON.stringify([...'abcdefghijklmnopqrstuvwxyz']) },
      `its vocabulary has 26 characters, but its model has only ${size} tokens.`,
    ],
    ['the metadata are a list', { metadata: '[]' }, 'the metadata in its header must be a JSON object.'],
    ['the metadata are null', { metadata: 'null' }, 'the metadata in its header must be a JSON object.'],
    [
      'the metadata are nested too deeply',
      { metadata: `{"a":${deep}}` },
      'is nested too deeply: more than 100 levels.',
    ],
    ['the training state is null', { training: 'null' }, 'the training state in its header is invalid.'],
    ['the training state is not JSON', { training: 'step 3' }, 'the training state in its header is not valid JSON.'],
  ])('%s', async (_name, changes, problem) => {
    const bytes = await withMetadata(changes);
    const error = thrown(() => parseModel(bytes, 'm.st'));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(problem);
    expect(error.message.startsWith('m.st: ')).toBe(true);
    expect((await rejected(() => deserializeModel(bytes, {}, 'm.st'))).message).toBe(error.message);
  });

  test.each<[string, object]>([
    ['a negative update', { update: -1 }],
    ['a fractional update', { update: 1.5 }],
    ['an epoch that is text', { epoch: '1' }],
    ['no batch', { batch: undefined }],
    ['a loss of null', { lossSum: null }],
    ['a generator of null', { rng: null }],
    ['an empty generator', { rng: {} }],
    ['a generator with a short table', { rng: { ...rng, S: rng.S.slice(1) } }],
    ['a generator whose table are not bytes', { rng: { ...rng, S: rng.S.map((s) => s + 1) } }],
    ['a generator with an index beyond its table', { rng: { ...rng, j: 256 } }],
    ['a number as optimizer', { optimizer: 7 }],
    ['optimizer names that are not text', { optimizer: [{ toString: 1 }] }],
    ['1e12 carried states', { carried: 1e12 }],
    ['-1 carried states', { carried: -1 }],
    ['the carried state of one layer of two', { carried: 1 }],
    ['no number of carried states', { carried: undefined }],
  ])('the training state has %s', async (_name, change) => {
    const bytes = await training(change);
    const { problem } = problemOf(
      thrown(() => parseModel(bytes)),
      'INVALID_FILE',
    );
    expect(problem).toBe('the training state in its header is invalid.');
  });

  test('a tensor of the training state is missing', async () => {
    const bytes = await training({ optimizer: ['m', 'w'] });
    expect(thrown(() => parseModel(bytes)).message).toContain('the tensor training.optimizer.w is missing.');
  });

  test('but not if no state is carried', async () => {
    expect(parseModel(await training({ carried: null })).training!.carried).toBeNull();
  });
});

/** Expects the bytes to be read, or to throw `INVALID_FILE`. */
async function expectReadOrInvalid(bytes: Uint8Array): Promise<void> {
  try {
    const loaded = await deserializeModel(bytes, {}, 'f');
    loaded.model.dispose();
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    expect(error.code).toBe('INVALID_FILE');
    expect(error.message).toMatch(/^f: /);
  }
}

describe('a randomly damaged file is read or is invalid', () => {
  test('with some bytes changed', async () => {
    const good = await checkpoint;
    const place = fc.oneof(fc.nat(8 + 2500), fc.nat(good.length - 1));
    const change = fc.tuple(place, fc.integer({ min: 0, max: 255 }));
    const damage = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      const bytes = good.slice();
      for (const [at, value] of changes) bytes[at] = value;
      await expectReadOrInvalid(bytes);
    });
    await fc.assert(damage, { numRuns: 400 });
  });

  test('truncated, or with bytes inserted', async () => {
    const good = await checkpoint;
    const damage = fc.asyncProperty(fc.nat(good.length), fc.uint8Array({ maxLength: 20 }), async (at, more) => {
      await expectReadOrInvalid(good.subarray(0, at));
      await expectReadOrInvalid(Uint8Array.from([...good.subarray(0, at), ...more, ...good.subarray(at)]));
    });
    await fc.assert(damage, { numRuns: 60 });
  });

  test('with any JSON in a field of the header', async () => {
    const places = ['spec', 'vocabulary', 'metadata', 'training'];
    const damage = fc.asyncProperty(fc.constantFrom(...places), anyJson, async (place, value) => {
      await expectReadOrInvalid(await withMetadata({ [place]: JSON.stringify(value) }));
    });
    await fc.assert(damage, { numRuns: 200 });
  });

  test('with any JSON in a field of the spec or the training state', async () => {
    const { metadata } = readSafetensors(await checkpoint);
    for (const place of ['spec', 'training']) {
      const value = JSON.parse(metadata.get(place)!) as object;
      const paths = pathsOf(value);
      const damage = fc.asyncProperty(fc.constantFrom(...paths), anyJson, async (path, put) => {
        await expectReadOrInvalid(await withMetadata({ [place]: JSON.stringify(replaced(value, path, put)) }));
      });
      await fc.assert(damage, { numRuns: 200 });
    }
  });
});
