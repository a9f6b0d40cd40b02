/** Models in JSON: the export and its import. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parameterLayout } from '../../src/core/parameter-layout.js';
import { Vocabulary } from '../../src/data/vocabulary.js';
import { toJson } from '../../src/interop/exports/json.js';
import { importContents, importModel } from '../../src/interop/imports/formats.js';
import { rejected } from '../support/errors.js';
import { modelSpecs } from '../support/model-specs.js';
import { testRandom } from '../support/random.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('importing an export in JSON', () => {
  test('is the identity, bit for bit, for every model', async () => {
    await fc.assert(
      fc.asyncProperty(modelSpecs, fc.boolean(), async (spec, isDouble) => {
        const random = testRandom(2);
        const { entries } = parameterLayout(spec);
        const parameters = new Map(
          entries.map(({ name, size }) => {
            const numbers = [-0, 1e-45, ...random.normals(size)].slice(0, size);
            return [name, isDouble ? Float64Array.from(numbers) : Float32Array.from(numbers)] as const;
          }),
        );
        const vocabulary = spec.layers[0]!.kind === 'embedding' ? new Vocabulary([...'a"\\é😀']) : null;
        const imported = await importModel(bytesOf(toJson({ spec, parameters, vocabulary })));
        expect(imported.spec).toEqual(spec);
        expect(imported.precision).toBe(isDouble ? 'float64' : 'float32');
        expect(imported.parameters).toEqual(parameters);
        expect(imported.vocabulary?.characters).toEqual(vocabulary?.characters);
      }),
      { numRuns: 40, seed: 1 },
    );
  });

  const model = toJson({
    spec: { inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1, bias: false }] },
    parameters: new Map(['weight_ih', 'weight_hh'].map((part) => [`lstm.${part}_l0`, new Float32Array(4)])),
  });

  test('lists its layers', async () => {
    expect((await importContents(bytesOf(model))).layers).toEqual([
      { name: 'layers[0]', kind: 'lstm', size: '1', problem: null },
    ]);
  });

  test.each<[what: string, from: string | RegExp, to: string, says: RegExp]>([
    ['another version', '"version":1', '"version":2', /version 2/],
    ['cut off', /.{20}$/s, '', /is not valid JSON/],
    ['no parameters', '"parameters":{', '"others":{', /no object "parameters"/],
    ['a missing parameter', 'weight_hh', 'weight', /lstm\.weight_hh_l0 has 0 numbers, but its model needs 4/],
    ['a text as a number', '[0,0,0,0]', '[0,"0",0,0]', /must be a list of numbers/],
    ['an infinite number', '[0,0,0,0]', '[0,1e999,0,0]', /must be a list of numbers/],
    ['a number too large for float32', '[0,0,0,0]', '[0,1e99,0,0]', /Infinity at index 1/],
    ['an invalid spec', '"hiddenSize":1', '"hiddenSize":-1', /hiddenSize must be an integer/],
    ['no spec', '"spec"', '"specs"', /spec must be an object/],
    ['an invalid vocabulary', '"vocabulary":null', '"vocabulary":[1]', /its vocabulary is invalid/],
  ])('refuses a file with %s', async (_, from, to, says) => {
    const changed = model.replace(from, to);
    expect(changed).not.toBe(model);
    const error = await rejected(() => importModel(bytesOf(changed), { file: 'm.json' }));
    expect(error.code).toBe('INVALID_FILE');
    expect(error.message).toMatch(says);
  });
});
