/**
 * A run directory while its training runs. It knows nothing of the job: any command that trains a model creates one, gives it
 * events and ends it.
 */
import { join } from 'node:path';
import { type TrainingEvent, type TrainingState, UnspoolError } from '../../index.js';
import { writeFileAtomic } from '../../node/files.js';
import { RUN_FILES } from './files.js';
import { lineOf, MetricsFile } from './metrics.js';
import { plotOfRun } from './plot.js';
import {
  encoded,
  type Metrics,
  machineOf,
  type RunRecord,
  type RunSession,
  readConfigOf,
  readRecord,
  writeRecord,
} from './record.js';
import { EventFile } from './tensorboard.js';

/** What a job says about a run that begins. */
export interface RunStart extends Pick<RunRecord, 'job' | 'data' | 'parameters' | 'updates'> {
  /** What repeats the run. */
  readonly config: object;
  /** What else decides the last digits or the speed, such as the backend. */
  readonly engine: Readonly<Record<string, unknown>>;
  /** Write every so many updates to the metrics. */
  readonly metricsEvery: number;
  /** Also write TensorBoard's event files. Default false. */
  readonly tensorboard?: boolean;
  /** The state that the training continues from; null for a new one. */
  readonly resumed: TrainingState | null;
}

/** How a run ended. */
export type RunEnd = Pick<RunRecord, 'error' | 'result' | 'weights'> & {
  readonly status: Exclude<RunRecord['status'], 'running'>;
};

export class RunDirectory {
  readonly path: string;
  private record: RunRecord;
  private readonly metrics: MetricsFile;
  private readonly metricsEvery: number;
  private readonly begun = performance.now();
  private update: number;

  private constructor(path: string, record: RunRecord, { metricsEvery, tensorboard }: RunStart) {
    this.path = path;
    this.record = record;
    this.metricsEvery = metricsEvery;
    this.metrics = new MetricsFile(join(path, RUN_FILES.metrics), tensorboard ? new EventFile(path) : null);
    this.update = record.sessions.at(-1)!.to;
  }

  /** Writes the configuration and the record of a run; the caller has created the folder and locked the model in it. */
  static async begin(path: string, start: RunStart): Promise<RunDirectory> {
    const { job, data, parameters, updates, config, engine, resumed } = start;
    const from = resumed?.update ?? 0;
    const session: RunSession = {
      ...{ started: new Date().toISOString(), seconds: 0, from, to: from },
      ...{ machine: machineOf(), engine },
    };
    const earlier = resumed ? (await readRecord(path)).sessions : [];
    const run = { kind: 'unspool run', version: 1, job, status: 'running', data, parameters, updates } as const;
    const directory = new RunDirectory(path, { ...run, sessions: [...earlier, session] }, start);
    const kept = resumed ? await readConfigOf(path) : {};
    await writeFileAtomic(join(path, RUN_FILES.config), encoded({ ...kept, ...config }));
    if (resumed) await directory.metrics.rewind(resumed);
    await directory.metrics.flush(false); // creates the file
    await directory.save();
    return directory;
  }

  /** Records an event of the training. */
  async add(event: TrainingEvent): Promise<void> {
    this.update = event.update;
    const line = lineOf(event, this.metricsEvery);
    if (line) await this.metrics.add(line);
  }

  /** To be called before a checkpoint is saved: the metrics up to now are then on the disk. */
  async beforeCheckpoint(): Promise<void> {
    await this.metrics.flush(true);
    await this.save();
  }

  /** Writes the end of the run, and its plot. Returns whether the plot could be drawn: that needs optional packages. */
  async end(end: RunEnd): Promise<boolean> {
    await this.metrics.flush(true);
    this.record = { ...this.record, ...end };
    await this.save();
    const svg = end.status === 'finished' ? await plotOfRun(this.path, this.record.job) : null;
    if (svg !== null) await writeFileAtomic(join(this.path, RUN_FILES.plot), new TextEncoder().encode(svg));
    return svg !== null;
  }

  /** Writes that the run failed. The error itself is reported by the caller, so a second one, as of a full disk, is not. */
  async fail(error: unknown): Promise<void> {
    const message = error instanceof UnspoolError ? error.message : String(error);
    await this.end({ status: 'failed', error: message }).catch(() => {});
  }

  private async save(): Promise<void> {
    const { sessions } = this.record;
    const seconds = (performance.now() - this.begun) / 1000;
    const session = { ...sessions.at(-1)!, seconds, to: this.update };
    this.record = { ...this.record, sessions: [...sessions.slice(0, -1), session] };
    await writeRecord(this.path, this.record);
  }
}

export type { Metrics };
