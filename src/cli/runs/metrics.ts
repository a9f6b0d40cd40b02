/** `metrics.jsonl`: one JSON object per line for each update, validation and epoch. The same run writes the same bytes. */
import { open, readFile, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingEvent, TrainingState } from '../../index.js';
import { fileAccessError } from '../../node/files.js';
import { RUN_FILES } from './files.js';

/** A line of `metrics.jsonl`. Other jobs may add numbers. */
export type MetricsLine = { readonly kind: string; readonly update: number } & Readonly<Record<string, unknown>>;

/** The line of an event; null for one that is not written. */
export function lineOf(event: TrainingEvent, every: number): MetricsLine | null {
  if (event.kind === 'end') return null;
  if (event.kind !== 'update') return event;
  if (event.update % every !== 0) return null;
  const { kind, epoch, update, loss, gradientNorm } = event;
  return { kind, epoch, update, loss, gradientNorm };
}

/** Complete lines. The rest of a file that was cut off by a crash, from the first damaged line, is left out. */
export function linesIn(text: string): MetricsLine[] {
  const lines: MetricsLine[] = [];
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      lines.push(JSON.parse(line) as MetricsLine);
    } catch {
      break;
    }
  }
  return lines;
}

/** The complete lines of a run directory's file; none if it cannot be read. */
export const readMetrics = async (directory: string): Promise<MetricsLine[]> =>
  linesIn(await readFile(join(directory, RUN_FILES.metrics), 'utf8').catch(() => ''));

/** Whether a training that continues from a state will report this again. */
function isRepeated({ kind, update, epoch }: MetricsLine, state: TrainingState): boolean {
  if (update > state.update) return true;
  if (kind === 'epoch') return (epoch as number) >= state.epoch;
  return kind === 'validation' && update === state.update && state.due !== null;
}

/** The lines before the first that a training that continues from a state will report again. */
export function linesBefore(lines: readonly MetricsLine[], state: TrainingState): MetricsLine[] {
  const first = lines.findIndex((line) => isRepeated(line, state));
  return first < 0 ? [...lines] : lines.slice(0, first);
}

const textOf = (lines: readonly MetricsLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

const FLUSH_MS = 1000;

/** The lines in another format. */
export interface MetricsCopy {
  add(line: MetricsLine): void;
  flush(): Promise<void>;
}

/** Appends lines to a file. */
export class MetricsFile {
  readonly file: string;
  private readonly copy: MetricsCopy | null;
  private waiting: MetricsLine[] = [];
  private flushedAt = performance.now();

  /** @param copy what gets the same lines in another format */
  constructor(file: string, copy: MetricsCopy | null = null) {
    this.file = file;
    this.copy = copy;
  }

  /** Removes the lines that a training that continues from a state will report again, and what a crash left. */
  async rewind(state: TrainingState): Promise<void> {
    const bytes = await readFile(this.file).catch(() => Buffer.alloc(0));
    const kept = linesBefore(linesIn(bytes.toString('utf8')), state);
    const length = Buffer.byteLength(textOf(kept));
    if (length < bytes.length) await this.write(() => truncate(this.file, length));
  }

  /** Adds a line. It is written within about a second, or by `flush`. */
  async add(line: MetricsLine): Promise<void> {
    this.waiting.push(line);
    this.copy?.add(line);
    if (performance.now() - this.flushedAt > FLUSH_MS) await this.flush(false);
  }

  /** Writes all lines. `sync` also waits until they are on the disk, so that a checkpoint never has more updates than the file. */
  async flush(sync: boolean): Promise<void> {
    this.flushedAt = performance.now();
    const lines = this.waiting;
    this.waiting = [];
    await this.copy?.flush();
    if (lines.length === 0 && !sync) return;
    await this.write(async () => {
      const handle = await open(this.file, 'a');
      try {
        await handle.appendFile(textOf(lines));
        if (sync) await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  private async write(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      throw fileAccessError(this.file, 'written', error);
    }
  }
}
