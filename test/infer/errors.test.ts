/** What unspool/infer refuses, and that it refuses it before it computes. */
import { describe, expect, it, test } from '@jest/globals';
import fc from 'fast-check';
import type { ModelSpec } from '../../src/core/spec.js';
import { createModel } from '../../src/create.js';
import { type InferError, type InferModel, loadModel } from '../../src/infer/index.js';
import { serializeModel } from '../../src/interop/model-file.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';

const SPEC: ModelSpec = {
  inputSize: 2,
  layers: [
    { kind: 'lstm', hiddenSize: 3 },
    { kind: 'linear', size: 2 },
  ],
};

async function bytesOf(spec: ModelSpec): Promise<Uint8Array> {
  const model = await createModel(spec, { backend: 'reference' });
  const bytes = await serializeModel(model, { metadata: { note: 'é∞' } });
  model.dispose();
  return bytes;
}

/** The code and the message of what a call throws. */
function problemOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    const { code, message } = error as InferError;
    return `${code}: ${message}`;
  }
  return 'nothing';
}

/** The file with another header. */
function edited(bytes: Uint8Array, edit: (header: Record<string, Record<string, unknown>>) => void): Uint8Array {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Parameters<typeof edit>[0];
  edit(header);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + bytes.length - 8 - length);
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true);
  out.set(text, 8);
  out.set(bytes.subarray(8 + length), 8 + text.length);
  return out;
}

describe('a model file', () => {
  it('is read with its metadata, also from an ArrayBuffer and from within other bytes', async () => {
    const bytes = await bytesOf(SPEC);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    for (const given of [bytes, bytes.slice().buffer, shifted.subarray(3)]) {
      const { metadata, inputSize, outputSize, tokens, characters } = loadModel(given);
      expect({ metadata, inputSize, outputSize, tokens, characters }).toEqual({
        metadata: { note: 'é∞' },
        inputSize: 2,
        outputSize: 2,
        tokens: 0,
        characters: null,
      });
    }
  });

  const TRUNCATED = 'INVALID_FILE: The model file is truncated or is not a safetensors file.';
  it.each<[string, (bytes: Uint8Array) => Uint8Array, string]>([
    ['is empty', () => new Uint8Array(0), TRUNCATED],
    ['is cut in its header', (bytes) => bytes.subarray(0, 40), TRUNCATED],
    [
      'is cut in its weights',
      (bytes) => bytes.subarray(0, -4),
      'INVALID_FILE: The model file does not have the parameter',
    ],
    ['is of another program', () => writeSafetensors([]), 'INVALID_FILE: The model file was not saved by Unspool.'],
    [
      'has another version',
      (bytes) => edited(bytes, ({ __metadata__: about }) => (about!.version = '9')),
      'INVALID_FILE: The model file has version 9 of the format, not "2".',
    ],
    [
      'lacks a parameter',
      (bytes) => edited(bytes, (header) => delete header['lstm.weight_hh_l0']),
      'INVALID_FILE: The model file does not have the parameter lstm.weight_hh_l0 of shape [12, 3].',
    ],
    [
      'has a parameter of another shape',
      (bytes) =>
        edited(bytes, (header) => {
          header['head.bias']!.shape = [2, 1];
        }),
      'INVALID_FILE: The model file does not have the parameter head.bias of shape [2].',
    ],
    [
      'has negative positions',
      (bytes) => edited(bytes, (header) => (header['head.bias']!.data_offsets = [-8, 0])),
      'INVALID_FILE: The model file does not have the parameter head.bias of shape [2].',
    ],
    [
      'has NaN',
      (bytes) => {
        const copy = bytes.slice();
        copy.fill(0xff, -4);
        return copy;
      },
      'INVALID_FILE: The model file has a weight that is not finite in head.bias.',
    ],
    [
      'has an unknown layer',
      (bytes) =>
        edited(bytes, ({ __metadata__: about }) => (about!.spec = '{"inputSize":2,"layers":[{"kind":"__proto__"}]}')),
      'INVALID_FILE: The model file has an invalid or unknown layer, layers[0].',
    ],
    [
      'has a layer of a million steps of a million units',
      (bytes) =>
        edited(bytes, ({ __metadata__: about }) => {
          about!.spec = '{"inputSize":2,"layers":[{"kind":"lstm","hiddenSize":1e9}]}';
        }),
      'INVALID_FILE: The model file has an invalid or unknown layer, layers[0].',
    ],
  ])('that %s is refused', async (_why, damage, problem) => {
    const bytes = damage(await bytesOf(SPEC));
    expect(problemOf(() => loadModel(bytes))).toContain(problem);
  });

  it('with any changed bytes is read or refused with a code', async () => {
    const bytes = await bytesOf(SPEC);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.nat(bytes.length), (at, value, length) => {
        const changed = bytes.slice(0, Math.max(length, at));
        changed[at] = value;
        const problem = problemOf(() => loadModel(changed));
        expect(problem === 'nothing' || problem.startsWith('INVALID_FILE: ')).toBe(true);
      }),
      { seed: 3, numRuns: 400 },
    );
  });
});

describe('a call', () => {
  let model: InferModel;
  const load = async (spec = SPEC): Promise<InferModel> => (model = loadModel(await bytesOf(spec)));

  it.each<[string, (m: InferModel) => unknown, string]>([
    [
      'inputs of another count',
      (m) => m.step(m.initialState(), [1]),
      'INVALID_DATA: inputs must have 2 numbers, got 1.',
    ],
    ['NaN', (m) => m.step(m.initialState(), [1, Number.NaN]), 'INVALID_DATA: inputs[1] must be finite, got NaN.'],
    ['null', (m) => m.step(m.initialState(), [null as never, 1]), 'INVALID_DATA: inputs[0] must be finite, got null.'],
    ['no inputs', (m) => m.predict(undefined as never), 'INVALID_SETTING: steps'],
    ['half a step', (m) => m.predict([1, 2, 3]), 'INVALID_SETTING: steps'],
    [
      'an unknown option',
      (m) => m.predict([1, 2], { lenghts: [1] } as never),
      'INVALID_SETTING: options.lenghts is unknown.',
    ],
    [
      'lengths beyond the end',
      (m) => m.predict([1, 2], { lengths: [2] }),
      'INVALID_DATA: lengths[0] must be an integer from 1 to 1, got 2.',
    ],
    [
      'a state of two rows for one',
      (m) => m.predict([1, 2], { from: m.initialState(2) }),
      'INVALID_SETTING: from has 2 rows, not 1.',
    ],
    [
      'a state of another model',
      (m) => m.step([{ h: [0, 0], c: [0, 0] }], [1, 2]),
      'INVALID_DATA: h of state[0] must have 3 numbers, got 2.',
    ],
    [
      'a state with a hole',
      (m) => m.step([{ h: [0, 0, 0], c: [0, undefined as never, 0] }], [1, 2]),
      'INVALID_DATA: c of state[0][1] must be finite, got undefined.',
    ],
    [
      'no state',
      (m) => m.step(undefined as never, [1, 2]),
      'INVALID_SETTING: The state must be a list of h and c of 1 LSTMs, as initialState() returns, not frozen.',
    ],
    [
      'a frozen state',
      (m) => m.step([{ h: [0, 0, 0], c: Object.freeze([0, 0, 0]) as number[] }], [1, 2]),
      'INVALID_SETTING: The state must be a list of h and c of 1 LSTMs, as initialState() returns, not frozen.',
    ],
    ['a symbol', (m) => m.step(m.initialState(), [1, Symbol('x') as never]), 'INVALID_DATA: inputs[1] must be finite'],
    ['a bigint', (m) => m.step(m.initialState(), [1, 2n as never]), 'INVALID_DATA: inputs[1] must be finite, got 2.'],
    [
      'a fraction of a batch',
      (m) => m.initialState(1.5),
      'INVALID_SETTING: batchSize must be an integer of at least 1, got 1.5.',
    ],
  ])('with %s is refused', async (_what, call, problem) => {
    await load();
    expect(problemOf(() => call(model))).toContain(problem);
  });

  it('with a token that the model does not have is refused', async () => {
    await load({
      layers: [
        { kind: 'embedding', size: 4, width: 2 },
        { kind: 'lstm', hiddenSize: 3 },
      ],
    });
    expect(problemOf(() => model.step(model.initialState(), [4]))).toBe(
      'INVALID_DATA: inputs[0] must be an integer from 0 to 3, got 4.',
    );
    expect(problemOf(() => model.step(model.initialState(), [0.5]))).toContain('got 0.5.');
  });

  test.each<[string, ModelSpec['layers']]>([
    ['reads from the last step to the first', [{ kind: 'lstm', hiddenSize: 2, direction: 'bidirectional' }]],
    ['needs the gates of the previous step', [{ kind: 'lstm', hiddenSize: 2, cell: { gateRecurrence: true } }]],
  ])('step of a model that %s is refused', async (why, layers) => {
    await load({ inputSize: 1, layers });
    expect(problemOf(() => model.step(model.initialState(), [1]))).toContain(`INVALID_SETTING: layers[0] ${why}`);
  });

  it('of predict reads a frozen state', async () => {
    await load();
    const from = [{ h: Object.freeze([1, 2, 3]), c: Object.freeze([1, 2, 3]) }];
    expect(model.predict([1, 2], { from })).toEqual(model.predict([1, 2], { from: structuredClone(from) }));
  });

  it('that fails leaves the state as it was', async () => {
    await load();
    const state = model.initialState();
    model.step(state, [1, -1]);
    const before = structuredClone(state);
    expect(problemOf(() => model.step(state, [1, Number.POSITIVE_INFINITY]))).toContain('INVALID_DATA');
    expect(state).toEqual(before);
  });
});
