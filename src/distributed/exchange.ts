/**
 * The sum of the gradients of all ranks. Each rank adds one block of the parameters for all, and then all ranks share the blocks. A rank
 * sends and receives about twice the gradient, whatever the number of ranks, if that number is a power of two that divides the shards.
 */
import type { FloatArray } from '../contract/kernels.js';
import type { Communicator, Exchangeable } from './communicator.js';
import { nodesOf, partOf, TreeSum } from './shards.js';

/** The ranges of shards of all ranks, and what each sends. */
const planOf = (shards: number, size: number) =>
  Array.from({ length: size }, (_, rank) => nodesOf(...partOf(shards, size, rank)));

export class GradientExchange {
  /** The sum of the shards of this rank. */
  readonly own: TreeSum;
  private readonly communicator: Communicator;
  private readonly nodes: ReturnType<typeof planOf>;
  private readonly block: number;
  private readonly length: number;
  private readonly sum: TreeSum;
  private readonly sent: FloatArray;
  private readonly received: FloatArray;
  private readonly make: (length: number) => FloatArray;

  /** @param length the number of parameters. @param make makes an array of the backend's precision. */
  constructor(communicator: Communicator, shards: number, length: number, make: (length: number) => FloatArray) {
    const { size } = communicator;
    this.communicator = communicator;
    this.nodes = planOf(shards, size);
    this.length = length;
    this.make = make;
    this.block = Math.ceil(length / size);
    const parts = Math.max(...this.nodes.map((nodes) => nodes.length));
    const isAlone = size === 1;
    this.own = new TreeSum(() => make(length));
    this.sum = new TreeSum(() => make(this.block));
    this.sent = make(isAlone ? 0 : size * parts * this.block);
    this.received = make(this.sent.length);
  }

  /**
   * The sum over all shards, and `extra` of every rank. The sum is valid until the next call. `extra` has the same length on every rank.
   */
  async total(extra: FloatArray): Promise<{ readonly sum: FloatArray; readonly extras: readonly FloatArray[] }> {
    const { communicator, block, length, own } = this;
    const { size } = communicator;
    if (size === 1) return { sum: own.total(), extras: [extra] };
    this.pack();
    await communicator.allToAll(this.sent as Exchangeable, this.received as Exchangeable);
    const share = block + extra.length;
    const part = this.make(share);
    part.set(this.addBlocks());
    part.set(extra, block);
    const all = this.make(share * size);
    await communicator.allGather(part as Exchangeable, all as Exchangeable);
    const sum = this.make(length);
    const extras: FloatArray[] = [];
    for (let rank = 0; rank < size; rank++) {
      const from = rank * share;
      const count = Math.max(0, Math.min(block, length - rank * block));
      sum.set(all.subarray(from, from + count), Math.min(length, rank * block));
      extras.push(all.subarray(from + block, from + share));
    }
    return { sum, extras };
  }

  /** Lays out the sums of this rank's nodes by the rank that adds the block. */
  private pack(): void {
    const { block, sent, length } = this;
    const each = sent.length / this.communicator.size;
    this.own.parts.forEach((values, i) => {
      for (let rank = 0; rank < this.communicator.size; rank++) {
        const from = Math.min(length, rank * block);
        sent.set(values.subarray(from, Math.min(length, from + block)), rank * each + i * block);
      }
    });
  }

  /** The sum of this rank's block over all shards. */
  private addBlocks(): FloatArray {
    const { block, received, sum } = this;
    const each = received.length / this.communicator.size;
    sum.clear();
    this.nodes.forEach((nodes, rank) => {
      nodes.forEach((node, i) => {
        const from = rank * each + i * block;
        sum.add(node, received.subarray(from, from + block));
      });
    });
    return sum.total();
  }
}
