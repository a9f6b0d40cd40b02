/** .pt files that would do harm if they were trusted, and damaged ones. */
import { describe, expect, test } from '@jest/globals';
import { fromPytorch } from '../../src/interop/imports/pytorch/index.js';
import { writeSafetensors } from '../../src/interop/safetensors-write.js';
import { bounded } from '../support/cost.js';
import { problemOf, thrown } from '../support/errors.js';
import { type Described, type Entry, fileWith, integer, pickle, tensor, text, u32, zipOf } from './archives.js';

const STOP = '.';
const LSTM = { weight_ih_l0: [4, 1], weight_hh_l0: [4, 1], bias_ih_l0: [4], bias_hh_l0: [4] };
const bytes = (count: number) => new Uint8Array(4 * count).fill(1);

/** A dict of tensors. */
const dict = (...entries: readonly string[]): string => `}(${entries.join('')}u`;

/** The tensors of an LSTM of one unit, of which some are described in another way. */
const lstm = (changes: Readonly<Record<string, Partial<Described>>> = {}, prefix = ''): string =>
  dict(
    ...Object.entries(LSTM).map(([name, shape]) => {
      const described = { count: 4, shape: shape.map(integer), strides: shape.map(() => integer(1)) };
      return text(prefix + name) + tensor({ ...described, ...changes[name] });
    }),
  );
const STORAGE = { 0: bytes(4) };
const withLstm = (
  changes?: Readonly<Record<string, Partial<Described>>>,
  storages: Record<string, Uint8Array> = STORAGE,
) => fileWith(pickle(lstm(changes), STOP), storages);
const archive = (...changes: Partial<Entry>[]): Uint8Array =>
  zipOf([
    { name: 'a/data.pkl', data: pickle(lstm(), STOP), ...changes[0] },
    { name: 'a/data/0', data: bytes(4), ...changes[1] },
    ...changes.slice(2).map((change) => ({ name: 'a/more', data: bytes(1), ...change })),
  ]);

test('the file that the others change is imported', () => {
  for (const file of [withLstm(), archive(), archive({ zip64: true }, { zip64: true })]) {
    expect(fromPytorch(file).spec).toEqual({ inputSize: 1, layers: [{ kind: 'lstm', hiddenSize: 1 }] });
  }
});

const big = 2 ** 31 - 1;
const levels = (depth: number, width: number): string => {
  const level = (i: number): string =>
    i === 0 ? '}' : dict(...Array.from({ length: width }, (_, k) => `${text(`${i}${k}`)}h\x01`));
  return Array.from({ length: depth }, (_, i) => `${level(i)}q\x01`).join('');
};

const HOSTILE: readonly (readonly [what: string, file: () => Uint8Array, problem: RegExp])[] = [
  // Pickles that call functions.
  [
    'a call of os.system',
    () => fileWith(pickle('cposix\nsystem\n', text('touch /tmp/x'), '\x85R.')),
    /"posix\.system"/,
  ],
  ['a call of eval by protocol 4', () => fileWith(pickle(text('builtins'), text('eval'), '\x93.')), /"builtins\.eval"/],
  ['a name that only looks allowed', () => fileWith(pickle('ctorch._utils\n_rebuild_tensor_v2 \n.')), /_v2 "/],
  ['a name of the prototype', () => fileWith(pickle('ctorch\nconstructor\n.')), /"torch\.constructor"/],
  ['an instance', () => fileWith(pickle('(cos\nsystem\n', '(ios\nsystem\n.')), /"os\.system"/],
  ['the instruction INST', () => fileWith(pickle('(ios\nsystem\n.')), /the instruction "i"/],
  ['the instruction OBJ', () => fileWith(pickle('(}o.')), /the instruction "o"/],
  ['the instruction EXT1', () => fileWith(pickle('\x82\x01.')), /the instruction/],
  [
    'attributes of a tensor',
    () => fileWith(pickle(lstm({ bias_ih_l0: {} }), '0', tensor({ count: 4, shape: [], strides: [] }), '}b.'), STORAGE),
    /sets the attributes/,
  ],
  [
    'a storage of an unknown type',
    () => fileWith(pickle(`(${text('storage')}ccollections\nOrderedDict\n${text('0')}${text('cpu')}${integer(1)}tQ.`)),
    /storages is not described/,
  ],
  [
    'a call of a tensor',
    () => fileWith(pickle(tensor({ count: 4, shape: [], strides: [] }), ')R.'), STORAGE),
    /calls a function/,
  ],
  // Pickles that cost much.
  ['an integer of 2 GB', () => fileWith(pickle('\x8b', u32(big), '.')), /an integer of 2147483647 bytes/],
  ['an integer of 255 bytes', () => fileWith(pickle('\x8a\xff', bytes(80), '.')), /an integer of 255 bytes/],
  ['a text of 4 GB', () => fileWith(pickle('X\xff\xff\xff\xff', '.')), /ends too early/],
  ['bytes of 2^60', () => fileWith(pickle('\x8e\0\0\0\0\0\0\0\x10', '.')), /declares too many bytes/],
  ['two million instructions', () => fileWith(pickle('N0'.repeat(1e6), '.')), /more than 1000000 instructions/],
  ['100,000 nested lists', () => fileWith(pickle('(('.repeat(5e4), 'l'.repeat(1e5), '.')), /contains no state dict/],
  ['dicts of dicts of dicts', () => fileWith(pickle(levels(40, 20), '.')), /contains no state dict/],
  ['a dict in itself', () => fileWith(pickle('}q\x01', text('a'), 'h\x01s.')), /contains no state dict/],
  ['a list in itself', () => fileWith(pickle(']q\x01h\x01a.')), /contains no state dict/],
  // Damaged pickles.
  ['an empty pickle', () => fileWith(new Uint8Array(0)), /ends too early/],
  ['a pickle without an end', () => fileWith(pickle('N')), /ends too early/],
  ['an empty stack', () => fileWith(pickle('0.')), /empty stack/],
  ['values below a mark', () => fileWith(pickle('N(0.')), /empty stack/],
  ['no mark', () => fileWith(pickle('t.')), /no mark/],
  ['a memo that is not set', () => fileWith(pickle('h\x05.')), /item 5 of the memo/],
  ['a key without a value', () => fileWith(pickle('}(Nu.')), /sets an item/],
  ['text that is not UTF-8', () => fileWith(pickle('X\x01\0\0\0\xff.')), /not UTF-8/],
  ['a name without a line break', () => fileWith(pickle('ctorch')), /ends too early/],
  // Tensors.
  ['a negative offset', () => withLstm({ bias_ih_l0: { offset: integer(-1) } }), /invalid size or stride/],
  ['a negative stride', () => withLstm({ bias_ih_l0: { strides: [integer(-1)] } }), /invalid size or stride/],
  [
    'a size that is a fraction',
    () => withLstm({ bias_ih_l0: { shape: ['G?\xe0\0\0\0\0\0\0'] } }),
    /invalid size or stride/,
  ],
  [
    'a size of 2^100',
    () => withLstm({ bias_ih_l0: { shape: [`\x8a\x0d${'\0'.repeat(12)}\x10`] } }),
    /invalid size or stride/,
  ],
  [
    'sizes of 2^31 each',
    () => withLstm({ bias_ih_l0: { shape: Array(4).fill(integer(big)), strides: Array(4).fill(integer(0)) } }),
    /more elements than its storage/,
  ],
  [
    'a tensor that is expanded',
    () => withLstm({ bias_ih_l0: { shape: [integer(1e9)], strides: [integer(0)] } }),
    /more elements than its storage/,
  ],
  ['a tensor after its storage', () => withLstm({ bias_ih_l0: { offset: integer(1) } }), /ends after its storage/],
  ['a stride without a size', () => withLstm({ bias_ih_l0: { strides: [] } }), /1 sizes and 0 strides/],
  [
    '33 dimensions',
    () => withLstm({ bias_ih_l0: { shape: Array(33).fill(integer(1)), strides: Array(33).fill(integer(1)) } }),
    /invalid size or stride/,
  ],
  ['a storage that is larger than its entry', () => withLstm({}, { 0: bytes(3) }), /has 12 bytes instead of 16/],
  [
    'a storage that is missing',
    () => withLstm({ bias_hh_l0: { key: '../../x' } }),
    /its storage "..\/..\/x" is missing/,
  ],
  ['NaN', () => withLstm({}, { 0: new Uint8Array(16).fill(255) }), /NaN at index 0/],
  [
    '1000 tensors of one storage',
    () =>
      fileWith(
        pickle(
          dict(
            ...Array.from(
              { length: 1000 },
              (_, i) => text(`t${i}`) + tensor({ count: 1e4, shape: [integer(1e4)], strides: [integer(1)] }),
            ),
          ),
          STOP,
        ),
        { 0: bytes(1e4) },
      ),
    /its tensors have 10000000 numbers, but its storages only 10000/,
  ],
  // Archives.
  ['an entry that claims 4 GB', () => archive({ size: 0xfffffffe }), /"a\/data\.pkl" is damaged/],
  ['an entry that ends after the file', () => archive({}, { packed: 0xfffffff0 }), /ends after the entries/],
  [
    'two entries with the same bytes',
    () => archive({}, {}, { local: 0, localName: 'a/data.pkl', name: 'a/data.pkl' }),
    /lies within another entry|has two names|the same name/,
  ],
  ['two entries with one name', () => archive({}, {}, { name: 'a/data/0' }), /two of its entries have the same name/],
  ['an entry with two names', () => archive({}, { localName: 'a/data/1' }), /has two names/],
  ['a compressed entry', () => archive({ method: 8 }), /is compressed/],
  ['an encrypted entry', () => archive({}, { flags: 1 }), /is encrypted/],
  ['a wrong checksum', () => archive({}, { crc: 1 }), /"a\/data\/0" is damaged/],
  ['an offset of 2^60', () => archive({ zip64: true, local: 2 ** 60 }), /declares 1152921504606846976 bytes/],
  [
    '65,000 entries in no directory',
    () => zipOf([{ name: 'a/data.pkl', data: bytes(1) }], { count: 65_000 }),
    /declares 65000 entries/,
  ],
  [
    'a directory after the file',
    () => zipOf([{ name: 'a/data.pkl', data: bytes(1) }], { offset: 1e9 }),
    /does not lie within the file/,
  ],
  ['a truncated archive', () => archive().subarray(0, 300), /truncated/],
  ['two pickles', () => archive({}, {}, { name: 'b/data.pkl' }), /2 entries named data\.pkl/],
  [
    'numbers that are big-endian',
    () => archive({}, {}, { name: 'a/byteorder', data: Uint8Array.from('big', (c) => c.charCodeAt(0)) }),
    /big-endian/,
  ],
];

describe('a hostile file is rejected in bounded time:', () => {
  test.each(HOSTILE)('%s', async (_, make, problem) => {
    const file = make();
    const error = await bounded(() => thrown(() => fromPytorch(file, { file: 'm.pt' })));
    expect(problemOf(error, 'INVALID_FILE').problem).toMatch(problem);
  });

  test('1,000 modules', () => {
    const one = (name: string, shape: number[]) => ({
      name,
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b)),
    });
    const tensors = Array.from({ length: 1000 }, (_, i) =>
      Object.entries(LSTM).map(([name, shape]) => one(`m${i}.${name}`, shape)),
    ).flat();
    const error = thrown(() => fromPytorch(writeSafetensors(tensors)));
    expect(error.message).toMatch(/it has 1000 modules, too many to find their order/);
  });

  test('12 LSTMs in any order', () => {
    const one = (name: string, shape: number[]) => ({
      name,
      shape,
      data: new Float32Array(shape.reduce((a, b) => a * b)),
    });
    const tensors = [...'abcdefghijkl'].flatMap((module) =>
      Object.entries(LSTM).map(([name, shape]) => one(`${module}.${name}`, shape)),
    );
    expect(thrown(() => fromPytorch(writeSafetensors(tensors))).message).toMatch(
      /the order of its modules is not known/,
    );
  });
});

test('names of the prototype are names', () => {
  for (const prefix of ['__proto__.', 'constructor.', '__proto__.toString.']) {
    const imported = fromPytorch(fileWith(pickle(lstm({}, prefix), STOP), STORAGE));
    expect(imported.spec.layers).toEqual([{ kind: 'lstm', hiddenSize: 1, name: prefix.slice(0, -1) }]);
    expect([...imported.parameters.keys()][0]).toBe(`${prefix}weight_ih_l0`);
  }
  expect(
    thrown(() => fromPytorch(fileWith(pickle(dict(text('__proto__') + lstm(), text('b') + lstm()), STOP), STORAGE)))
      .message,
  ).toMatch(/2 state dicts: __proto__, b\./);
  expect(({} as Record<string, unknown>).weight_ih_l0).toBeUndefined();
});
