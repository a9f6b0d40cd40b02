/** The graph of an ONNX file (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */
import { type Fail, type Message, readMessage } from '../../protobuf-read.js';
import { quoted } from '../../safetensors.js';
import { type ElementType, elementType, readTensor, type Tensor } from './tensor.js';

/** Graphs inside graphs. Real files have three. */
const MAX_DEPTH = 32;

/** The value of an attribute. */
export type AttributeValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | { readonly tensor: Tensor }
  | { readonly graph: Graph };

/** An operation of a graph. */
export interface Node {
  /** Its name in the file, or one made of its operator and its place; unique in the file. */
  readonly name: string;
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  /** Names of values; an empty one is an absent input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

/** An input of a graph: its element type and its sizes, null where the caller chooses; `shape` is null if it is not declared. */
export interface GraphInput {
  readonly name: string;
  readonly type: ElementType | null;
  readonly shape: readonly (number | null)[] | null;
}

/** A graph: the main one, or the body of an `If`, `Loop` or `Scan`. */
export interface Graph {
  readonly nodes: readonly Node[];
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Inputs without a value in the file. */
  readonly inputs: readonly GraphInput[];
  readonly outputs: readonly string[];
}

/** What an ONNX file contains, as far as it is read. */
export interface OnnxFile {
  readonly graph: Graph;
  readonly metadata: ReadonlyMap<string, string>;
}

class GraphReader {
  private readonly fail: Fail;
  /** Names of nodes, and how many nodes have each. */
  private readonly names = new Map<string, number>();

  constructor(fail: Fail) {
    this.fail = fail;
  }

  /** A name that no other node has. */
  private unique(name: string): string {
    const count = (this.names.get(name) ?? 0) + 1;
    this.names.set(name, count);
    return count === 1 ? name : this.unique(`${name} (${count})`);
  }

  private attribute(message: Message, node: string, path: string, depth: number): AttributeValue {
    if (message.has(21)) this.fail(`the node ${quoted(node)} is part of a function, which is not read.`);
    const name = message.text(1);
    switch (message.integer(20)) {
      case 1:
        return message.float(2);
      case 2:
        return message.integer(3);
      case 3:
        return message.text(4);
      case 4:
        return { tensor: this.tensor(message.message(5), `${node}: ${name}`) };
      case 5: {
        const graph = message.message(6);
        if (!graph) return this.fail(`the attribute ${quoted(name)} of the node ${quoted(node)} has no graph.`);
        return { graph: this.graph(graph, path, depth + 1) };
      }
      case 6:
        return message.floats(7);
      case 7:
        return message.integers(8);
      case 8:
        return message.texts(9);
      default: {
        const help = 'Types 1 to 8 are read: numbers, texts, lists of them, a tensor, a graph.';
        return this.fail(`the attribute ${quoted(name)} of ${quoted(node)} has type ${message.integer(20)}.`, help);
      }
    }
  }

  private tensor(message: Message | null, name: string): Tensor {
    return message ? readTensor(message, name, this.fail) : this.fail(`the tensor ${quoted(name)} is missing.`);
  }

  private node(message: Message, place: string, depth: number): Node {
    const op = message.text(4);
    const name = this.unique(message.text(3) || `${place}${op}`);
    const domain = message.text(7);
    const attributes = new Map<string, AttributeValue>();
    for (const attribute of message.messages(5)) {
      const key = attribute.text(1);
      if (attributes.has(key)) this.fail(`the node ${quoted(name)} has the attribute ${quoted(key)} twice.`);
      attributes.set(key, this.attribute(attribute, name, `${name}/${key}/`, depth));
    }
    return {
      name,
      op,
      domain: domain === 'ai.onnx' ? '' : domain,
      inputs: message.texts(1),
      outputs: message.texts(2),
      attributes,
    };
  }

  /** Reads a graph. `path` begins the names of nodes without one. */
  graph(message: Message, path: string, depth: number): Graph {
    if (depth > MAX_DEPTH) this.fail(`it has graphs nested more than ${MAX_DEPTH} deep.`);
    if (message.has(15)) this.fail('it has sparse tensors, which are not read.');
    const tensors = new Map<string, Tensor>();
    for (const tensor of message.messages(5)) {
      const name = tensor.text(8);
      if (tensors.has(name)) this.fail(`it has two tensors named ${quoted(name)}.`);
      tensors.set(name, this.tensor(tensor, name));
    }
    const inputs = message.messages(11).map(readInput);
    return {
      nodes: message.messages(1).map((node, i) => this.node(node, `${path}${i}:`, depth)),
      tensors,
      inputs: inputs.filter(({ name }) => !tensors.has(name)),
      outputs: message.messages(12).map((output) => output.text(1)),
    };
  }
}

function readInput(message: Message): GraphInput {
  const tensor = message.message(2)?.message(1) ?? null;
  const shape = tensor?.message(2) ?? null;
  const sizes = shape?.messages(1).map((size) => (size.has(1) && size.integer(1) > 0 ? size.integer(1) : null));
  return { name: message.text(1), type: elementType(tensor?.integer(1) ?? 0), shape: sizes ?? null };
}

/** Reads an ONNX file. `fail` throws the errors about it. */
export function readOnnx(bytes: Uint8Array, fail: Fail): OnnxFile {
  const model = readMessage(bytes, fail);
  const graph = model.message(7);
  if (!graph) return fail('it has no graph.', 'Give an .onnx file, as torch.onnx.export or tf2onnx writes it.');
  return {
    graph: new GraphReader(fail).graph(graph, '', 1),
    metadata: new Map(model.messages(14).map((entry) => [entry.text(1), entry.text(2)])),
  };
}
