/** Runs the recorded calls, one run after the other, and reads what has been requested. */
import type { Matrix } from '../../../contract/kernels.js';
import { UnspoolError } from '../../../errors.js';
import { MAX_JOINED_READ } from '../thresholds.js';
import { asColumn, rowsOf, sizeOf } from './allocation.js';
import type { Executor } from './executor.js';
import { concatenate } from './packing.js';
import type { RunRecording } from './run-recording.js';
import { type Call, type Piece, pieceOf, type SizedPiece, totalSize, type Value } from './values.js';

/** A requested download. */
interface PendingRead extends SizedPiece {
  resolve(numbers: Float32Array): void;
  reject(error: unknown): void;
}

/** Calls that will run, and what notes their run. */
export interface TakenCalls {
  readonly calls: readonly Call[];
  readonly recording: RunRecording | null;
}

/** What runs need of the recorder. */
export interface RunSource {
  readonly executor: Executor;
  /** `count` rows of `width` numbers, in blocks [from, to) that each fit into one value. */
  blocks(count: number, width: number): (readonly [from: number, to: number])[];
  /** A matrix as one piece of a value. */
  read(m: Matrix): Piece;
  /** The pieces as one new value, by a kernel of at least `minArrays` arrays. */
  concatenate(pieces: readonly SizedPiece[], size: number, minArrays: number): Value;
  /** The calls recorded since the last run. */
  takeCalls(): TakenCalls;
  readonly release: (value: Value) => void;
}

/** The queue of runs and reads. */
export class Runs {
  private readonly source: RunSource;
  private requested: PendingRead[] = [];
  private tail: Promise<unknown> = Promise.resolve();
  /** Runs and reads that have not finished. */
  private pending = 0;
  /** What to do when they have, once the backend is disposed. */
  private onIdle: (() => void) | null = null;
  /** Why no number of this backend can be trusted any more. */
  private failure: { readonly error: unknown } | null = null;

  constructor(source: RunSource) {
    this.source = source;
  }

  /** A copy of a matrix's numbers as they are now. Downloads that are requested together are read together. */
  async download(m: Matrix): Promise<Float32Array> {
    const blocks = this.source.blocks(sizeOf(m), 1);
    if (blocks.length === 1) return this.request(m);
    return concatenate(await Promise.all(blocks.map(([from, to]) => this.request(rowsOf(asColumn(m), from, to)))));
  }

  private request(m: Matrix): Promise<Float32Array> {
    if (this.onIdle) return Promise.reject(new UnspoolError({ code: 'DISPOSED', what: 'The backend' }));
    const piece = this.source.read(m);
    piece.value.refCount++;
    if (this.requested.length === 0) {
      this.pending++;
      queueMicrotask(() => void this.readRequested().finally(() => this.finished()));
    }
    return new Promise((resolve, reject) => {
      this.requested.push({ ...piece, size: sizeOf(m), resolve, reject });
    });
  }

  /** Reads what has been requested: small pieces together. */
  private async readRequested(): Promise<void> {
    const all = this.requested;
    this.requested = [];
    let joined: SizedPiece | null = null;
    try {
      const small = this.smallReads(all);
      joined = this.join(small);
      const others = all.filter((read) => !small.has(read));
      const found = await this.run(joined ? [joined, ...others] : others);
      let at = 0;
      for (const { size, resolve } of small) resolve(found[0]!.slice(at, (at += size)));
      for (const [i, { resolve }] of others.entries()) resolve(found[i + (joined ? 1 : 0)]!);
    } catch (error) {
      for (const { reject } of all) reject(error);
    } finally {
      for (const { value } of joined ? [...all, joined] : all) this.source.release(value);
    }
  }

  /** The reads that are joined into one; none if there would be only one. */
  private smallReads(all: readonly PendingRead[]): Set<PendingRead> {
    const small = all.filter(({ value, size }) => !value.host && size <= MAX_JOINED_READ);
    const max = Math.floor(this.source.executor.maxElements / MAX_JOINED_READ);
    return new Set(small.length > 1 && max > 1 ? small.slice(0, max) : []);
  }

  private join(small: ReadonlySet<PendingRead>): SizedPiece | null {
    if (small.size === 0) return null;
    const [pieces, { maxArrays }] = [[...small], this.source.executor];
    const value = this.source.concatenate(pieces, totalSize(pieces), Math.min(pieces.length, maxArrays));
    value.refCount++;
    return { ...pieceOf(value), size: totalSize(pieces) };
  }

  /** Runs the calls recorded so far, after the runs before. The next read reports errors. */
  start(): void {
    this.pending++;
    void this.run([]).then(
      () => this.finished(),
      () => this.finished(),
    );
  }

  private run(reads: readonly SizedPiece[]): Promise<Float32Array[]> {
    const { executor, release } = this.source;
    const { calls, recording } = this.source.takeCalls();
    return this.inOrder(
      () => executor.run(calls, reads, release, recording),
      () => executor.cancel(calls, release),
    );
  }

  /** Runs `act` after the runs before. The backend is not disposed before it has ended. */
  enqueue(act: () => Promise<Float32Array[]>): Promise<Float32Array[]> {
    this.pending++;
    return this.inOrder(act, () => {}).finally(() => this.finished());
  }

  /** Runs `act` after the runs before; if one of them failed, calls `cancel` instead and throws its error. */
  private inOrder(act: () => Promise<Float32Array[]>, cancel: () => void): Promise<Float32Array[]> {
    const run = this.tail.then(async () => {
      if (this.failure) {
        cancel();
        throw this.failure.error;
      }
      try {
        return await act();
      } catch (error) {
        this.failure = { error };
        throw error;
      }
    });
    this.tail = run.catch(() => {});
    return run;
  }

  private finished(): void {
    if (--this.pending === 0) this.onIdle?.();
  }

  /** Rejects later downloads, and calls `onIdle` when all runs and reads have finished. */
  close(onIdle: () => void): void {
    if (this.onIdle) return;
    this.onIdle = onIdle;
    if (this.pending === 0) onIdle();
  }
}
