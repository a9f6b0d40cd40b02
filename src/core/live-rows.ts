/**
 * Which rows of a batch of sequences of unequal lengths are computed at each step.
 *
 * Instructions take consecutive rows, so a step computes its span: all rows from the first to the last one that is live. In a
 * batch that is sorted by length, a span has live rows only. In any other batch, products with a weight leave out rows that
 * have ended inside a span, too: they take the runs of live rows one after another.
 */

/** What calling a product once more costs, in multiply-adds. */
const CALL = 1 << 13;

/** The largest gap between two runs that cost more apart than together with the gap. `weights`: multiply-adds of one row. */
export const gapFor = (weights: number): number => 1 + Math.floor(CALL / weights);

/** The live rows of all steps. Rows are numbered over all steps: row t*N + n is step t of sequence n. */
export class LiveRows {
  /** The first live row of each step, and the one after the last; equal where no row is live. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** The live rows in order. */
  readonly ids: Int32Array;
  /** Runs of consecutive live rows inside a step: the first row of each, and the one after its last. */
  readonly runFrom: Int32Array;
  readonly runTo: Int32Array;
  /** The first run of each step, and the number of runs at the end. */
  readonly runsAt: Int32Array;
  private readonly batchSize: number;

  /** @param lengths steps of each sequence, 1 to T. */
  constructor(
    lengths: ArrayLike<number>,
    { steps: T, batchSize: N }: { readonly steps: number; readonly batchSize: number },
  ) {
    let count = 0;
    for (let n = 0; n < N; n++) count += lengths[n]!;
    const [starts, ends]: [number[], number[]] = [[], []];
    this.batchSize = N;
    this.ids = new Int32Array(count);
    this.from = new Int32Array(T);
    this.to = new Int32Array(T);
    this.runsAt = new Int32Array(T + 1);
    let next = 0;
    for (let t = 0; t < T; t++) {
      const first = starts.length;
      for (let row = t * N, n = 0; n < N; n++, row++) {
        if (lengths[n]! <= t) continue;
        this.ids[next++] = row;
        if (starts.length > first && ends.at(-1) === row) ends.pop();
        else starts.push(row);
        ends.push(row + 1);
      }
      this.from[t] = starts[first] ?? t * N;
      this.to[t] = starts.length > first ? ends.at(-1)! : t * N;
      this.runsAt[t + 1] = starts.length;
    }
    this.runFrom = Int32Array.from(starts);
    this.runTo = Int32Array.from(ends);
  }

  /** The last of the runs before number `end` that a product takes together with run `i`. Only rows of a span lie between them. */
  lastJoined(i: number, end: number, gap: number): number {
    const { runFrom, runTo, batchSize } = this;
    let last = i;
    for (; last + 1 < end; last++) {
      const [here, next] = [runTo[last]!, runFrom[last + 1]!];
      const sameStep = Math.floor((here - 1) / batchSize) === Math.floor(next / batchSize);
      if (next - here > (sameStep ? gap : 0)) break;
    }
    return last;
  }
}
