/**
 * Goes through a graph once, in its order, and finds what its values are. The body of an `If` with an unknown condition is read for
 * both branches, that of a loop once. An operator may only read what an earlier one computes, so cycles cannot be followed.
 */
import type { Fail } from '../../protobuf-read.js';
import { quoted } from '../../safetensors.js';
import { linearLayer } from './affine.js';
import { findCell } from './cell.js';
import type { Graph, GraphInput, Node } from './file.js';
import { fold, REARRANGING } from './fold.js';
import { type Context, operate } from './operators.js';
import { problemOf } from './problems.js';
import { integers, type Tensor } from './tensor.js';
import { constant, type Flow, inputLabel, type Layer, type Other, type Source, type Value } from './value.js';
import { Labels } from './views.js';

/** Values by their names. Those of a body are looked up outside of it, too. */
interface Scope {
  readonly values: Map<string, Value>;
  readonly parent: Scope | null;
}

/** Numbers that folding may make: 4 million, or 8 for each byte of the file. */
const budget = (bytes: number): number => Math.max(2 ** 22, 8 * bytes);

const sourceFlow = (source: Source): Flow => ({ kind: 'flow', source, axes: null });

/** Whether a source only computes sizes, or is a state that a layer ends with. */
const isQuiet = (source: Source): boolean =>
  source.kind === 'constant' ||
  (source.kind === 'other' && source.quiet) ||
  (source.kind === 'layer' && source.part === 'state');

export class Interpreter {
  /** The layers that were found, with the numbers of their nodes in the order of the file. */
  readonly layers = new Map<Layer, number>();
  /** The operators that no layer expresses, and their numbers. */
  readonly others = new Map<Other, number>();
  /** Operators that are part of a cell. */
  readonly claimed = new Set<Node>();
  readonly labels = new Labels();
  private readonly fail: Fail;
  private readonly flows = new WeakMap<Value, Flow>();
  private readonly order = new Map<string, number>();
  private left: number;

  constructor(bytes: number, fail: Fail) {
    this.fail = fail;
    this.left = budget(bytes);
  }

  /** Reads the main graph; returns where its outputs come from. */
  run(graph: Graph): readonly Flow[] {
    const values = graph.inputs.map((input) => this.input(input, input.name, false));
    return this.graph(graph, null, values).map((value) => this.flowOf(value));
  }

  private input({ shape }: GraphInput, unique: string, carried: boolean): Flow {
    const source: Source = { kind: 'input', name: unique, carried };
    return { kind: 'flow', source, axes: shape?.map((size, k) => ({ label: inputLabel(source, k), size })) ?? null };
  }

  private readonly spend = (numbers: number): void => {
    this.left -= numbers;
    if (this.left < 0) this.fail('computing its constants would take more memory than a file of its size may need.');
  };

  private readonly context: Context = {
    labels: this.labels,
    spend: this.spend,
    flowOf: (value) => this.flowOf(value),
    add: (layer) => {
      this.layers.set(layer, this.order.get(layer.name) ?? 0);
      return layer;
    },
  };

  private other(node: Node, inputs: readonly Source[], problem = problemOf(node)): Other {
    const quiet = inputs.length > 0 && inputs.every(isQuiet);
    const other: Other = { kind: 'other', node, problem, inputs, quiet };
    this.others.set(other, this.order.get(node.name) ?? 0);
    return other;
  }

  /** A value as numbers from one source: a product becomes a linear layer, any other operator one that no layer expresses. */
  private flowOf(value: Value): Flow {
    if (value.kind === 'flow') return value;
    const known = this.flows.get(value);
    if (known) return known;
    const flow = this.newFlow(value);
    this.flows.set(value, flow);
    return flow;
  }

  private newFlow(value: Exclude<Value, Flow>): Flow {
    const sources = (values: readonly Value[]): Source[] => values.map((one) => this.flowOf(one).source);
    switch (value.kind) {
      case 'constant':
      case 'fill':
        return sourceFlow({ kind: 'constant' });
      case 'affine': {
        const layer = linearLayer(value);
        if (!layer)
          return sourceFlow(
            this.other(
              value.nodes.at(-1)!,
              value.terms.map(({ x }) => x.source),
            ),
          );
        this.context.add(layer);
        return { kind: 'flow', source: { kind: 'layer', layer, part: 'all', direction: null }, axes: value.axes };
      }
      case 'activated':
        return sourceFlow(this.other(value.node, sources([value.of])));
      case 'product':
        return sourceFlow(this.other(value.node, sources(value.factors)));
      case 'sum':
        return sourceFlow(this.other(value.node, sources(value.parts)));
      case 'joined': {
        const inputs = value.parts.map(({ source }) => source);
        // States above each other are what a file passes on to its next call.
        const isState = value.axis === 0 && inputs.every((source) => source.kind === 'layer');
        const other: Other = { ...this.other(value.node, inputs), quiet: isState || inputs.every(isQuiet) };
        if (!other.quiet) this.others.set(other, this.order.get(value.node.name) ?? 0);
        return sourceFlow(other);
      }
    }
  }

  private lookup(scope: Scope | null, name: string, reader: string): Value {
    for (let at = scope; at; at = at.parent) {
      const value = at.values.get(name);
      if (value) return value;
    }
    return this.fail(`${reader} reads the value ${quoted(name)}, which nothing before it computes.`);
  }

  /** Reads a graph with values for its inputs; returns those of its outputs. */
  private graph(graph: Graph, parent: Scope | null, inputs: readonly Value[]): Value[] {
    const scope: Scope = { values: new Map(), parent };
    for (const [name, tensor] of graph.tensors) scope.values.set(name, constant(tensor));
    const define = (name: string, value: Value): void => {
      if (name === '') return;
      if (scope.values.has(name)) this.fail(`two nodes or tensors of a graph are named ${quoted(name)}.`);
      scope.values.set(name, value);
    };
    graph.inputs.forEach(({ name }, i) => {
      define(name, inputs[i]!);
    });
    for (const node of graph.nodes) {
      this.order.set(node.name, this.order.size);
      const values = this.node(node, scope);
      node.outputs.forEach((name, i) => {
        define(name, values[i]!);
      });
    }
    return graph.outputs.map((name) => this.lookup(scope, name, 'an output of a graph'));
  }

  /** The values of a node's outputs. */
  private node(node: Node, scope: Scope): readonly Value[] {
    const reader = `the node ${quoted(node.name)}`;
    const inputs = node.inputs.map((name) => (name === '' ? null : this.lookup(scope, name, reader)));
    const found = this.outputs(node, inputs, scope);
    const sources = (): Source[] => inputs.flatMap((input) => (input ? [this.flowOf(input).source] : []));
    let rest: Flow | null = null;
    return node.outputs.map((_, i) => found?.[i] ?? (rest ??= sourceFlow(this.other(node, sources()))));
  }

  private outputs(node: Node, inputs: readonly (Value | null)[], scope: Scope): readonly (Value | null)[] | null {
    if (node.domain !== '') return null;
    if (node.op === 'Constant') return [this.constantOf(node)];
    if (node.op === 'If') return this.branches(node, inputs[0] ?? null, scope);
    if (node.op === 'Loop' || node.op === 'Scan') return this.loop(node, inputs, scope);
    const constants = inputs.map((input) => (input?.kind === 'constant' ? input.tensor : null));
    const operands = { node, constants };
    const folded = fold(operands, this.spend);
    if (folded?.some((tensor) => tensor !== null)) return folded.map((tensor) => tensor && constant(tensor));
    if (node.op === 'ConstantOfShape') {
      const value = node.attributes.get('value');
      return [
        { kind: 'fill', value: typeof value === 'object' && 'tensor' in value ? (value.tensor.values[0] ?? 0) : 0 },
      ];
    }
    const [first] = inputs;
    const isFill =
      first?.kind === 'fill' &&
      (node.op !== 'Concat' || inputs.every((one) => one?.kind === 'fill' && one.value === first.value));
    if (isFill && REARRANGING.has(node.op)) return node.outputs.map(() => first);
    const values = operate(operands, inputs, this.context);
    const [value] = values ?? [];
    return value?.kind === 'product' ? [this.cell(value) ?? value] : values;
  }

  /** The h of a cell, if a product is that. */
  private cell(product: Extract<Value, { kind: 'product' }>): Flow | null {
    const cell = findCell(product, this.context.flowOf);
    if (!cell) return null;
    const layer = this.context.add(cell.layer);
    for (const node of cell.nodes) this.claimed.add(node);
    const flow = (part: 'all' | 'state'): Flow => {
      return { kind: 'flow', source: { kind: 'layer', layer, part, direction: null }, axes: cell.axes };
    };
    this.flows.set(cell.state, flow('state'));
    return flow('all');
  }

  private constantOf(node: Node): Value | null {
    for (const [name, value] of node.attributes) {
      if (name === 'value' && typeof value === 'object' && 'tensor' in value) return constant(value.tensor);
      if (name === 'value_int' && typeof value === 'number') return constant(integers([value], []));
      const isList = Array.isArray(value) && value.every((one) => typeof one === 'number');
      if (name === 'value_ints' && isList) return constant(integers(value as number[]));
      const floats =
        name === 'value_float' ? [value as number] : name === 'value_floats' && isList ? (value as number[]) : null;
      if (!floats) continue;
      const shape = name === 'value_float' ? [] : [floats.length];
      const tensor: Tensor = { type: 'float32', shape, values: Float32Array.from(floats) };
      return constant(tensor);
    }
    return null;
  }

  private body(node: Node, name: string): Graph {
    const value = node.attributes.get(name);
    if (typeof value === 'object' && 'graph' in value) return value.graph;
    return this.fail(`the node ${quoted(node.name)} (${node.op}) has no graph ${quoted(name)}.`);
  }

  /** The values of an `If`: those of one branch, or of both where they have the same source. */
  private branches(node: Node, condition: Value | null, scope: Scope): readonly (Value | null)[] {
    const decided = condition?.kind === 'constant' ? condition.tensor.values[0]! : Number.NaN;
    const read = (name: string): Value[] => {
      const graph = this.body(node, name);
      const values = graph.inputs.map((input) => this.input(input, `${node.name}/${input.name}`, false));
      return this.graph(graph, scope, values);
    };
    if (!Number.isNaN(decided)) return read(decided !== 0 ? 'then_branch' : 'else_branch');
    const [one, other] = [read('then_branch'), read('else_branch')];
    return node.outputs.map((_, i): Value | null => {
      if (!one[i] || !other[i]) return null;
      const [a, b] = [this.flowOf(one[i]), this.flowOf(other[i])];
      if (a === b) return one[i];
      if (isSame(a.source, b.source)) return sourceFlow(a.source);
      return sourceFlow(this.other(node, [a.source, b.source]));
    });
  }

  /** The values of a loop are those of no layer; its body may have layers. */
  private loop(node: Node, inputs: readonly (Value | null)[], scope: Scope): readonly Value[] {
    const graph = this.body(node, 'body');
    // A Loop passes the number of the iteration, a condition and the carried values; a Scan the carried values and slices.
    const scans = node.op === 'Scan' ? ((node.attributes.get('num_scan_inputs') as number | undefined) ?? 0) : 0;
    const carried = (i: number): boolean => (node.op === 'Loop' ? i > 1 : i < graph.inputs.length - scans);
    const values = graph.inputs.map((input, i) => this.input(input, `${node.name}/${input.name}`, carried(i)));
    const outputs = this.graph(graph, scope, values).map((value) => this.flowOf(value).source);
    const given = inputs.flatMap((input) => (input ? [this.flowOf(input).source] : []));
    const result = sourceFlow(this.other(node, [...outputs, ...given]));
    return node.outputs.map(() => result);
  }
}

/** Whether two sources are the same numbers. */
const isSame = (a: Source, b: Source): boolean =>
  a === b ||
  (a.kind === 'layer' && b.kind === 'layer' && a.layer === b.layer && a.part === b.part && a.direction === b.direction);
