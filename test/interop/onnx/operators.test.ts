/** What an ONNX LSTM may be, what is refused with which reason, and how tensors are stored. */
import { describe, expect, test } from '@jest/globals';
import { halfBits } from '../../../src/interop/half.js';
import { fromOnnx, openOnnx } from '../../../src/interop/imports/onnx/index.js';
import type { Tensor } from '../../../src/interop/imports/onnx/tensor.js';
import { type Attribute, GraphBuilder } from '../../../src/interop/onnx/write.js';
import { type Field, message } from '../../../src/interop/protobuf.js';
import { thrown } from '../../support/errors.js';
import { testRandom } from '../../support/random.js';
import { tensorFile } from './support.js';

const [D, H] = [2, 3];
const random = testRandom(3);
const floats = (count: number): Float32Array => Float32Array.from(random.normals(count));

interface Options {
  readonly directions?: 1 | 2;
  /** Inputs 3 to 7: B, sequence_lens, initial_h, initial_c, P. */
  readonly more?: (graph: GraphBuilder) => readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly input?: readonly (number | string)[];
  /** What follows the LSTM, by the names of its outputs; the name of the graph's output. */
  readonly after?: (graph: GraphBuilder, y: readonly string[]) => string;
}

/** A file with one LSTM. */
function lstm({ directions = 1, more = () => [], attributes = {}, input = ['T', 'N', D], after }: Options): Uint8Array {
  const graph = new GraphBuilder();
  const x = graph.input('x', input, 'float');
  const W = graph.floats('W', [directions, 4 * H, D], floats(directions * 4 * H * D));
  const R = graph.floats('R', [directions, 4 * H, H], floats(directions * 4 * H * H));
  const outputs = graph.node('LSTM', [x, W, R, ...more(graph)], attributes, ['y', 'h', 'c']);
  graph.output(after?.(graph, outputs) ?? 'y', [], 'float');
  return graph.file({});
}

const layersOf = (bytes: Uint8Array) => fromOnnx(bytes).spec.layers;
const both: Attribute = 'bidirectional';

describe('an LSTM', () => {
  test.each<[what: string, options: Options, spec: object]>([
    ['of no more than weights', {}, { bias: false }],
    ['with the direction in reverse', { attributes: { direction: 'reverse' } }, { bias: false, direction: 'reverse' }],
    [
      'with coupled gates',
      { attributes: { input_forget: { integer: 1 } } },
      { bias: false, cell: { gates: 'coupled' } },
    ],
    [
      'with activations in any case, whose numbers are used up in order',
      {
        attributes: {
          activations: ['hardsigmoid', 'LEAKYRELU', 'Affine'],
          activation_alpha: [0.25, 0.125, 2],
          activation_beta: [0.5, 0.75],
        },
      },
      {
        bias: false,
        cell: {
          activations: {
            gate: { kind: 'hardSigmoid', alpha: 0.25, beta: 0.5 },
            candidate: { kind: 'leakyRelu', alpha: 0.125 },
            output: { kind: 'affine', alpha: 2, beta: 0.75 },
          },
        },
      },
    ],
    [
      'with activations without their numbers',
      { attributes: { activations: ['HardSigmoid', 'Elu', 'Softsign'] } },
      { bias: false, cell: { activations: { gate: 'hardSigmoid', candidate: 'elu', output: 'softsign' } } },
    ],
    [
      'with one bias, because the other one is zeros',
      {
        more: (graph) => [
          graph.floats(
            'B',
            [1, 8 * H],
            Float32Array.from({ length: 8 * H }, (_, i) => Number(i < H)),
          ),
        ],
      },
      { bias: 'single' },
    ],
    [
      'with a constant initial state',
      { more: (graph) => ['', '', graph.floats('h0', [1, 2, H], new Float32Array(2 * H).fill(0.5))] },
      { bias: false, initialState: 'learned' },
    ],
    [
      'with an initial state of constant zeros',
      { more: (graph) => ['', '', graph.floats('h0', [1, 2, H], new Float32Array(2 * H))] },
      { bias: false },
    ],
    ['with only its last h read', { after: (_, y) => y[1]! }, { bias: false, returns: 'last' }],
  ])('%s', (_, options, spec) => {
    expect(layersOf(lstm(options))).toEqual([{ kind: 'lstm', hiddenSize: H, ...spec }]);
  });

  const refused: readonly (readonly [options: Options, reason: RegExp])[] = [
    [{ attributes: { clip: 1 } }, /it clips what the activations read/],
    [{ attributes: { direction: 'sideways' } }, /its direction is "sideways"/],
    [{ attributes: { hidden_size: { integer: 7 } } }, /its weights W have shape \[1, 12, 2\] instead of \[1, 28, 2\]/],
    [{ attributes: { activations: ['Sigmoid', 'Tanh', 'Sine'] } }, /has the activation "Sine", which is unknown/],
    [{ attributes: { activations: ['Sigmoid'] } }, /1 activations instead of 3/],
    [
      {
        directions: 2,
        attributes: { direction: both, activations: ['Sigmoid', 'Tanh', 'Tanh', 'Sigmoid', 'Relu', 'Tanh'] },
      },
      /its directions have different activations/,
    ],
    [{ more: (graph) => [graph.input('B', [1, 8 * H], 'float')] }, /its weights B are computed, not constant/],
    [{ more: (graph) => ['', graph.integers([4, 4])] }, /sequence lengths are constant/],
    [
      { more: (graph) => ['', '', graph.floats('h0', [1, 2, H], floats(2 * H))] },
      /initial states differ between the sequences/,
    ],
    [
      {
        more: (graph) => {
          const h0 = graph.floats('h0', [1, 1, H], new Float32Array(H).fill(1));
          return ['', '', h0, graph.input('c0', [1, 'N', H], 'float')];
        },
      },
      /one half of its initial state is constant/,
    ],
    [{ input: ['N', D] }, /its input has 2 dimensions instead of 3/],
    [
      { after: (graph, y) => graph.add('Softmax', [y[0]!]) },
      /softmax_0 \(Softmax\): no layer computes it alone. A model ends with logits/,
    ],
    [{ after: (graph, y) => graph.add('GRU', [y[0]!]) }, /the only recurrent layer of Unspool is the LSTM/],
    ...['DynamicQuantizeLSTM', 'DynamicQuantizeLinear', 'MatMulInteger', 'QLinearMatMul'].map(
      (op) =>
        [{ after: (graph: GraphBuilder, y: readonly string[]) => graph.add(op, [y[0]!]) }, /it is quantized/] as const,
    ),
    // The last row of Y is not where the reverse direction ends.
    [
      {
        directions: 2,
        attributes: { direction: both },
        after: (graph, y) => graph.add('Slice', [y[0]!, ...[-1, 2 ** 31, 0].map((value) => graph.integers([value]))]),
      },
      /Slice\): it rearranges or selects numbers as no layer does/,
    ],
    // Steps would be read as sequences.
    [
      {
        after: (graph, y) => {
          const rows = graph.add('Squeeze', [y[0]!, graph.integers([1])]);
          const turned = graph.add('Transpose', [rows], { perm: { integers: [1, 0, 2] } });
          const [W, R] = [graph.floats('W1', [1, 4, H], floats(4 * H)), graph.floats('R1', [1, 4, 1], floats(4))];
          return graph.add('LSTM', [turned, W, R]);
        },
      },
      /dimension 0 of its input is not what an LSTM reads there \(T, N, F\)/,
    ],
    // Numbers of two steps would be read as the features of one.
    [
      {
        after: (graph, y) => {
          const rows = graph.add('Reshape', [y[0]!, graph.integers([-1, 1, 2 * H])]);
          return graph.add('MatMul', [rows, graph.floats('w', [2 * H, 1], floats(2 * H))]);
        },
      },
      /reshape_\d+ \(Reshape\): it rearranges/,
    ],
  ];
  test.each(refused.map(([options, reason]) => [reason, options] as const))('is refused: %s', (reason, options) => {
    expect(thrown(() => fromOnnx(lstm(options))).message).toMatch(reason);
  });

  test('what is selected may be several layers in a row', () => {
    const bytes = lstm({
      after: (graph, y) => {
        const rows = graph.add('Squeeze', [y[0]!, graph.integers([1])]);
        return graph.add('Relu', [graph.add('MatMul', [rows, graph.floats('w', [H, 1], floats(H))])]);
      },
    });
    const names = openOnnx(bytes, { file: 'f', part: null }).layers.map(({ name }) => name);
    expect(names).toEqual(['y', expect.stringMatching('matmul'), expect.stringMatching('relu')]);
    const [own, linear, relu] = names as [string, string, string];
    expect(fromOnnx(bytes, { node: `${own}, ${linear}` }).spec.layers.map(({ kind }) => kind)).toEqual([
      'lstm',
      'linear',
    ]);
    expect(thrown(() => fromOnnx(bytes, { node: `${linear},${own}` })).message).toMatch(/does not read the output of/);
    expect(thrown(() => fromOnnx(bytes, { node: relu })).message).toMatch(/cannot be imported: no layer computes it/);
    expect(thrown(() => fromOnnx(bytes, { node: 'z' })).code).toBe('INVALID_SETTING');
  });
});

describe('a tensor', () => {
  const values = [1, -2.5, 0.375];
  const read = (...fields: readonly Field[]): Tensor => tensorFile(message([1, 3], ...fields));
  const raw = (data: { readonly buffer: ArrayBufferLike }): Field => [9, new Uint8Array(data.buffer)];

  test.each<[what: string, found: Tensor, expected: readonly number[]]>([
    ['float, raw', read([2, 1], raw(Float32Array.from(values))), values],
    ['float, listed', read([2, 1], ...values.map((value): Field => [4, { float: value }])), values],
    ['float, packed', read([2, 1], [4, new Uint8Array(Float32Array.from(values).buffer)]), values],
    ['double, raw', read([2, 11], raw(Float64Array.from(values))), values],
    ['double, packed', read([2, 11], [10, new Uint8Array(Float64Array.from(values).buffer)]), values],
    ['float16, raw', read([2, 10], raw(Uint16Array.from(values, halfBits))), values],
    ['float16, listed', read([2, 10], ...values.map((value): Field => [5, halfBits(value)])), values],
    ['bfloat16, raw', read([2, 16], raw(Uint16Array.of(0x3f80, 0xc020, 0x3ec0))), values],
    ['int64, raw', read([2, 7], raw(BigInt64Array.of(1n, -2n, -(2n ** 63n)))), [1, -2, -(2 ** 63)]],
    ['int64, listed', read([2, 7], [7, 5], [7, -6n], [7, -(2n ** 63n)]), [5, -6, -(2 ** 63)]],
    ['int32, packed', read([2, 6], [5, Uint8Array.of(1, 0x96, 1, 0)]), [1, 150, 0]],
    ['int8, raw', read([2, 3], [9, Uint8Array.of(1, 255, 128)]), [1, -1, -128]],
    ['bool, raw', read([2, 9], [9, Uint8Array.of(1, 0, 1)]), [1, 0, 1]],
  ])('of type %s', (_, found, expected) => {
    expect(found.shape).toEqual([3]);
    expect([...found.values]).toEqual(expected);
  });

  test('of another length is refused', () => {
    expect(() => read([2, 1], [9, new Uint8Array(8)])).toThrow('has shape [3] but 2 numbers of type float.');
    expect(() => read([2, 7], [7, 1])).toThrow('has shape [3] but 1 numbers of type int64.');
  });
});
