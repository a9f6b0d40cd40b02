/** `run.json`: what a run directory says about its run, apart from its configuration and its metrics. */
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { isObject } from '../../checks.js';
import { UnspoolError } from '../../index.js';
import { writeFileAtomic } from '../../node/files.js';
import { readText } from '../../node/index.js';
import { runtimeOf } from '../runtime.js';
import { VERSION } from '../version.js';
import { RUN_FILES } from './files.js';

/** Numbers by name; null for what could not be measured. */
export type Metrics = Readonly<Record<string, number | null>>;

/** One process that worked on a run. A run that is resumed has several. */
export interface RunSession {
  readonly started: string;
  /** Seconds until the last checkpoint or the end. */
  readonly seconds: number;
  /** Updates made before and after. */
  readonly from: number;
  readonly to: number;
  readonly machine: ReturnType<typeof machineOf>;
  /** What else decides the last digits or the speed, such as the backend. */
  readonly engine?: Readonly<Record<string, unknown>>;
}

export interface RunRecord {
  readonly kind: 'unspool run';
  readonly version: 1;
  /** What is trained, such as `language model`. */
  readonly job: string;
  /** A run that says `running` but has no process was killed. */
  readonly status: 'running' | 'finished' | 'interrupted' | 'failed';
  /** The input files with their hashes. */
  readonly data: readonly { readonly file: string; readonly sha256: string }[];
  readonly parameters: number;
  /** Updates planned in total. */
  readonly updates: number;
  readonly sessions: readonly RunSession[];
  /** The message of the error that ended the run. */
  readonly error?: string;
  /** The final figures; lower is better for `loss`, which is that of the validation data. */
  readonly result?: Metrics;
  /** Which weights the model has, in a sentence. */
  readonly weights?: string;
}

/** The machine and the versions. */
export const machineOf = () => ({
  unspool: VERSION,
  runtime: runtimeOf().name,
  engine: runtimeOf().engine,
  platform: `${process.platform} ${process.arch}`,
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memory: totalmem(),
});

export const encoded = (value: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);

export const writeRecord = (directory: string, record: RunRecord): Promise<void> =>
  writeFileAtomic(join(directory, RUN_FILES.record), encoded(record));

/** Throws `FILE_ACCESS`, and `INVALID_FILE` for a file that is not the record of a run. */
export async function readRecord(directory: string): Promise<RunRecord> {
  const file = join(directory, RUN_FILES.record);
  const value = parsed(file, await readText(file));
  if (isRunRecord(value)) return value;
  throw invalid(file, 'it is not the record of a run.');
}

function isRunRecord(value: unknown): value is RunRecord {
  if (!isObject(value) || value.kind !== 'unspool run' || typeof value.job !== 'string') return false;
  const { sessions, result, status } = value;
  const isEnd = result === undefined || (isObject(result) && Object.values(result).every(isFigure));
  return (
    typeof status === 'string' && Array.isArray(sessions) && sessions.length > 0 && sessions.every(isSession) && isEnd
  );
}

const isFigure = (value: unknown): boolean => value === null || typeof value === 'number';

/** The configuration of a run. Throws `FILE_ACCESS` and `INVALID_FILE`. */
export async function readConfigOf(directory: string): Promise<Readonly<Record<string, unknown>>> {
  const file = join(directory, RUN_FILES.config);
  const value = parsed(file, await readText(file));
  if (isObject(value)) return value;
  throw invalid(file, 'expected one JSON object with settings.');
}

const isSession = (value: unknown): boolean =>
  isObject(value) && ['seconds', 'from', 'to'].every((key) => Number.isFinite(value[key]));

function parsed(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(file, `not valid JSON: ${(error as Error).message}.`);
  }
}

const invalid = (file: string, problem: string): UnspoolError =>
  new UnspoolError({ code: 'INVALID_FILE', file, problem });

/** The total of all sessions. */
export const secondsOf = ({ sessions }: Pick<RunRecord, 'sessions'>): number =>
  sessions.reduce((sum, { seconds }) => sum + seconds, 0);
