/** Model files: there and back to the bit, what can be wrong with one, and damage at random. */
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

/** The checkpoint's bytes with other metadata; undefined takes an entry away. */
async function withMetadata(changes: Readonly<Record<string, string | undefined>>): Promise<Uint8Array> {
  const { tensors, metadata } = readSafetensors(await checkpoint);
  const all: Record<string, string | undefined> = { ...Object.fromEntries(metadata), ...changes };
  const kept = Object.fromEntries(
    Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
  const list = [...tensors.values()].map((t) => ({ name: t.name, shape: t.shape, data: tensorValues(t) }));
  return writeSafetensors(list, kept);
}

describe('there and back', () => {
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

  test('a bare model has nothing but its parameters and spec', async () => {
    const { vocabulary, metadata, training } = parseModel(await serializeModel(await createModel(SPEC)));
    expect({ vocabulary, metadata, training }).toEqual({ vocabulary: null, metadata: {}, training: null });
  });

  test('the names are those of PyTorch, the header says how to read them', async () => {
    const { tensors, metadata } = readSafetensors(await serializeModel(await createModel(SPEC)));
    expect([...tensors.keys()]).toContain('lstm.weight_hh_l1');
    expect(tensors.get('lstm.weight_ih_l0')!.shape).toEqual([16, 3]);
    expect([...metadata.keys()]).toEqual(['format', 'version', 'spec', 'metadata']);
    expect(metadata.get('format')).toBe('unspool');
  });

  test('another precision may be asked for', async () => {
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

describe('what is wrong is said', () => {
  test.each<[string, Readonly<Record<string, string | undefined>>, string]>([
    ['no format', { format: undefined }, 'was not saved by Unspool'],
    ['no version', { version: undefined }, 'it was saved in version undefined of the format'],
    ['no spec', { spec: undefined }, 'the spec in its header is no JSON.'],
    ['spec: null', { spec: 'null' }, 'its header is wrong: spec must be an object'],
    ['spec: no layers', { spec: layers() }, 'its header is wrong: layers must be a list of layers, got [].'],
    ['spec: a layer of nothing', { spec: layers(null) }, 'its header is wrong: layers[0] must be an object'],
    ['spec: another size', { spec: layers({ ...SPEC.layers[0]!, size: 99 }, ...SPEC.layers.slice(1)) }, 'has shape'],
    ['spec: a huge size', { spec: layers({ kind: 'embedding', size: 1e12, width: 1 }) }, 'must be an integer from 1'],
    ['spec: too deep', { spec: `{"layers":${deep}}` }, 'the spec in its header is nested too deeply.'],
    ['vocabulary: a number', { vocabulary: '3' }, 'the vocabulary in its header should be a list of characters.'],
    ['vocabulary: a text', { vocabulary: '"abc"' }, 'the vocabulary in its header should be a list of characters.'],
    ['vocabulary: numbers', { vocabulary: '[1,2]' }, 'its header is wrong: vocabulary: should be a list of'],
    ['vocabulary: twice the same', { vocabulary: '["a","a"]' }, 'its header is wrong: vocabulary: should be a list of'],
    [
      'vocabulary: larger than the model',
      { vocabulary: JSON.stringify([...'abcdefghijklmnopqrstuvwxyz']) },
      `its vocabulary has 26 characters, but its model only ${size} tokens.`,
    ],
    ['metadata: a list', { metadata: '[]' }, 'the metadata in its header must be a JSON object.'],
    ['metadata: null', { metadata: 'null' }, 'the metadata in its header must be a JSON object.'],
    ['metadata: too deep', { metadata: `{"a":${deep}}` }, 'is nested too deeply.'],
    ['training: null', { training: 'null' }, 'the training state in its header is damaged.'],
    ['training: no JSON', { training: 'step 3' }, 'the training state in its header is no JSON.'],
  ])('%s', async (_name, changes, problem) => {
    const bytes = await withMetadata(changes);
    const error = thrown(() => parseModel(bytes, 'm.st'));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(problem);
    expect(error.message.startsWith('m.st: ')).toBe(true);
    expect((await rejected(() => deserializeModel(bytes, {}, 'm.st'))).message).toBe(error.message);
  });

  test.each<[string, object]>([
    ['update under 0', { update: -1 }],
    ['update of one half', { update: 1.5 }],
    ['epoch as text', { epoch: '1' }],
    ['batch missing', { batch: undefined }],
    ['a loss of null', { lossSum: null }],
    ['rng: null', { rng: null }],
    ['rng: empty', { rng: {} }],
    ['rng: a short table', { rng: { ...rng, S: rng.S.slice(1) } }],
    ['rng: no bytes', { rng: { ...rng, S: rng.S.map((s) => s + 1) } }],
    ['rng: a place beyond the table', { rng: { ...rng, j: 256 } }],
    ['optimizer: a number', { optimizer: 7 }],
    ['optimizer: names that are no text', { optimizer: [{ toString: 1 }] }],
    ['carried: 1e12', { carried: 1e12 }],
    ['carried: -1', { carried: -1 }],
    ['carried: one layer of two', { carried: 1 }],
    ['carried: missing', { carried: undefined }],
  ])('training state with %s', async (_name, change) => {
    const bytes = await training(change);
    const { problem } = problemOf(
      thrown(() => parseModel(bytes)),
      'INVALID_FILE',
    );
    expect(problem).toBe('the training state in its header is damaged.');
  });

  test('training state without one of its tensors', async () => {
    const bytes = await training({ optimizer: ['m', 'w'] });
    expect(thrown(() => parseModel(bytes)).message).toContain('the tensor training.optimizer.w is missing.');
  });

  test('a state that carries nothing is none that is wrong', async () => {
    expect(parseModel(await training({ carried: null })).training!.carried).toBeNull();
  });
});

/** Reads, or refuses with `INVALID_FILE`; nothing else, and at once. */
async function expectReadOrRefused(bytes: Uint8Array): Promise<void> {
  const begin = process.cpuUsage();
  try {
    const loaded = await deserializeModel(bytes, {}, 'f');
    loaded.model.dispose();
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    expect(error.code).toBe('INVALID_FILE');
    expect(error.message).toMatch(/^f: /);
  }
  expect(process.cpuUsage(begin).user).toBeLessThan(2e6); // microseconds
}

describe('damage at random', () => {
  test('some bytes changed', async () => {
    const good = await checkpoint;
    const place = fc.oneof(fc.nat(8 + 2500), fc.nat(good.length - 1));
    const change = fc.tuple(place, fc.integer({ min: 0, max: 255 }));
    const damage = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
      const bytes = good.slice();
      for (const [at, value] of changes) bytes[at] = value;
      await expectReadOrRefused(bytes);
    });
    await fc.assert(damage, { numRuns: 400 });
  });

  test('cut off, or with bytes in between', async () => {
    const good = await checkpoint;
    const damage = fc.asyncProperty(fc.nat(good.length), fc.uint8Array({ maxLength: 20 }), async (at, more) => {
      await expectReadOrRefused(good.subarray(0, at));
      await expectReadOrRefused(Uint8Array.from([...good.subarray(0, at), ...more, ...good.subarray(at)]));
    });
    await fc.assert(damage, { numRuns: 60 });
  });

  test('any JSON in each place of the header', async () => {
    const places = ['spec', 'vocabulary', 'metadata', 'training'];
    const damage = fc.asyncProperty(fc.constantFrom(...places), anyJson, async (place, value) => {
      await expectReadOrRefused(await withMetadata({ [place]: JSON.stringify(value) }));
    });
    await fc.assert(damage, { numRuns: 200 });
  });

  test('any JSON in each place of the spec and of the training state', async () => {
    const { metadata } = readSafetensors(await checkpoint);
    for (const place of ['spec', 'training']) {
      const value = JSON.parse(metadata.get(place)!) as object;
      const paths = pathsOf(value);
      const damage = fc.asyncProperty(fc.constantFrom(...paths), anyJson, async (path, put) => {
        await expectReadOrRefused(await withMetadata({ [place]: JSON.stringify(replaced(value, path, put)) }));
      });
      await fc.assert(damage, { numRuns: 200 });
    }
  });
});
