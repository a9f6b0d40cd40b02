/** Hostile and damaged ONNX files are refused with `INVALID_FILE`, in bounded time and memory. */
import { describe, expect, test } from '@jest/globals';
import { toOnnx } from '../../../src/interop/exports/onnx.js';
import { fromOnnx, openOnnx } from '../../../src/interop/imports/onnx/index.js';
import { GraphBuilder } from '../../../src/interop/onnx/write.js';
import { type Field, message } from '../../../src/interop/protobuf.js';
import { bounded } from '../../support/cost.js';
import { problemOf, thrown } from '../../support/errors.js';
import { joined } from './support.js';

/** A file with a graph of these fields, and a layer, so that only what the test spoils is wrong. */
const file = (...fields: readonly Field[]): Uint8Array => message([1, 8], [7, message(...fields)]);
const node = (op: string, inputs: readonly string[], outputs: readonly string[], ...more: readonly Field[]): Field => [
  1,
  message(...inputs.map((name): Field => [1, name]), ...outputs.map((name): Field => [2, name]), [4, op], ...more),
];
const attribute = (name: string, type: number, ...value: readonly Field[]): Field => [
  5,
  message([1, name], [20, type], ...value),
];
const floats = (name: string, shape: readonly number[], bytes: number): Field => [
  5,
  message(...shape.map((size): Field => [1, size]), [2, 1], [8, name], [9, new Uint8Array(bytes)]),
];
const sizes = (name: string, values: readonly number[]): Field => [
  5,
  message([1, values.length], [2, 7], [8, name], [9, new Uint8Array(BigInt64Array.from(values, BigInt).buffer)]),
];
const output: Field = [12, message([1, 'y'])];

/** A graph in the body of an `If`, `depth` deep. */
function nested(depth: number): Uint8Array {
  let graph = message(output);
  for (let i = 0; i < depth; i++) {
    graph = message(node('If', ['x'], ['y'], attribute('then_branch', 5, [6, graph])), output);
  }
  return message([1, 8], [7, graph]);
}

/** A chain of nodes of one operator. */
const long = (op: string, count: number, inputs: (i: number) => string[]): Uint8Array =>
  file([11, message([1, 'x0'])], ...Array.from({ length: count }, (_, i) => node(op, inputs(i), [`x${i + 1}`])), [
    12,
    message([1, `x${count}`]),
  ]);

const CASES: readonly (readonly [what: string, bytes: Uint8Array, message: RegExp])[] = [
  ['a node that reads its own output', file(node('Relu', ['y'], ['y']), output), /reads the value "y", which nothing/],
  [
    'a cycle of two nodes',
    file(node('Relu', ['b'], ['a']), node('Relu', ['a'], ['b']), output),
    /reads the value "b", which nothing before it computes/,
  ],
  ['a tensor of a terabyte', file(floats('w', [2 ** 20, 2 ** 18], 8), output), /has shape .* but 2 numbers/],
  ['sizes whose product is beyond 2^53', file(floats('w', Array(9).fill(2 ** 40), 8), output), /but 2 numbers/],
  ['a negative size', file(floats('w', [-2, -1], 8), output), /has the shape \[-2, -1\]/],
  ['17 dimensions', file(floats('w', Array(17).fill(1), 4), output), /has 17 dimensions/],
  [
    'a constant of a gigabyte',
    file(sizes('s', [2 ** 14, 2 ** 14]), node('ConstantOfShape', ['s'], ['y']), output),
    /more memory/,
  ],
  [
    'a constant that is expanded',
    file(floats('w', [1], 4), sizes('s', [2 ** 40]), node('Expand', ['w', 's'], ['y']), output),
    /more memory/,
  ],
  [
    'a constant that doubles 60 times',
    file(
      floats('x0', [1], 4),
      ...Array.from({ length: 60 }, (_, i) => {
        return node('Concat', [`x${i}`, `x${i}`], [`x${i + 1}`], attribute('axis', 2, [3, 0]));
      }),
      [12, message([1, 'x60'])],
    ),
    /more memory/,
  ],
  ['two tensors of one name', file(floats('w', [1], 4), floats('w', [1], 4), output), /two tensors named "w"/],
  [
    'two nodes that compute one value',
    file(floats('w', [1], 4), node('Relu', ['w'], ['y']), node('Relu', ['w'], ['y']), output),
    /two nodes or tensors of a graph are named "y"/,
  ],
  [
    'an attribute that is there twice',
    file(node('Relu', [], ['y'], attribute('a', 2, [3, 1]), attribute('a', 2, [3, 1])), output),
    /has the attribute "a" twice/,
  ],
  ['an attribute of an unknown type', file(node('Relu', [], ['y'], attribute('a', 99)), output), /has type 99/],
  ['an If without a branch', file(floats('w', [], 4), node('If', ['w'], ['y']), output), /has no graph "else_branch"/],
  ['graphs nested 40 deep', nested(40), /nested more than 32 deep/],
  ['graphs nested 2,000 deep', nested(2000), /nested more than 32 deep/],
  ['a varint of 11 bytes', joined([Uint8Array.of(8), new Uint8Array(11).fill(0xff)]), /varint of more than ten bytes/],
  ['a varint without an end', Uint8Array.of(8, 0xff, 0xff), /truncated/],
  ['bytes that are longer than the file', Uint8Array.of(8, 8, 0x3a, 0xff, 0xff, 0xff, 0x7f), /truncated/],
  [
    'bytes of a negative length',
    joined([Uint8Array.of(0x3a), new Uint8Array(9).fill(0xff), Uint8Array.of(1)]),
    /trunc/,
  ],
  ['a wire type that is not used', Uint8Array.of(8, 8, 0x3b), /wire type 3/],
  ['a field number of 0', Uint8Array.of(0, 8), /field number 0/],
  ['no graph', message([1, 8]), /has no graph/],
  ['a text where a graph belongs', message([1, 8], [7, 5]), /field 7 of a message is not bytes/],
  [
    'numbers in another file',
    file([5, message([1, 1], [2, 1], [8, 'w'], [14, 1])], output),
    /in another file \(external data\)/,
  ],
  ['an element type of texts', file([5, message([1, 1], [2, 8], [8, 'w'])], output), /element type 8/],
  ['sparse tensors', file([15, message()], output), /sparse/],
  ['a chain of 10,000 activations', long('Sigmoid', 10_000, (i) => [`x${i}`]), /10000 of 10000 layers cannot/],
  ['a chain of 10,000 products', long('Mul', 10_000, (i) => [`x${i}`, `x${i}`]), /10000 of 10000 layers cannot/],
  ['a chain of 10,000 nodes that do nothing', long('Identity', 10_000, (i) => [`x${i}`]), /has no layers/],
  ['10,000 nodes of one name', named(10_000), /10000 of 10000 layers/],
];

/** Nodes that all have one name. */
function named(count: number): Uint8Array {
  const nodes = Array.from({ length: count }, (_, i) => node('Relu', [`x${i}`], [`x${i + 1}`], [3, 'relu']));
  return file([11, message([1, 'x0'])], ...nodes, [12, message([1, `x${count}`])]);
}

test.each(CASES)('%s', async (_, bytes, expected) => {
  const error = await bounded(() => thrown(() => fromOnnx(bytes, { file: 'bad.onnx' })));
  const { file, problem, help = '' } = problemOf(error, 'INVALID_FILE');
  expect(file).toBe('bad.onnx');
  expect(`${problem} ${help}`).toMatch(expected);
});

/** An affine value that is added to itself, again and again. */
test('sums that double 60 times are not followed', () => {
  const graph = new GraphBuilder();
  const x = graph.input('x', ['T', 'N', 2], 'float');
  let at = graph.add('MatMul', [x, graph.floats('w', [2, 2], new Float32Array(4))]);
  for (let i = 0; i < 60; i++) at = graph.add('Add', [at, at]);
  graph.output(at, [], 'float');
  expect(openOnnx(graph.file({}), { file: 'f', part: null }).layers.some(({ kind }) => kind === 'Add')).toBe(true);
});

describe('names of what every object has', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('%s', (name) => {
    const graph = new GraphBuilder();
    const x = graph.input(name, ['T', 'N', 2], 'float');
    const W = graph.floats(`${name}W`, [1, 12, 2], new Float32Array(24));
    const R = graph.floats(`${name}R`, [1, 12, 3], new Float32Array(36));
    const [y] = graph.node('LSTM', [x, W, R], { [name]: 'a', hidden_size: { integer: 3 } }, [`${name}Y`]);
    graph.node(name, [y!], {}, [`${name}Z`]);
    graph.output(`${name}Z`, [], 'float');
    const bytes = graph.file({ [name]: '{}', spec: '{"__proto__": 1}', initial_state: 'null' });
    expect(thrown(() => fromOnnx(bytes)).message).toContain(`${name}Z (${name}): no layer computes it.`);
    expect(thrown(() => fromOnnx(bytes, { node: name })).code).toBe('INVALID_SETTING');
    expect(fromOnnx(bytes, { node: `${name}Y` }).spec.layers).toEqual([{ kind: 'lstm', hiddenSize: 3, bias: false }]);
    expect(Object.hasOwn(Object.prototype, 'spec')).toBe(false);
  });
});

test('metadata that are wrong are not used', () => {
  const spec = { inputSize: 2, layers: [{ kind: 'lstm' as const, hiddenSize: 3, initialState: 'learned' as const }] };
  const names = [
    ['weight_ih_l0', 24],
    ['weight_hh_l0', 36],
    ['bias_ih_l0', 12],
    ['bias_hh_l0', 12],
    ['h0_l0', 3],
    ['c0_l0', 3],
  ] as const;
  const parameters = new Map(names.map(([name, size]) => [`lstm.${name}`, new Float32Array(size).fill(0.5)]));
  const bytes = toOnnx({ spec, parameters });
  expect(fromOnnx(bytes).spec).toEqual(spec);
  for (const states of [
    'null',
    '{}',
    '[[{"h":{"length":1e9},"c":0}]]',
    '[1',
    '['.repeat(1000),
    '[[{"h":[1],"c":[2]}]]',
  ]) {
    const other = joined([bytes, message([14, message([1, 'initial_state'], [2, states])])]);
    expect(fromOnnx(other).spec.layers).toEqual([{ kind: 'lstm', hiddenSize: 3 }]);
  }
  const huge = JSON.stringify({ inputSize: 2, layers: [{ kind: 'lstm', hiddenSize: 16_000_000 }] });
  for (const wrong of [huge, '[]', '{', 'null', JSON.stringify({ ...spec, seed: 7 })]) {
    const other = joined([bytes, message([14, message([1, 'spec'], [2, wrong])])]);
    expect(fromOnnx(other).spec.layers).toEqual([{ kind: 'lstm', hiddenSize: 3 }]);
  }
});
