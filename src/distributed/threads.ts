/**
 * Ranks that share memory: threads of one process, or several ranks in one thread. A message goes through a slot of shared memory for
 * each rank, in pieces. All ranks meet at a barrier after each piece. There are two sets of slots, used in turn, so that a rank that
 * has passed a barrier can write its next piece while others still read the last one.
 */
import { isObject, requireInteger, requireKeys, requireNumber, requireOptions, shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import {
  bytesOf,
  type Communicator,
  type Exchangeable,
  emptyLike,
  type Reduction,
  rankLost,
  requireBlocks,
  requireExchangeable,
  requireReduce,
  requireTimes,
} from './communicator.js';

/** Shared memory in which ranks meet. It can be sent to a worker with `postMessage`. */
export interface ThreadRanks {
  /** The number of ranks. */
  readonly size: number;
  readonly memory: SharedArrayBuffer;
}

/** Options of a communicator. */
export interface RankOptions {
  /** Seconds after which a call that other ranks do not answer throws `RANK_LOST`. Default 600. */
  readonly timeout?: number;
}

/** Words of the memory: how many ranks have arrived at the barrier, how often all have, and 1 + the rank that has left. */
const [ARRIVED, PASSED, LEFT] = [0, 1, 2];
/** From here, two words per rank: the call that it makes, and the bytes of its message. Twice, for the two sets of slots. */
const HEADERS = 4;
const PIECE = 1 << 18;
const MAX_RANKS = 64;
/** Looks at the barrier before a rank sleeps: other threads often arrive within microseconds. */
const SPINS = 200;

const CALLS = ['broadcast', 'allReduce', 'allGather', 'allToAll', 'barrier'] as const;
type Call = (typeof CALLS)[number];

const wordsFor = (size: number): number => HEADERS + 4 * size;
const bytesFor = (size: number): number => 8 * Math.ceil(wordsFor(size) / 2) + 2 * size * PIECE;

/** Makes the memory for `size` ranks, at most 64: half a megabyte for each. Throws `INVALID_SETTING` in a page that is not cross-origin isolated. */
export function threadRanks(size: number): ThreadRanks {
  requireInteger('size', size, 1, MAX_RANKS);
  if (typeof SharedArrayBuffer === 'undefined') {
    const help = 'Serve the page with the headers Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy.';
    throw invalidSetting('threadRanks', 'needs SharedArrayBuffer, which this page may not use.', help);
  }
  return { size, memory: new SharedArrayBuffer(bytesFor(size)) };
}

/** The timeout of a communicator in milliseconds. */
export function timeoutOf(options: RankOptions): number {
  requireOptions('options', options, ['timeout']);
  const { timeout = 600 } = options;
  requireNumber('options.timeout', timeout, 0.001, 1e6);
  return 1000 * timeout;
}

/** The communicator of rank `rank` of `threadRanks(size)`. Each rank is taken once, in any thread. */
export function threadRank(ranks: ThreadRanks, rank: number, options: RankOptions = {}): Communicator {
  requireKeys('ranks', ranks, ['size', 'memory']);
  const { size, memory } = ranks;
  requireInteger('ranks.size', size, 1, MAX_RANKS);
  const isMemory = isObject(memory) && Object.prototype.toString.call(memory) === '[object SharedArrayBuffer]';
  if (!isMemory || memory.byteLength !== bytesFor(size)) {
    throw invalidSetting('ranks', `must be what threadRanks() returns, got ${shown(ranks)}.`);
  }
  requireInteger('rank', rank, 0, size - 1);
  return new ThreadCommunicator(ranks, rank, timeoutOf(options));
}

/** What a rank reads of another: a piece of its message, and where the piece begins. */
type Take = (rank: number, piece: Uint8Array, offset: number) => void;

class ThreadCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  private readonly words: Int32Array;
  private readonly slots: readonly (readonly Uint8Array[])[];
  private readonly timeout: number;
  /** Which set of slots is next. */
  private turn = 0;

  constructor({ size, memory }: ThreadRanks, rank: number, timeout: number) {
    this.rank = rank;
    this.size = size;
    this.timeout = timeout;
    this.words = new Int32Array(memory, 0, wordsFor(size));
    const first = memory.byteLength - 2 * size * PIECE;
    const slot = (i: number) => new Uint8Array(memory, first + i * PIECE, PIECE);
    this.slots = [0, 1].map((set) => Array.from({ length: size }, (_, r) => slot(set * size + r)));
  }

  async broadcast(data: Exchangeable, root = 0): Promise<void> {
    requireExchangeable('data', data);
    requireInteger('root', root, 0, this.size - 1);
    const bytes = bytesOf(data);
    await this.exchange('broadcast', bytes, (rank, piece, offset) => {
      if (rank === root) bytes.set(piece, offset);
    });
  }

  async allReduce(data: Exchangeable, reduction: Reduction): Promise<void> {
    requireReduce(data, reduction);
    const parts = emptyLike(data, this.size * data.length);
    await this.gather('allReduce', data, parts);
    const combine = REDUCTIONS[reduction];
    data.set(parts.subarray(0, data.length));
    for (let i = data.length; i < parts.length; i++) {
      const at = i % data.length;
      data[at] = combine(data[at]!, parts[i]!);
    }
  }

  async allGather(part: Exchangeable, all: Exchangeable): Promise<void> {
    requireExchangeable('part', part);
    requireTimes('all', all, part, this.size);
    await this.gather('allGather', part, all);
  }

  async allToAll(sent: Exchangeable, received: Exchangeable): Promise<void> {
    requireBlocks(sent, this.size);
    requireTimes('received', received, sent, 1);
    const bytes = bytesOf(received);
    const length = bytes.length / this.size;
    const [from, to] = [this.rank * length, (this.rank + 1) * length];
    await this.exchange('allToAll', bytesOf(sent), (rank, piece, offset) => {
      const [start, end] = [Math.max(from, offset), Math.min(to, offset + piece.length)];
      if (start < end) bytes.set(piece.subarray(start - offset, end - offset), rank * length + start - from);
    });
  }

  async barrier(): Promise<void> {
    await this.exchange('barrier', new Uint8Array(0), () => {});
  }

  async close(): Promise<void> {
    Atomics.store(this.words, LEFT, this.rank + 1);
    Atomics.notify(this.words, PASSED);
  }

  private async gather(call: Call, part: Exchangeable, all: Exchangeable): Promise<void> {
    const bytes = bytesOf(all);
    await this.exchange(call, bytesOf(part), (rank, piece, offset) => {
      bytes.set(piece, rank * part.byteLength + offset);
    });
  }

  /** Shows all ranks the message of this one, piece by piece. */
  private async exchange(call: Call, message: Uint8Array, take: Take): Promise<void> {
    const { length } = message;
    for (let offset = 0; offset === 0 || offset < length; offset += PIECE) {
      const set = this.turn;
      this.turn = 1 - set;
      const size = Math.min(PIECE, length - offset);
      const slots = this.slots[set]!;
      const header = HEADERS + 2 * set * this.size;
      slots[this.rank]!.set(message.subarray(offset, offset + size));
      this.words[header + 2 * this.rank] = CALLS.indexOf(call);
      this.words[header + 2 * this.rank + 1] = length;
      await this.meet(call);
      this.requireSame(call, length, header);
      for (let rank = 0; rank < this.size; rank++) take(rank, slots[rank]!.subarray(0, size), offset);
    }
  }

  /** Throws `RANK_LOST` if another rank makes another call. */
  private requireSame(call: Call, length: number, header: number): void {
    for (let rank = 0; rank < this.size; rank++) {
      const [other, bytes] = [CALLS[this.words[header + 2 * rank]!], this.words[header + 2 * rank + 1]!];
      if (other === call && bytes === length) continue;
      const problem = `rank ${this.rank} calls ${call} with ${length} bytes, and rank ${rank} ${other} with ${bytes}.`;
      throw rankLost(problem, 'All ranks must make the same calls in the same order.');
    }
  }

  /** Waits until all ranks are here. */
  private async meet(call: Call): Promise<void> {
    const { words, size } = this;
    const passed = Atomics.load(words, PASSED);
    if (Atomics.add(words, ARRIVED, 1) + 1 === size) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.add(words, PASSED, 1);
      Atomics.notify(words, PASSED);
      return;
    }
    for (let i = 0; i < SPINS; i++) if (Atomics.load(words, PASSED) !== passed) return;
    const end = performance.now() + this.timeout;
    const isHere = (): boolean => Atomics.load(words, PASSED) !== passed;
    while (!isHere()) {
      const left = Atomics.load(words, LEFT);
      if (left > 0) throw rankLost(`rank ${left - 1} ended while rank ${this.rank} waits for it in ${call}().`);
      const time = end - performance.now();
      if (time <= 0) throw this.late(call);
      await changeOf(words, passed, Math.min(time, LONGEST_SLEEP));
    }
  }

  private late(call: Call) {
    const seconds = this.timeout / 1000;
    return rankLost(`rank ${this.rank} has waited ${seconds} s for the other ranks in ${call}().`, LATE);
  }
}

/** A rank that has left is noticed after so many milliseconds at the latest. */
const LONGEST_SLEEP = 100;

/** What to do about a rank that does not answer. */
export const LATE = 'One of them hangs, has failed, or works longer than that: set a longer timeout.';

const REDUCTIONS: Readonly<Record<Reduction, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  min: (a, b) => (a < b ? a : b),
  max: (a, b) => (a > b ? a : b),
};

type WaitAsync = (
  words: Int32Array,
  at: number,
  value: number,
  ms: number,
) => { readonly value: Promise<string> | string };

/** Waits until the number of passed barriers is not `passed`, or for `ms` milliseconds. The timer keeps the process alive. */
async function changeOf(words: Int32Array, passed: number, ms: number): Promise<void> {
  const { waitAsync } = Atomics as unknown as { readonly waitAsync?: WaitAsync };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeIsUp = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitAsync ? ms : 1);
  });
  await (waitAsync ? Promise.race([waitAsync(words, PASSED, passed, ms).value, timeIsUp]) : timeIsUp);
  clearTimeout(timer);
}
