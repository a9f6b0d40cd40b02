/**
 * One step of an LSTM that was exported as single operators: c = f c- + i g, h = o tanh(c), where i, f, g and o are activations of
 * the sum of two products, one with the input and one with the previous h.
 */
import type { FloatArray } from '../../../contract/kernels.js';
import type { LstmSpec } from '../../../core/spec.js';
import { concatenated, transposed } from '../../weights.js';
import type { Node } from './file.js';
import { cellOf } from './lstm.js';
import type { Activated, Affine, Axis, Flow, Layer, LayerContent, Product, Source, Sum, Term, Value } from './value.js';

/** A gate: an activation of an affine value. */
type Gate = Activated & { readonly of: Affine };

/** A cell with what its operators compute. */
interface Parts {
  readonly gates: Readonly<Record<'i' | 'f' | 'g' | 'o', Gate>>;
  readonly output: Activated;
  readonly c: Value;
  readonly sum: Sum;
}

const isGate = (value: Value): value is Gate => value.kind === 'activated' && value.of.kind === 'affine';

/** Both orders of a pair. */
const orders = <T>([a, b]: readonly [T, T]): readonly (readonly [T, T])[] => [
  [a, b],
  [b, a],
];

const same = (a: Activated, b: Activated): boolean => JSON.stringify(a.activation) === JSON.stringify(b.activation);

/** The parts of h = o f(f c- + i g); null if the product is another. */
function partsOf(h: Product): Parts | null {
  for (const [o, output] of orders(h.factors)) {
    if (!isGate(o) || output.kind !== 'activated' || output.of.kind !== 'sum') continue;
    const sum = output.of;
    for (const [forget, write] of orders(sum.parts)) {
      for (const [f, c] of orders(forget.factors)) {
        for (const [i, g] of orders(write.factors)) {
          if (!isGate(f) || isGate(c) || !isGate(i) || !isGate(g) || !same(i, o) || !same(f, o)) continue;
          return { gates: { i, f, g, o }, output, c, sum };
        }
      }
    }
  }
  return null;
}

/** Operators between a state and the input that it is a part of. */
const MAX_SOURCES = 1000;

/** Names of the inputs of the graph that a value consists of. */
function inputsOf(source: Source): Set<string> {
  const found = new Set([source]);
  for (const one of found) {
    if (one.kind === 'other' && found.size < MAX_SOURCES) for (const input of one.inputs) found.add(input);
  }
  return new Set([...found].flatMap((one) => (one.kind === 'input' ? [one.name] : [])));
}

/** Which of two sources is the previous h: null if both may be. */
function previousOf(pair: readonly [Term, Term], c: Source, size: number): Term | null {
  const only = (test: (term: Term) => boolean): Term | null => {
    const found = pair.filter(test);
    return found.length === 1 ? found[0]! : null;
  };
  const states = inputsOf(c);
  return (
    only(({ weight }) => weight.shape[0] === size) ??
    only(({ x }) => x.source.kind === 'input' && x.source.carried) ??
    only(({ x }) => [...inputsOf(x.source)].some((name) => states.has(name))) ??
    // One is an input and the other is computed: the state is the input.
    only(({ x }) => x.source.kind === 'input')
  );
}

/** The biases of the gates for one source, below each other; null if none has one. */
function biasOf(gates: readonly Affine[], x: Flow): FloatArray | null {
  const terms = gates.map(({ terms }) => terms.find((term) => term.x === x)!);
  if (terms.every(({ bias }) => bias === null)) return null;
  return concatenated(
    terms.map(({ bias, weight }) => bias?.values ?? weight.values.slice(0, weight.shape[1]!).fill(0)),
  );
}

function weightOf(gates: readonly Affine[], x: Flow): FloatArray {
  return concatenated(
    gates.map(({ terms, size }) => {
      const { weight } = terms.find((term) => term.x === x)!;
      return transposed(weight.values, weight.shape[0]!, size);
    }),
  );
}

function contentOf({ gates, output }: Parts, x: Term, h: Term): Omit<LayerContent, 'notes'> {
  const all = [gates.i, gates.f, gates.g, gates.o].map(({ of }) => of);
  const parameters = new Map([
    ['weight_ih', weightOf(all, x.x)],
    ['weight_hh', weightOf(all, h.x)],
  ]);
  const [first, second] = [biasOf(all, x.x), biasOf(all, h.x)];
  if (first ?? second) parameters.set('bias_ih', (first ?? second)!);
  if (first && second) parameters.set('bias_hh', second);
  const spec: LstmSpec = {
    kind: 'lstm',
    hiddenSize: gates.o.of.size,
    ...(!(first && second) && { bias: first || second ? ('single' as const) : false }),
    ...cellOf([gates.o.activation, gates.g.activation, output.activation], {}),
  };
  return { width: x.weight.shape[0]!, spec, parameters };
}

/** A cell as a layer, and the operators that it consists of. */
export interface FoundCell {
  readonly layer: Layer;
  readonly nodes: readonly Node[];
  /** The value that is c. */
  readonly state: Sum;
  /** The dimensions of h and c. */
  readonly axes: readonly Axis[] | null;
}

/** The cell whose h is this product; null if it is not one. */
export function findCell(h: Product, flowOf: (value: Value) => Flow): FoundCell | null {
  const parts = partsOf(h);
  if (!parts) return null;
  const { gates, output, sum, c } = parts;
  const all = Object.values(gates).map(({ of }) => of);
  const pair = gates.o.of.terms;
  const fits = ({ terms, size }: Affine): boolean =>
    size === gates.o.of.size && terms.length === 2 && pair.every(({ x }) => terms.some((term) => term.x === x));
  if (pair.length !== 2 || !all.every(fits)) return null;
  const size = gates.o.of.size;
  const previous = previousOf(pair as unknown as readonly [Term, Term], flowOf(c).source, size);
  const x = pair.find((term) => term !== previous)!;
  const problem = 'its two inputs have the same width, and which of them is the previous h cannot be seen.';
  const notes = [`${h.node.name}: the file computes one step; the model computes all steps, from a state of zeros.`];
  const layer: Layer = {
    name: h.node.name,
    kind: 'LSTM cell',
    size: `${x.weight.shape[0]} -> ${size}`,
    input: x.x,
    content: previous ? { ...contentOf(parts, x, previous), notes } : problem,
  };
  const operators = [h, output, sum, ...sum.parts, ...Object.values(gates)].map(({ node }) => node);
  const nodes = [...operators, ...all.flatMap((gate) => gate.nodes)];
  return { layer, nodes, state: sum, axes: gates.o.of.axes };
}
