/** Runs what was recorded, one run after the other, and reads what is asked for. */
import type { Matrix } from '../../../contract/kernels.js';
import { UnspoolError } from '../../../errors.js';
import type { Executor } from './executor.js';
import { inOneRow } from './packed.js';
import { asColumn, type Call, type Piece, rowsOf, type Sized, sizeOf, type Value } from './values.js';

/** Numbers that are read together with others, rather than by themselves. */
const FEW_NUMBERS = 64;

/** Somebody waits for it. */
interface Wanted extends Sized {
  give(numbers: Float32Array): void;
  fail(error: unknown): void;
}

/** What runs need of the recorder. */
export interface RunSource {
  readonly executor: Executor;
  /** `count` rows of `width` numbers, in blocks [from, to) that each fit into one value. */
  blocks(count: number, width: number): (readonly [from: number, to: number])[];
  /** A matrix as one piece of a value. */
  read(m: Matrix): Piece;
  /** Pieces as one new value, by a kernel of at least `minArrays` arrays. */
  together(pieces: readonly Sized[], size: number, minArrays: number): Value;
  /** The calls recorded since the last run. */
  taken(): Call[];
  readonly release: (value: Value) => void;
}

export class Runs {
  private readonly rec: RunSource;
  private wanted: Wanted[] = [];
  private tail: Promise<unknown> = Promise.resolve();
  /** Runs and reads that have not ended. */
  private pending = 0;
  /** What is to be done when they have. */
  private last: (() => void) | null = null;
  /** Why no number of this backend can be trusted any more. */
  private failure: { readonly error: unknown } | null = null;

  constructor(rec: RunSource) {
    this.rec = rec;
  }

  /** A copy of a matrix's numbers as they are now. What is asked for at once is read at once. */
  async download(m: Matrix): Promise<Float32Array> {
    const blocks = this.rec.blocks(m.rows * m.cols, 1);
    if (blocks.length === 1) return this.asked(m);
    return inOneRow(await Promise.all(blocks.map(([from, to]) => this.asked(rowsOf(asColumn(m), from, to)))));
  }

  private asked(m: Matrix): Promise<Float32Array> {
    if (this.last) return Promise.reject(new UnspoolError({ code: 'DISPOSED', what: 'The backend' }));
    const piece = this.rec.read(m);
    piece.value.holders++;
    if (this.wanted.length === 0) {
      this.pending++;
      queueMicrotask(() => void this.answer().finally(() => this.ended()));
    }
    return new Promise((give, fail) => {
      this.wanted.push({ ...piece, size: m.rows * m.cols, give, fail });
    });
  }

  /** Reads what is wanted: what is small in one piece. */
  private async answer(): Promise<void> {
    const all = this.wanted;
    this.wanted = [];
    let joined: Sized | null = null;
    try {
      const few = this.fewOf(all);
      joined = this.joinedOf(few);
      const others = all.filter((one) => !few.has(one));
      const found = await this.run(joined ? [joined, ...others] : others);
      let at = 0;
      for (const { size, give } of few) give(found[0]!.slice(at, (at += size)));
      for (const [i, { give }] of others.entries()) give(found[i + (joined ? 1 : 0)]!);
    } catch (error) {
      for (const { fail } of all) fail(error);
    } finally {
      for (const { value } of joined ? [...all, joined] : all) this.rec.release(value);
    }
  }

  /** Those that are read together; none where it would be one. */
  private fewOf(all: readonly Wanted[]): Set<Wanted> {
    const small = all.filter(({ value, size }) => !value.host && size <= FEW_NUMBERS);
    const most = Math.floor(this.rec.executor.mostElements / FEW_NUMBERS);
    return new Set(small.length > 1 && most > 1 ? small.slice(0, most) : []);
  }

  private joinedOf(few: ReadonlySet<Wanted>): Sized | null {
    if (few.size === 0) return null;
    const [pieces, { mostArrays }] = [[...few], this.rec.executor];
    const value = this.rec.together(pieces, sizeOf(pieces), Math.min(pieces.length, mostArrays));
    value.holders++;
    return { value, shift: 0, size: sizeOf(pieces) };
  }

  /** Runs what is recorded so far, behind what runs already; what goes wrong, the next read tells. */
  begin(): void {
    this.pending++;
    void this.run([]).then(
      () => this.ended(),
      () => this.ended(),
    );
  }

  private run(reads: readonly Sized[]): Promise<Float32Array[]> {
    const calls = this.rec.taken();
    const { executor, release } = this.rec;
    const run = this.tail.then(async () => {
      if (this.failure) {
        executor.leave(calls, release);
        throw this.failure.error;
      }
      try {
        return await executor.run(calls, reads, release);
      } catch (error) {
        this.failure = { error };
        throw error;
      }
    });
    this.tail = run.catch(() => {});
    return run;
  }

  private ended(): void {
    if (--this.pending === 0) this.last?.();
  }

  /** Nothing can be asked for any more; does `last` when all that was has been answered. */
  end(last: () => void): void {
    if (this.last) return;
    this.last = last;
    if (this.pending === 0) last();
  }
}
