/**
 * Virtual shards. A batch is cut into a fixed number of shards, and the gradients of the shards are added in the order of a fixed
 * binary tree over them: shards 0 and 1, 2 and 3, then both sums, and so on. A rank adds what the tree adds within its own range of
 * shards, and all ranks together the rest. The additions are the same for any number of ranks, and so are the bits of the sum.
 */
import type { FloatArray } from '../contract/kernels.js';

/** Part `index` of `count` items that are cut into `parts` of nearly equal sizes. */
export const partOf = (count: number, parts: number, index: number): readonly [from: number, to: number] => [
  Math.floor((count * index) / parts),
  Math.floor((count * (index + 1)) / parts),
];

/** The parts of the rank that has most, where ranks share out `count` parts. */
export const mostParts = (count: number, ranks: number): number => Math.ceil(count / ranks);

/**
 * What every rank said about its parts, in the order of the parts. `numbers` has `width * mostParts` numbers of each rank, and `width` for
 * each part.
 */
export function inOrder(numbers: Float64Array, count: number, ranks: number, width = 1): Float64Array {
  const all = new Float64Array(count * width);
  const most = mostParts(count, ranks);
  for (let rank = 0; rank < ranks; rank++) {
    const [from, to] = partOf(count, ranks, rank);
    all.set(numbers.subarray(rank * most * width, (rank * most + to - from) * width), from * width);
  }
  return all;
}

/** A node of the tree: the sum of `2 ** level` shards from `first` on, less where the shards end. */
interface Node {
  readonly first: number;
  readonly level: number;
}

/** Whether two neighbors are the halves of one node. */
const areHalves = (left: Node | undefined, right: Node): boolean =>
  left?.level === right.level && left.first % 2 ** (left.level + 1) === 0;

/** The nodes of the tree that a rank with shards `from` to `to` sends, in order. */
export function nodesOf(from: number, to: number): readonly Node[] {
  const nodes: Node[] = [];
  for (let first = from; first < to; first++) {
    let node: Node = { first, level: 0 };
    while (areHalves(nodes.at(-1), node)) node = { ...nodes.pop()!, level: node.level + 1 };
    nodes.push(node);
  }
  return nodes;
}

/** Adds arrays in the order of the tree. */
export class TreeSum {
  private readonly stack: { node: Node; readonly values: FloatArray }[] = [];
  private readonly spare: FloatArray[] = [];
  private readonly make: () => FloatArray;

  /** @param make makes an array of the length of those that are added. */
  constructor(make: () => FloatArray) {
    this.make = make;
  }

  /** Forgets what was added. */
  clear(): void {
    for (const { values } of this.stack) this.spare.push(values);
    this.stack.length = 0;
  }

  /** Adds a copy of `values`, which is the sum of `node`. Nodes are added from left to right. */
  add(node: Node, values: FloatArray): void {
    let sum = node;
    const halves = this.stack.at(-1);
    if (!areHalves(halves?.node, sum)) {
      const copy = this.spare.pop() ?? this.make();
      copy.set(values);
      this.stack.push({ node, values: copy });
      return;
    }
    addTo(halves!.values, values);
    sum = { first: halves!.node.first, level: sum.level + 1 };
    halves!.node = sum;
    for (let left = this.stack.at(-2); areHalves(left?.node, sum); left = this.stack.at(-2)) {
      const right = this.stack.pop()!;
      addTo(left!.values, right.values);
      this.spare.push(right.values);
      sum = { first: left!.node.first, level: sum.level + 1 };
      left!.node = sum;
    }
  }

  /** The sums of the nodes that have no sibling yet, from left to right. */
  get parts(): readonly FloatArray[] {
    return this.stack.map(({ values }) => values);
  }

  /** The sum of everything. The rest of a tree that is not full is added from right to left. */
  total(): FloatArray {
    const { parts } = this;
    for (let i = parts.length - 2; i >= 0; i--) addTo(parts[i]!, parts[i + 1]!);
    return parts[0]!;
  }
}

function addTo(sum: FloatArray, values: FloatArray): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}
