/** Files of Keras and TensorFlow.js that would cost much, or that are damaged anywhere. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { fromKeras } from '../../../src/interop/imports/keras/index.js';
import { writeZip } from '../../../src/interop/zip-write.js';
import { bounded } from '../../support/cost.js';
import { problemOf, rejected } from '../../support/errors.js';
import { fixture, utf8 } from './support.js';

/** An HDF5 file that is written number by number. */
class Hdf5Draft {
  readonly bytes: Uint8Array;
  private readonly view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.bytes.set(fixture('tokens.h5').subarray(0, 96)); // a superblock
    this.u64(64, 96); // the address of the root group's header
  }

  text(at: number, text: string): this {
    this.bytes.set(utf8(text), at);
    return this;
  }

  u8(at: number, ...values: number[]): this {
    this.bytes.set(values, at);
    return this;
  }

  u16(at: number, value: number): this {
    this.view.setUint16(at, value, true);
    return this;
  }

  u32(at: number, value: number): this {
    this.view.setUint32(at, value, true);
    return this;
  }

  u64(at: number, value: number): this {
    this.view.setBigUint64(at, BigInt(value), true);
    return this;
  }

  /** The header of an object in version 1, with a message of a type. */
  header(at: number, type: number, size: number): this {
    return this.u8(at, 1)
      .u16(at + 2, 1)
      .u32(at + 8, size + 8)
      .u16(at + 16, type)
      .u16(at + 18, size);
  }
}

/** A group whose B-tree has `levels` levels; all `fan` children of a node are the same node. */
function treeOf(levels: number, fan: number): Uint8Array {
  const [heap, leaf, start, node] = [160, 256, 320, 32 + 16 * fan];
  const file = new Hdf5Draft(start + levels * node)
    .header(96, 0x11, 16)
    .u64(120, start + (levels - 1) * node)
    .u64(128, heap);
  file
    .text(heap, 'HEAP')
    .u64(heap + 8, 32)
    .u64(heap + 24, 192);
  file.text(leaf, 'SNOD');
  for (let level = 0; level < levels; level++) {
    const at = start + level * node;
    file
      .text(at, 'TREE')
      .u8(at + 5, level)
      .u16(at + 6, fan);
    for (let i = 0; i < fan; i++) file.u64(at + 32 + 16 * i, level === 0 ? leaf : at - node);
  }
  return file.bytes;
}

/** A root group with the text attribute model_config of a number of elements, which is not there. */
function attributeOf(elements: number): Uint8Array {
  const at = 120;
  const file = new Hdf5Draft(4096)
    .header(96, 0x0c, 80)
    .u8(at, 1)
    .u16(at + 2, 13)
    .u16(at + 4, 8)
    .u16(at + 6, 16);
  file
    .text(at + 8, 'model_config')
    .u8(at + 24, 0x13)
    .u32(at + 28, 1 << 20);
  return file.u8(at + 32, 1, 1).u64(at + 40, elements).bytes;
}

/** A zip archive of a deflated member and two others. `declared`: the size that it claims to unpack to. */
function bomb(name: string, content: Uint8Array, others: readonly string[], declared = content.length): Uint8Array {
  const packed = deflateRawSync(content);
  const zip = writeZip([{ name, content: packed }, ...others.map((other) => ({ name: other, content: utf8('{}') }))]);
  const view = new DataView(zip.buffer);
  for (let at = 0; at + 46 < zip.length; at++) {
    const isLocal = view.getUint32(at, true) === 0x04034b50;
    if (!isLocal && view.getUint32(at, true) !== 0x02014b50) continue;
    const field = isLocal ? at + 8 : at + 10;
    if (zip[field + (isLocal ? 22 : 36)] !== name.charCodeAt(0)) continue;
    view.setUint16(field, 8, true);
    view.setUint32(field + 14, declared, true);
  }
  return zip;
}

/** A `.h5` file with this config: the text is stored in its only attribute. */
const withConfig = (config: string): Uint8Array => {
  const text = utf8(config);
  const at = 120;
  const file = new Hdf5Draft(256 + text.length)
    .header(96, 0x0c, 56)
    .u8(at, 1)
    .u16(at + 2, 13)
    .u16(at + 4, 8)
    .u16(at + 6, 8);
  // A text of variable length, in a global heap.
  file
    .text(at + 8, 'model_config')
    .u8(at + 24, 0x19, 1)
    .u32(at + 28, 16)
    .u8(at + 32, 1, 0)
    .u32(at + 40, text.length)
    .u64(at + 44, 184)
    .u32(at + 52, 1);
  file
    .text(184, 'GCOL')
    .u64(192, 72 + text.length)
    .u16(200, 1)
    .u64(208, text.length);
  file.bytes.set(text, 216);
  return file.bytes;
};
const sequential = (layers: string): string => `{"class_name":"Sequential","config":{"layers":[${layers}]}}`;
/** A `.keras` file with these bytes as its weights. */
const withWeights = (content: Uint8Array): Uint8Array =>
  writeZip([
    { name: 'metadata.json', content: utf8('{}') },
    { name: 'config.json', content: utf8(sequential(DENSE)) },
    { name: 'model.weights.h5', content },
  ]);
const DENSE = '{"class_name":"Dense","config":{"name":"d","units":1}}';
const manifest = (shape: string, count = 1): Uint8Array => {
  const weight = `{"name":"kernel","shape":${shape},"dtype":"float32"}`;
  return utf8(`[{"paths":["a"],"weights":[${Array(count).fill(weight).join()}]}]`);
};

const MEMBERS = ['metadata.json', 'model.weights.h5'];

const HOSTILE: readonly (readonly [why: string, file: () => Uint8Array, problem: string])[] = [
  ['a B-tree of 32^8 nodes', () => withWeights(treeOf(8, 32)), 'takes more than 1000000 steps'],
  ['a B-tree of 32^4 leaves', () => withWeights(treeOf(4, 32)), 'takes more than 1000000 steps'],
  [
    'a B-tree whose root is its child',
    () =>
      withWeights(
        new Hdf5Draft(400)
          .header(96, 0x11, 16)
          .u64(120, 200)
          .u64(128, 160)
          .text(160, 'HEAP')
          .u64(184, 192)
          .text(200, 'TREE')
          .u8(205, 1)
          .u16(206, 3)
          .u64(232, 200).bytes,
      ),
    'has the wrong type or level',
  ],
  [
    'a header that continues itself',
    () => new Hdf5Draft(400).header(96, 0x10, 16).u64(120, 112).u64(128, 24).bytes,
    'continues itself',
  ],
  ['a header of 4 GB', () => new Hdf5Draft(400).u8(96, 1).u32(104, 0xffff_ffff).bytes, 'refers to 4294967295 bytes'],
  ['an attribute of 2^50 texts', () => attributeOf(2 ** 50), 'bytes, but the file has 4096'],
  ['an attribute of a million texts', () => attributeOf(1e6), 'takes 1048576000000 bytes, but the file has'],
  ['a config of nested lists', () => withConfig('['.repeat(1e6)), 'its model_config is nested too deeply'],
  ['a config of a million layers', () => withConfig(sequential(Array(1e5).fill(DENSE).join())), 'the maximum is 1000'],
  [
    'a config that is not a model',
    () => withConfig('{"class_name":"__proto__","config":{"layers":[]}}'),
    'it describes a "__proto__"',
  ],
  [
    'a config with __proto__',
    () => withConfig(`{"__proto__":${sequential(DENSE)}}`),
    'it describes a model without a class',
  ],
  [
    'a layer with __proto__ as its class',
    () => withConfig(sequential('{"class_name":"__proto__","config":{}}')),
    'Unspool does not have this layer',
  ],
  [
    'a layer whose settings are inherited',
    () => withConfig(sequential('{"class_name":"Dense","config":{"__proto__":{"units":1}}}')),
    'its units are missing',
  ],
  ['a zip bomb', () => bomb('config.json', new Uint8Array(5e7), MEMBERS), 'by more than 100 times'],
  [
    'a zip bomb that hides its size',
    () => bomb('config.json', new Uint8Array(5e7), MEMBERS, 1000),
    'does not unpack to 1000 bytes',
  ],
  ['a zip bomb of arrays', () => bomb('a.npy', new Uint8Array(5e7), ['b.npy', 'c.npy']), '3 arrays of 50000004 bytes'],
  ['a weight of 2^60 numbers', () => manifest('[1073741824,1073741824]'), 'ends after its shards'],
  ['a weight of negative size', () => manifest('[-1]'), 'has no name or no shape'],
  ['a million weights', () => manifest('[]', 2e5), 'or 10000 weights'],
];

const part = async () => new Uint8Array(16);

describe('a hostile file is rejected in bounded time and memory:', () => {
  it.each(HOSTILE)('%s', async (_, file, problem) => {
    const bytes = file();
    const memory = process.memoryUsage().arrayBuffers;
    const error = await bounded(() => rejected(() => fromKeras(bytes, { part })));
    expect(problemOf(error, 'INVALID_FILE').problem).toContain(problem);
    expect(error.message.length).toBeLessThan(1000);
    expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(1e8);
  });
});
