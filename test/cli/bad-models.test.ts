/** Damaged and foreign files: every command explains what is wrong with them. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readSafetensors, tensorValues, writeSafetensors } from '../../src/index.js';
import { folder, TINY } from './support.js';

const here = folder();

/** A copy of the model with changed parameters and metadata. */
function changed(
  parameters: (name: string, shape: readonly number[], data: Float32Array) => object | null,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const file = readSafetensors(here.read('model.safetensors'));
  const tensors = [...file.tensors.values()].flatMap((tensor) => {
    const data = tensorValues(tensor) as Float32Array;
    const change = parameters(tensor.name, tensor.shape, data);
    return change ? [{ name: tensor.name, shape: tensor.shape, data, ...change }] : [];
  });
  return writeSafetensors(tensors, { ...Object.fromEntries(file.metadata), ...metadata });
}

const same = (): object => ({});
const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000010000000100802000000909168', 'hex');

/** What is wrong with the file, its bytes, and the message. */
const MODELS: [why: string, bytes: () => Uint8Array, message: RegExp][] = [
  ['an empty file', () => new Uint8Array(), /it is empty\. Download or save it again/],
  ['5 bytes', () => here.read('model.safetensors').subarray(0, 5), /it has 5 bytes; .* truncated/],
  ['half a header', () => here.read('model.safetensors').subarray(0, 300), /header of \d+ bytes, but 292 .* truncated/],
  ['half the numbers', () => here.read('model.safetensors').subarray(0, -1500), /ends at byte .* truncated/],
  ['one byte missing', () => here.read('model.safetensors').subarray(0, -1), /ends at byte .* truncated/],
  [
    'one byte too many',
    () => Buffer.concat([here.read('model.safetensors'), PNG.subarray(0, 1)]),
    /last 1 bytes .* do not belong to a tensor/,
  ],
  ['a PNG', () => PNG, /it is a PNG image, not a safetensors file/],
  ['a text', () => here.read('text.txt'), /it is plain text, not a safetensors file/],
  [
    'a safetensors file of another program',
    () => writeSafetensors([{ name: 'w', shape: [2], data: new Float32Array(2) }], { format: 'pt' }),
    /it was not saved by Unspool/,
  ],
  [
    'a later version',
    () => changed(same, { version: '3' }),
    /saved in version 3 of the format; .* Use a newer Unspool/,
  ],
  [
    'a missing parameter',
    () => changed((name) => (name === 'head.bias' ? null : {})),
    /the parameter head\.bias is missing/,
  ],
  [
    'a parameter of another shape',
    () => changed((name, shape) => (name === 'head.weight' ? { shape: [...shape].reverse() } : {})),
    /head\.weight has shape \[8, \d+\], but its model needs \[\d+, 8\]/,
  ],
  ['a spec that is not JSON', () => changed(same, { spec: '{"layers":' }), /the spec in its header is not valid JSON/],
  ['an empty spec', () => changed(same, { spec: '{}' }), /its header is invalid: layers must be a list of layers/],
  [
    'a spec with other sizes',
    () => changed(same, { spec: '{"inputSize":4,"layers":[{"kind":"lstm","hiddenSize":16000000}]}' }),
    /lstm\.weight_ih_l0 has shape \[32, 4\], but its model needs \[64000000, 4\]/,
  ],
  [
    'a vocabulary that is a number',
    () => changed(same, { vocabulary: '7' }),
    /the vocabulary in its header must be a list/,
  ],
];

const COMMANDS = [
  (file: string) => ['sample', file],
  (file: string) => ['eval', file, 'text.txt'],
  (file: string) => ['info', file],
  (file: string) => ['train', '--resume', file, '--out', 'new.safetensors'],
];

beforeAll(async () => {
  await here.ok('train', 'text.txt', ...TINY, '--max-updates', '2', '--quiet');
});

describe('one command per file', () => {
  test.each(MODELS.map(([why, bytes, message], i) => ({ why, bytes, message, i })))(
    '$why',
    async ({ bytes, message, i }) => {
      const file = `bad-${i}.safetensors`;
      here.write(file, bytes());
      const args = COMMANDS[i % COMMANDS.length]!(file);
      const ended = await here.run(...args);
      expect(ended).toMatchObject({ code: 1, stdout: '' });
      expect(ended.stderr.slice(0, `unspool ${args[0]}: ${file}: `.length)).toBe(`unspool ${args[0]}: ${file}: `);
      expect(ended.stderr).toMatch(message);
      expect(ended.stderr.trimEnd()).not.toContain('\n'); // a message, not a stack
      expect(here.read(file)).toEqual(Buffer.from(bytes()));
    },
  );
});

test('a model without a vocabulary can be described, but writes no text', async () => {
  const spec = JSON.stringify({ inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1 }] });
  const sizes = { weight_ih_l0: [4, 1], weight_hh_l0: [4, 1], bias_ih_l0: [4], bias_hh_l0: [4] };
  const tensors = Object.entries(sizes).map(([name, shape]) => ({
    name: `lstm.${name}`,
    shape,
    data: new Float32Array(4),
  }));
  here.write('values.safetensors', writeSafetensors(tensors, { format: 'unspool', version: '1', spec }));
  expect(await here.ok('info', 'values.safetensors')).toContain('Input size: 1');
  const { code, stderr } = await here.run('sample', 'values.safetensors');
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^unspool sample: values\.safetensors: this model has no vocabulary, so it cannot read or write/,
  );
});

test('a model with NaN parameters is not read', async () => {
  here.write(
    'nan.safetensors',
    changed((_name, _shape, data) => ({ data: data.map(() => Number.NaN) })),
  );
  const { code, stderr } = await here.run('sample', 'nan.safetensors', '--length', '10', '--prompt', 'a');
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^unspool sample: nan\.safetensors: embedding\.weight is NaN at index 0; all weights must be finite\.$/m,
  );
});
