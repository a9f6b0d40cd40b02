/** The contract of communication between ranks, and the case of one rank. */
import { isFunction, isObject, requireChoice, requireInteger, requireList, shown } from '../checks.js';
import { invalidSetting, UnspoolError } from '../errors.js';

/** An array that ranks can exchange. */
export type Exchangeable = Float32Array | Float64Array | Int32Array | Uint8Array;

/** How `allReduce` combines the numbers of all ranks. */
export type Reduction = 'sum' | 'min' | 'max';

/**
 * A group of ranks that communicate. Each rank is a process (MPI) or a thread, and has a number from 0. Every method but `close` is a
 * collective call: all ranks make the same calls in the same order, with arrays of the same type and length. A call that is not
 * answered throws `RANK_LOST` after the communicator's timeout.
 */
export interface Communicator {
  /** The number of this rank, from 0 to `size - 1`. */
  readonly rank: number;
  /** The number of ranks. */
  readonly size: number;
  /** Replaces `data` by that of rank `root`, on all ranks. Default of `root`: 0. */
  broadcast(data: Exchangeable, root?: number): Promise<void>;
  /**
   * Replaces each element of `data` by its sum, smallest or largest value over all ranks. The order in which a sum is computed, and
   * so its last digits, may depend on the number of ranks.
   */
  allReduce(data: Exchangeable, reduction: Reduction): Promise<void>;
  /** Writes `part` of every rank to `all`, in the order of the ranks: `all` has `size` times as many elements. */
  allGather(part: Exchangeable, all: Exchangeable): Promise<void>;
  /** Sends block r of `sent` to rank r, and writes the block from rank r to block r of `received`. Each has `size` blocks. */
  allToAll(sent: Exchangeable, received: Exchangeable): Promise<void>;
  /** Waits until all ranks have made this call. */
  barrier(): Promise<void>;
  /** Ends this rank's part. Other ranks that wait for it throw `RANK_LOST`. */
  close(): Promise<void>;
}

const CALLS = ['broadcast', 'allReduce', 'allGather', 'allToAll', 'barrier', 'close'] as const;

/** Throws `INVALID_SETTING` unless `value` is a communicator. */
export function requireCommunicator(value: unknown): asserts value is Communicator {
  const isOne = isObject(value) && CALLS.every((call) => isFunction(value[call]));
  if (!isOne) {
    const help = 'Pass singleRank(), threadRank(...) or await mpiRank().';
    throw invalidSetting('communicator', `must be a communicator, got ${shown(value)}.`, help);
  }
  requireInteger('communicator.size', value.size, 1, 1 << 20);
  requireInteger('communicator.rank', value.rank, 0, value.size - 1);
}

const KINDS = [Float32Array, Float64Array, Int32Array, Uint8Array];

/** Throws `INVALID_SETTING` unless `value` is an array that ranks can exchange. */
export function requireExchangeable(path: string, value: unknown): asserts value is Exchangeable {
  // By name: an array may be of another realm.
  if (ArrayBuffer.isView(value) && KINDS.some(({ name }) => value[Symbol.toStringTag as never] === name)) {
    requireList(path, value); // its memory can be read
    return;
  }
  const kinds = KINDS.map(({ name }) => name).join(', ');
  throw invalidSetting(path, `must be one of ${kinds}, got ${shown(value)}.`);
}

/** Throws `INVALID_SETTING` unless the arguments of `allReduce` are valid. */
export function requireReduce(data: unknown, reduction: unknown): void {
  requireExchangeable('data', data);
  requireChoice('reduction', reduction, ['sum', 'min', 'max']);
}

/** Throws `INVALID_SETTING` unless `larger` is an array like `smaller` with so many times its elements. */
export function requireTimes(path: string, larger: unknown, smaller: Exchangeable, times: number): void {
  requireExchangeable(path, larger);
  const isAlike = larger[Symbol.toStringTag] === smaller[Symbol.toStringTag];
  if (isAlike && larger.length === smaller.length * times) return;
  const expected = `a ${smaller[Symbol.toStringTag]} of ${smaller.length * times} elements`;
  throw invalidSetting(path, `must be ${expected}, got ${larger[Symbol.toStringTag]} of ${larger.length}.`);
}

/** Throws `INVALID_SETTING` unless `sent` has an integer number of elements for each rank. */
export function requireBlocks(sent: unknown, size: number): void {
  requireExchangeable('sent', sent);
  if (sent.length % size === 0) return;
  throw invalidSetting('sent', `has ${sent.length} elements, which ${size} blocks of one length cannot hold.`);
}

/** A typed array of the same kind. The prototype has the constructor, whatever the array's own properties are. */
export const emptyLike = <Numbers extends ArrayBufferView>(list: Numbers, length: number): Numbers =>
  new (Object.getPrototypeOf(list).constructor as new (n: number) => Numbers)(length);

/** The bytes of an array, without a copy. */
export const bytesOf = (data: Exchangeable): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A `RANK_LOST` error to throw. */
export const rankLost = (problem: string, help?: string): UnspoolError =>
  new UnspoolError({ code: 'RANK_LOST', problem, ...(help && { help }) });

/** A communicator of one rank: every call returns what it was given. */
export function singleRank(): Communicator {
  return {
    rank: 0,
    size: 1,
    async broadcast(data, root = 0) {
      requireExchangeable('data', data);
      requireInteger('root', root, 0, 0);
    },
    async allReduce(data, reduction) {
      requireReduce(data, reduction);
    },
    async allGather(part, all) {
      requireExchangeable('part', part);
      requireTimes('all', all, part, 1);
      all.set(part);
    },
    async allToAll(sent, received) {
      requireBlocks(sent, 1);
      requireTimes('received', received, sent, 1);
      received.set(sent);
    },
    async barrier() {},
    async close() {},
  };
}
