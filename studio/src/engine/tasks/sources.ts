/** Batch sources for the trainer: generated sequences, and windows of a series. */
import { type Batch, type BatchSource, createRng, type Rng } from 'unspool';
import { type Sequences, stepsToBatch } from 'unspool/lab';

/** Generates `batchSize` sequences. */
export type GenerateSequences = (batchSize: number, random: Rng) => Sequences;

/** A source that generates its batches; batch `index` is the same on every call. */
export function generatedSource(
  generate: GenerateSequences,
  batchSize: number,
  length: number,
  seed: string,
): BatchSource {
  return {
    stateful: false,
    length,
    batch: (index) => stepsToBatch(generate(batchSize, createRng(`${seed}/${index}`, 'studio')), batchSize),
    shuffled: (random) => generatedSource(generate, batchSize, length, `${seed}/${random.integer(2 ** 30)}`),
  };
}

/** Rows of numbers, one per time step. The target is column `target` of the next row. */
export interface Series {
  readonly rows: Float64Array[];
  readonly target: number;
}

export interface WindowOptions {
  /** First row. */
  readonly from: number;
  /** The row after the last. */
  readonly to: number;
  readonly batchSize: number;
  /** Time steps of a window. */
  readonly steps: number;
}

function windowsBatch({ rows, target }: Series, starts: readonly number[], steps: number): Batch {
  const [N, D] = [starts.length, rows[0]!.length];
  const inputs = new Float32Array(steps * N * D);
  const targets = new Float32Array(steps * N);
  for (let t = 0; t < steps; t++) {
    for (const [n, start] of starts.entries()) {
      inputs.set(rows[start + t]!, (t * N + n) * D);
      targets[t * N + n] = rows[start + t + 1]![target]!;
    }
  }
  return { steps, batchSize: N, inputs, targets };
}

/** Windows of `steps` rows, which overlap by half and are spread evenly over the rows [from, to). */
export function windowSource(series: Series, { from, to, batchSize, steps }: WindowOptions): BatchSource {
  const range = to - from - steps - 1;
  const count = Math.max(1, Math.floor(range / Math.max(1, Math.floor(steps / 2))));
  const starts = Array.from({ length: count }, (_, i) => from + Math.floor((i * range) / Math.max(1, count - 1 || 1)));
  const latest = from + Math.max(0, range);
  return ordered(
    series,
    starts.map((start) => Math.min(start, latest)),
    batchSize,
    steps,
  );
}

function ordered(series: Series, starts: readonly number[], batchSize: number, steps: number): BatchSource {
  const N = Math.min(batchSize, starts.length);
  return {
    stateful: false,
    length: Math.floor(starts.length / N),
    batch: (index) => windowsBatch(series, starts.slice(index * N, (index + 1) * N), steps),
    shuffled(random) {
      const mixed = [...starts];
      for (let i = mixed.length - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
      }
      return ordered(series, mixed, batchSize, steps);
    },
  };
}

/** A batch of one window. */
export const singleWindow = (series: Series, start: number, steps: number): Batch =>
  windowsBatch(series, [start], steps);
