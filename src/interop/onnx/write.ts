/** The messages of an ONNX file (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), as far as our models need them. */
import { type Field, message } from '../protobuf.js';

/** Element types of a tensor. */
const FLOAT = 1;
const INT64 = 7;

/** A dimension: a size, or the name of one that the caller chooses. */
type Dimension = number | string;

/** An attribute of a node. The elements of a list decide whether it has strings or floats. */
export type Attribute =
  | string
  | number
  | { readonly integer: number }
  | readonly string[]
  | readonly number[]
  | { readonly integers: readonly number[] };

interface NodeOf {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

const bytesOf = (values: Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A tensor of the graph, with its numbers. */
function tensor(name: string, shape: readonly number[], values: Float32Array | BigInt64Array): Uint8Array {
  const type = values instanceof Float32Array ? FLOAT : INT64;
  return message(...shape.map((size): Field => [1, size]), [2, type], [8, name], [9, bytesOf(values)]);
}

/** An input or output of the graph. */
function valueInfo(name: string, shape: readonly Dimension[], type: 'float' | 'int64'): Uint8Array {
  const dimensions = shape.map((size): Field => [1, message(typeof size === 'string' ? [2, size] : [1, size])]);
  const tensorType = message([1, type === 'float' ? FLOAT : INT64], [2, message(...dimensions)]);
  return message([1, name], [2, message([1, tensorType])]);
}

/** The fields of an attribute's value, and the number of its type (AttributeProto.AttributeType). */
function attributeFields(value: Attribute): readonly Field[] {
  if (typeof value === 'number')
    return [
      [2, { float: value }],
      [20, 1],
    ];
  if (typeof value === 'string')
    return [
      [4, value],
      [20, 3],
    ];
  if ('integer' in value)
    return [
      [3, value.integer],
      [20, 2],
    ];
  if ('integers' in value) return [...value.integers.map((one): Field => [8, one]), [20, 7]];
  if (typeof value[0] === 'string') return [...(value as readonly string[]).map((one): Field => [9, one]), [20, 8]];
  return [...(value as readonly number[]).map((one): Field => [7, { float: one }]), [20, 6]];
}

function node({ op, inputs, outputs, attributes = {} }: NodeOf): Uint8Array {
  const written = Object.entries(attributes).map(
    ([name, value]): Field => [5, message([1, name], ...attributeFields(value))],
  );
  return message(
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [3, outputs[0]!],
    [4, op],
    ...written,
  );
}

/** A graph under construction: IR version 8, opset 17. */
export class GraphBuilder {
  readonly nodes: NodeOf[] = [];
  private readonly tensors: Uint8Array[] = [];
  private readonly inputs: Uint8Array[] = [];
  private readonly outputs: Uint8Array[] = [];
  private count = 0;

  /** Adds a tensor, and returns its name. */
  floats(name: string, shape: readonly number[], values: Float32Array): string {
    this.tensors.push(tensor(name, shape, values));
    return name;
  }

  /** Adds a list of integers, and returns its name. */
  integers(values: readonly number[]): string {
    const name = `integers_${this.count++}`;
    this.tensors.push(tensor(name, [values.length], BigInt64Array.from(values, BigInt)));
    return name;
  }

  /** Declares an input of the graph, and returns its name. A dimension with a name is free. */
  input(name: string, shape: readonly Dimension[], type: 'float' | 'int64'): string {
    this.inputs.push(valueInfo(name, shape, type));
    return name;
  }

  /** Declares an output of the graph, and returns its name. `first` lists it before the others. */
  output(name: string, shape: readonly Dimension[], type: 'float' | 'int64', first = false): string {
    this.outputs.splice(first ? 0 : this.outputs.length, 0, valueInfo(name, shape, type));
    return name;
  }

  /** Adds a node, and returns the names of its outputs. */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: readonly string[],
  ): readonly string[] {
    this.nodes.push({ op, inputs, outputs, attributes });
    return outputs;
  }

  /** Adds a node with one output, and returns the name of that. */
  add(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.node(op, inputs, attributes, [`${op.toLowerCase()}_${this.count++}`])[0]!;
  }

  /** The bytes of the file. `metadata`: texts about the model. */
  file(metadata: Readonly<Record<string, string>>): Uint8Array {
    const graph = message(
      ...this.nodes.map((one): Field => [1, node(one)]),
      [2, 'unspool'],
      ...this.tensors.map((one): Field => [5, one]),
      ...this.inputs.map((one): Field => [11, one]),
      ...this.outputs.map((one): Field => [12, one]),
    );
    const texts = Object.entries(metadata).map(([key, text]): Field => [14, message([1, key], [2, text])]);
    return message([1, 8], [2, 'Unspool'], [8, message([1, ''], [2, 17])], [7, graph], ...texts);
  }
}
