/** onnxruntime-node: inference only. Option: `threads`. This file writes the model as ONNX protobuf. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { transposed } from '../workloads.mjs';

export async function create(workload, { inputs, parameters }, { threads }) {
  const { kind, I, hidden, B, T } = workload;
  const [H] = hidden;
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const session = await InferenceSession.create(lstmModel(workload, parameters), options);
  const x = new Tensor('float32', inputs, [T, B, I]);
  const zeros = () => new Tensor('float32', new Float32Array(B * H), [1, B, H]);
  let state = { h0: zeros(), c0: zeros() };
  const step = async () => {
    const { y, h1, c1 } = await session.run({ x, ...state });
    if (kind === 'stream') state = { h0: h1, c0: c1 };
    return y.data;
  };
  return { step };
}

// ---- ONNX (onnx.proto3): fields as `number << 3 | wire type`, then a varint or length and bytes

function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

const integer = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);

function bytes(field, value) {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
}

const message = (...parts) => Buffer.concat(parts.flat());

const FLOAT = 1;
const INT64 = 7;

/** TensorProto: dims 1, data_type 2, name 8, raw_data 9. */
const tensor = (name, dims, data, type = FLOAT) =>
  message(
    dims.map((d) => integer(1, d)),
    integer(2, type),
    bytes(8, name),
    bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  );

/** ValueInfoProto of a float tensor: name 1, type 2. */
const value = (name, dims) => {
  const shape = message(dims.map((d) => bytes(1, integer(1, d))));
  return message(bytes(1, name), bytes(2, bytes(1, message(integer(1, FLOAT), bytes(2, shape)))));
};

/** NodeProto: input 1, output 2, op_type 4, attribute 5 (name 1, i 3, type 20: 2 is an integer). */
const node = (op, inputs, outputs, attributes = {}) =>
  message(
    inputs.map((name) => bytes(1, name)),
    outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    Object.entries(attributes).map(([name, i]) => bytes(5, message(bytes(1, name), integer(3, i), integer(20, 2)))),
  );

/** ONNX's gate order is i, o, f, c (our g). */
const GATES = [0, 3, 1, 2];

/** The rows of a [4H, cols] matrix in ONNX's gate order. */
function reordered({ shape: [rows, cols = 1], data }) {
  const block = (rows / 4) * cols;
  const out = new Float32Array(data.length);
  for (const [k, gate] of GATES.entries()) out.set(data.subarray(gate * block, (gate + 1) * block), k * block);
  return out;
}

/** LSTM over x [T, B, I] from h0, c0, then MatMul and Add: y [T, B, O], h1, c1. One layer. */
function lstmModel({ I, hidden: [H], O, B, T }, parameters) {
  const biases = new Float32Array(8 * H); // input biases, then recurrent biases
  biases.set(reordered(parameters['lstm.bias_ih_l0']));
  const state = [1, B, H];
  const graph = message(
    bytes(1, node('LSTM', ['x', 'W', 'R', 'B', '', 'h0', 'c0'], ['Y', 'h1', 'c1'], { hidden_size: H })),
    bytes(1, node('Squeeze', ['Y', 'directions'], ['h'])),
    bytes(1, node('MatMul', ['h', 'head'], ['z'])),
    bytes(1, node('Add', ['z', 'bias'], ['y'])),
    bytes(2, 'lstm'),
    bytes(5, tensor('W', [1, 4 * H, I], reordered(parameters['lstm.weight_ih_l0']))),
    bytes(5, tensor('R', [1, 4 * H, H], reordered(parameters['lstm.weight_hh_l0']))),
    bytes(5, tensor('B', [1, 8 * H], biases)),
    bytes(5, tensor('head', [H, O], transposed(parameters['head.weight']))),
    bytes(5, tensor('bias', [O], parameters['head.bias'].data)),
    bytes(5, tensor('directions', [1], new BigInt64Array([1n]), INT64)),
    ['x', 'h0', 'c0'].map((name) => bytes(11, value(name, name === 'x' ? [T, B, I] : state))),
    ['y', 'h1', 'c1'].map((name) => bytes(12, value(name, name === 'y' ? [T, B, O] : state))),
  );
  const opset = integer(2, 13);
  return new Uint8Array(message(integer(1, 8), bytes(7, graph), bytes(8, opset)));
}
