/** Batches for the trainer: sequences that are drawn when asked for, and windows of a series. */
import { type Batch, type BatchSource, createRng, type Rng } from 'unspool';
import { type Sequences, stepsToBatch } from 'unspool/lab';

/** Makes `rows` sequences side by side. */
export type Drawing = (rows: number, random: Rng) => Sequences;

/** A source whose batch `index` is always the same. */
export function drawn(draw: Drawing, rows: number, length: number, seed: string): BatchSource {
  return {
    stateful: false,
    length,
    batch: (index) => stepsToBatch(draw(rows, createRng(`${seed}/${index}`, 'studio')), rows),
    shuffled: (random) => drawn(draw, rows, length, `${seed}/${random.integer(2 ** 30)}`),
  };
}

/** Rows of numbers, one a time step; what is forecast is column `target` of the next row. */
export interface Series {
  readonly rows: Float64Array[];
  readonly target: number;
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

/** Windows of `steps` rows from [from, to), spread evenly, `batch` of them at a time. */
export function windows(series: Series, from: number, to: number, batch: number, steps: number): BatchSource {
  const room = to - from - steps - 1;
  const count = Math.max(1, Math.floor(room / Math.max(1, Math.floor(steps / 2))));
  const starts = Array.from({ length: count }, (_, i) => from + Math.floor((i * room) / Math.max(1, count - 1 || 1)));
  return ordered(
    series,
    starts.map((start) => Math.min(start, from + Math.max(0, room))),
    batch,
    steps,
  );
}

function ordered(series: Series, starts: readonly number[], batch: number, steps: number): BatchSource {
  const N = Math.min(batch, starts.length);
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
      return ordered(series, mixed, batch, steps);
    },
  };
}

/** One window as a batch of its own. */
export const oneWindow = (series: Series, start: number, steps: number): Batch => windowsBatch(series, [start], steps);
