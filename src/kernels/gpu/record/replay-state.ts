/**
 * When a trace can be replayed. A replay writes each result into the buffer of the result that it replaces, so after it
 * every segment of every allocation still is the same piece of the same value, with new numbers. That is right as long
 * as the allocations are as the replay left them, and the values that it overwrites have no other user.
 */
import type { Replay, UploadBlock } from '../device/replay.js';
import type { Allocation } from './allocation.js';
import type { DeviceMemory } from './device-memory.js';
import type { Entry } from './entry.js';
import type { Call, DeviceArray, Value } from './values.js';

/** A value that a replay reads or overwrites, which is alive between replays. */
interface LiveValue {
  readonly value: Value;
  /** The array that the replay's bind groups use. */
  readonly array: DeviceArray;
  /** The references of the allocations to it, if it is overwritten. */
  readonly refCount: number | null;
}

/** What is known of a replay that has been made. */
export interface ReplayParts {
  readonly replay: Replay;
  readonly versions: readonly (readonly [Allocation, number])[];
  readonly live: readonly LiveValue[];
  /** Arrays of the replay itself. */
  readonly own: readonly DeviceArray[];
  /** The steps of calls, and where values are in the upload, in numbers. */
  readonly stepOf: ReadonlyMap<Call, number>;
  readonly uploadedAt: ReadonlyMap<Value, number>;
  /** Numbers that are uploaded and do not depend on arguments. */
  readonly constants: readonly (readonly [start: number, Float32Array])[];
}

/** A replay, and whether it is up to date. */
export class ReplayState {
  readonly replay: Replay;
  private readonly parts: ReplayParts;
  private readonly memory: DeviceMemory;
  private running = 0;
  private isDropped = false;

  constructor(parts: ReplayParts, memory: DeviceMemory) {
    this.parts = parts;
    this.replay = parts.replay;
    this.memory = memory;
  }

  /** Whether everything is as the replay left it. */
  get isCurrent(): boolean {
    const { versions, live } = this.parts;
    for (const [allocation, version] of versions) if (allocation.version !== version) return false;
    for (const { value, array, refCount } of live) {
      if (value.scalar !== array) return false;
      if (refCount !== null && value.refCount !== refCount + this.running) return false;
    }
    return true;
  }

  /** Keeps what the replay uses until `end`, which frees what nothing else uses any more. */
  begin(): void {
    this.running++;
    for (const { value } of this.parts.live) value.refCount++;
  }

  end(release: (value: Value) => void): void {
    this.running--;
    for (const { value } of this.parts.live) release(value);
    if (this.isDropped) this.drop();
  }

  /** A block for the next upload, with the numbers that do not depend on arguments. */
  takeBlock(): UploadBlock {
    const block = this.replay.takeBlock();
    for (const [start, numbers] of this.parts.constants) block.setNumbers(start, numbers);
    return block;
  }

  /** Writes the numbers of an upload, and returns them as they are now. */
  setUpload(block: UploadBlock, { log }: Entry, data: ArrayLike<number>): Float32Array {
    const [value] = log!.hosts;
    const start = log!.hosts.length === 1 ? this.parts.uploadedAt.get(value!) : undefined;
    if (start !== undefined) return block.setNumbers(start, data);
    const numbers = new Float32Array(data);
    let at = 0;
    for (const part of log!.hosts) this.setHost(block, part, numbers.subarray(at, (at += part.size)));
    return numbers;
  }

  setHost(block: UploadBlock, value: Value, numbers: Float32Array): void {
    const start = this.parts.uploadedAt.get(value);
    if (start !== undefined) block.setNumbers(start, numbers);
  }

  setScalars(block: UploadBlock, call: Call, scalars: readonly number[]): void {
    const step = this.parts.stepOf.get(call);
    if (step !== undefined) block.setScalars(step, scalars);
  }

  /** Frees the buffers of the replay, after the runs that have begun. */
  drop(): void {
    this.isDropped = true;
    if (this.running > 0) return;
    for (const array of this.parts.own) this.memory.release(array);
    this.replay.destroy();
  }
}
