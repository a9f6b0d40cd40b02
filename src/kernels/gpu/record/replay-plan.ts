/** Makes a replay of a run that has just been executed kernel by kernel. */

import type { ReplaySupport } from '../device/device.js';
import { type Place, type PlaceRange, Replay, type ReplayStep, uploadBuffer } from '../device/replay.js';
import { type GpuBuffer, USAGE } from '../device/webgpu-api.js';
import type { DeviceMemory } from './device-memory.js';
import { isRepeatable, movesOf, type RecordedRun, type Successors, successorsOf, Uses } from './repetition.js';
import { type ReplayParts, ReplayState } from './replay-state.js';
import type { DeviceArray, Value } from './values.js';

/** Buffers for results that a run needs only for a while. A buffer is reused once its result has been read for the last time. */
class Scratch {
  readonly arrays: DeviceArray[] = [];
  private readonly free = new Map<number, GpuBuffer[]>();
  readonly create: (bytes: number) => DeviceArray;

  constructor(create: (bytes: number) => DeviceArray) {
    this.create = create;
  }

  take(bytes: number): GpuBuffer {
    const found = this.free.get(bytes)?.pop();
    if (found) return found;
    const array = this.create(bytes);
    this.arrays.push(array);
    return bufferOf(array);
  }

  giveBack(buffer: GpuBuffer): void {
    const same = this.free.get(buffer.size);
    if (same) same.push(buffer);
    else this.free.set(buffer.size, [buffer]);
  }
}

const bufferOf = ({ handle }: DeviceArray): GpuBuffer => (handle as { readonly buffer: GpuBuffer }).buffer;

/**
 * The replay of a run, which moves some values to buffers that it can write to. Null if the run cannot be repeated,
 * or something has changed since.
 */
export function makeReplay(support: ReplaySupport, memory: DeviceMemory, run: RecordedRun): ReplayState | null {
  const successors = successorsOf(run);
  if (!successors) return null;
  for (const [allocation, { version }] of run.transitions) if (allocation.version !== version) return null;
  const uses = new Uses(run);
  if (!isRepeatable(run, successors, uses)) return null;
  const moves = movesOf(successors, uses, (value) => run.upload?.starts.has(value) ?? false);
  return moves && new Builder(support, memory, run, successors, uses).build(moves);
}

/** Assigns buffers to the values of a run. */
class Builder {
  private readonly places = new Map<Value, Place>();
  private readonly own: DeviceArray[] = [];
  private readonly copies: { from: GpuBuffer; to: GpuBuffer }[] = [];
  private readonly scratch: Scratch;
  private readonly support: ReplaySupport;
  private readonly memory: DeviceMemory;
  private readonly run: RecordedRun;
  private readonly successors: Successors;
  private readonly uses: Uses;

  constructor(support: ReplaySupport, memory: DeviceMemory, run: RecordedRun, successors: Successors, uses: Uses) {
    this.support = support;
    this.memory = memory;
    this.run = run;
    this.successors = successors;
    this.uses = uses;
    const usage = USAGE.storage | USAGE.copySource | USAGE.copyTarget;
    this.scratch = new Scratch((bytes) =>
      memory.add(support.handle(support.device.createBuffer({ size: bytes, usage }))),
    );
  }

  build(moves: readonly (readonly [Value, Value])[]): ReplayState {
    const { run, support, memory } = this;
    const encodings = [...run.encodings.values()];
    const upload = uploadBuffer(support.device, encodings, run.upload?.size ?? 0);
    this.placeUploads(upload);
    this.placeLiveValues(new Set(moves.map(([now]) => now)));
    const steps = this.placeResults();
    const reads = run.reads.map(({ value, shift, size }): PlaceRange => {
      const start = this.places.get(value) === 'upload' ? run.upload!.starts.get(value)! : this.startOf(value);
      return { place: this.places.get(value)!, start: start + shift, size };
    });
    const replay = new Replay(
      support.device,
      {
        moves: moves.map(([now, next]) => ({ from: bufferOf(next.scalar!), to: bufferOf(now.scalar!) })),
        steps,
        reads,
        copies: this.copies,
      },
      upload,
    );
    const starts = run.upload?.starts ?? new Map<Value, number>();
    const parts: ReplayParts = {
      replay,
      versions: [...run.transitions].map(([allocation, { version }]) => [allocation, version]),
      live: this.liveValues(),
      own: [...this.own, ...this.scratch.arrays],
      stepOf: new Map([...run.encodings.keys()].map((call, step) => [call, step])),
      uploadedAt: starts,
      constants: [...run.constants].flatMap(([value, numbers]) => {
        const start = starts.get(value);
        return start === undefined ? [] : [[start, numbers] as const];
      }),
    };
    return new ReplayState(parts, memory);
  }

  private startOf(value: Value): number {
    return this.isProduced(value) ? 0 : value.start;
  }

  private isProduced(value: Value): boolean {
    return this.uses.producedAt.has(value);
  }

  /** Uploaded values that live on move to the buffer of the replay's uploads. */
  private placeUploads({ buffer, dataOffset }: { buffer: GpuBuffer; dataOffset: number }): void {
    const { run, memory, support } = this;
    const array = memory.add(support.handle(buffer));
    this.own.push(array);
    if (!run.upload) return;
    const begin = support.device.createCommandEncoder();
    const live: [Value, number][] = [];
    for (const [value, start] of run.upload.starts) {
      this.places.set(value, 'upload');
      if (!value.scalar) continue;
      begin.copyBufferToBuffer(bufferOf(value.scalar), 4 * value.start, buffer, dataOffset + 4 * start, 4 * value.size);
      live.push([value, start]);
    }
    support.device.queue.submit([begin.finish()]);
    for (const [value, start] of live) {
      memory.move(value, array); // which may destroy the buffer that it was in
      value.start = dataOffset / 4 + start;
    }
  }

  /**
   * Places what the run reads of before, and the results that take the place of what it does not need any more. Others
   * get buffers that can be copied to.
   */
  private placeLiveValues(moved: ReadonlySet<Value>): void {
    const { uses, successors } = this;
    for (const [now, old] of successors) {
      if (now === old || this.places.get(now) === 'upload') continue;
      const isReadLater = !moved.has(old) && (uses.last.get(old) ?? -1) >= uses.producedAt.get(now)!;
      if (moved.has(now) || isReadLater) this.moveToOwnBuffer(now);
      else this.places.set(now, bufferOf(now.scalar!));
    }
    for (const [now, old] of successors) {
      if (now === old && this.places.get(old) === 'upload') continue; // it stays in the upload
      if (uses.last.has(old)) this.places.set(old, bufferOf((moved.has(old) ? old : now).scalar!));
    }
  }

  /** gpu.js does not allow copies to its results. */
  private moveToOwnBuffer(value: Value): void {
    const { memory, support } = this;
    const old = bufferOf(value.scalar!);
    const array = this.scratch.create(old.size);
    const encoder = support.device.createCommandEncoder();
    encoder.copyBufferToBuffer(old, 0, bufferOf(array), 0, old.size);
    support.device.queue.submit([encoder.finish()]);
    memory.move(value, array);
    memory.release(array); // only the value has it
  }

  /** Places the results of all steps, in order. */
  private placeResults(): ReplayStep[] {
    const { run, uses, scratch } = this;
    const ends = new Map<number, Value[]>();
    for (const [value, last] of uses.last) ends.set(last, [...(ends.get(last) ?? []), value]);
    return [...run.encodings].map(([{ inputs, outs }, encoding], step) => {
      const out = outs[0]!;
      const fixed = this.places.get(out) as GpuBuffer | undefined;
      const result = fixed ?? scratch.take(encoding.resultBytes);
      this.places.set(out, result);
      const arrays = inputs.map(({ value }) => this.places.get(value)!);
      const home = this.successors.has(out) && !fixed ? bufferOf(out.scalar!) : null;
      if (home) this.copies.push({ from: result, to: home });
      else if (!fixed) this.temporaries.add(out);
      for (const value of [...(ends.get(step) ?? []), ...(uses.last.has(out) ? [] : [out])]) {
        if (this.temporaries.delete(value)) scratch.giveBack(this.places.get(value) as GpuBuffer);
      }
      return { encoding, arrays, result };
    });
  }

  /** Results in a scratch buffer, which is reused after the last use of its result. */
  private readonly temporaries = new Set<Value>();

  /** What the next replay has to find as it is. */
  private liveValues(): ReplayParts['live'] {
    const counts = new Map<Value, number>();
    for (const { after } of this.run.transitions.values()) {
      for (const { value } of after) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return [...this.successors].flatMap(([value, old]) => {
      const isWritten = value !== old;
      if (!isWritten && !this.uses.last.has(value)) return [];
      return [{ value, array: value.scalar!, refCount: isWritten ? counts.get(value)! : null }];
    });
  }
}
