/** What a value of a graph is, as far as its operators are understood. */
import type { ActivationKind, FloatArray } from '../../../contract/kernels.js';
import type { LayerSpec } from '../../../core/spec.js';
import type { Node } from './file.js';
import type { Tensor } from './tensor.js';

/**
 * A dimension of a computed value. T are steps, N sequences, D directions, H the units of one direction, F the features of a step
 * (of all directions), and 1 a dimension of size 1. A dimension of an input of the graph has a longer name until an operator
 * decides what it is.
 */
export interface Axis {
  readonly label: string;
  readonly size: number | null;
}

/** What a layer is in a spec. */
export interface LayerContent {
  /** Width of the rows that it reads; 0 for tokens. */
  readonly width: number;
  readonly spec: LayerSpec;
  /** Its parameters by the parts of their names: `weight_ih`, `weight_ih_reverse`, `bias`. */
  readonly parameters: ReadonlyMap<string, FloatArray>;
  readonly notes: readonly string[];
}

/** A layer of a graph. */
export interface Layer {
  /** The name of its node. */
  readonly name: string;
  /** The name of its operator. */
  readonly kind: string;
  /** Its sizes, for people. */
  readonly size: string;
  /** What it reads. */
  readonly input: Flow;
  /** What it is in a spec, or the reason why none expresses it. */
  readonly content: LayerContent | string;
}

/** Where the numbers of a value come from. */
export type Source =
  /** An input of the graph. `carried`: a value that a loop carries from one iteration to the next. */
  | { readonly kind: 'input'; readonly name: string; readonly carried: boolean }
  | { readonly kind: 'constant' }
  /**
   * A layer. `last`: the h that each direction ends with. `state`: the c that it ends with. `direction`: of one direction only;
   * null: of all.
   */
  | {
      readonly kind: 'layer';
      readonly layer: Layer;
      readonly part: 'all' | 'last' | 'state';
      readonly direction: number | null;
    }
  /** An operator that no layer expresses, and why. `quiet`: it only computes sizes or rearranges a state. */
  | Other;

/** The result of an operator that no layer expresses. */
export interface Other {
  readonly kind: 'other';
  readonly node: Node;
  readonly problem: string;
  readonly inputs: readonly Source[];
  readonly quiet: boolean;
}

/** Numbers that the file has, or that follow from them. */
export interface Constant {
  readonly kind: 'constant';
  readonly tensor: Tensor;
}

/** Equal numbers, in a shape that depends on the inputs. */
export interface Fill {
  readonly kind: 'fill';
  readonly value: number;
}

/** Numbers from one source. `axes` is null where the dimensions are not known. */
export interface Flow {
  readonly kind: 'flow';
  readonly source: Source;
  readonly axes: readonly Axis[] | null;
}

/** One product of an affine value: x W + b, W [inputs, outputs]. */
export interface Term {
  readonly x: Flow;
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

/** A sum of products of values with constant matrices. The last of its `axes` has `size` outputs. */
export interface Affine {
  readonly kind: 'affine';
  /** The operators that compute it, in their order. */
  readonly nodes: readonly Node[];
  readonly terms: readonly Term[];
  readonly axes: readonly Axis[] | null;
  readonly size: number;
}

/** An activation of a value. */
export interface Activated {
  readonly kind: 'activated';
  readonly node: Node;
  readonly activation: { readonly kind: ActivationKind; readonly alpha: number; readonly beta: number };
  readonly of: Value;
}

/** A product of two computed values, elementwise. */
export interface Product {
  readonly kind: 'product';
  readonly node: Node;
  readonly factors: readonly [Value, Value];
}

/** A sum of two products, as a cell computes its state. */
export interface Sum {
  readonly kind: 'sum';
  readonly node: Node;
  readonly parts: readonly [Product, Product];
}

/** Values one after the other along a dimension: 0, or -1 for the last one. */
export interface Joined {
  readonly kind: 'joined';
  readonly node: Node;
  readonly parts: readonly Flow[];
  readonly axis: 0 | -1;
}

export type Value = Constant | Fill | Flow | Affine | Activated | Product | Sum | Joined;

export const constant = (tensor: Tensor): Constant => ({ kind: 'constant', tensor });

/** The label of dimension k of an input, until it is known what it is. */
export const inputLabel = (source: Source, k: number): string =>
  `input ${source.kind === 'input' ? source.name : ''} ${k}`;
