/** Finds runs in folders, and reads what can be read of each. A damaged run is listed with what is wrong. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UnspoolError } from '../../index.js';
import { fileAccessError } from '../../node/files.js';
import { isLocked } from '../../node/lock.js';
import { exists } from '../../node/read.js';
import { RUN_FILES } from './files.js';
import { readMetrics } from './metrics.js';
import { type Metrics, type RunRecord, readConfigOf, readRecord, secondsOf } from './record.js';

/** `killed`: it says that it runs, but no process has its lock. `broken`: its files are damaged or missing. */
export type RunState = RunRecord['status'] | 'killed' | 'broken';

/** A run as it is listed. */
export interface FoundRun {
  readonly path: string;
  readonly state: RunState;
  /** What is wrong, of a run that is broken or failed. */
  readonly problem?: string;
  readonly job?: string;
  readonly started?: string;
  readonly seconds?: number;
  /** Updates made and planned. */
  readonly updates?: number;
  readonly planned?: number;
  readonly parameters?: number;
  /** The final figures; of a run without a result, `loss` is that of its best validation. */
  readonly result: Metrics;
  readonly config: Readonly<Record<string, unknown>>;
}

const MAX_DEPTH = 4;
const SKIPPED = ['node_modules', '.git'];

/** Whether a folder is a run, also a damaged one. */
const looksLikeRun = async (path: string): Promise<boolean> =>
  (await exists(join(path, RUN_FILES.record))) ||
  ((await exists(join(path, RUN_FILES.config))) && (await exists(join(path, RUN_FILES.metrics))));

/** The run directories in a folder or below it, sorted. Throws `FILE_ACCESS`. */
async function directoriesIn(path: string, depth = 0): Promise<string[]> {
  if (await looksLikeRun(path)) return [path];
  if (depth === MAX_DEPTH) return [];
  try {
    const entries = await readdir(path, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory() && !SKIPPED.includes(entry.name));
    const names = folders.map(({ name }) => name).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    return (await Promise.all(names.map((name) => directoriesIn(join(path, name), depth + 1)))).flat();
  } catch (error) {
    throw fileAccessError(path, 'read', error);
  }
}

/** All runs in the folders or below them, each once. */
export async function findRuns(folders: readonly string[]): Promise<FoundRun[]> {
  const found = (await Promise.all(folders.map((folder) => directoriesIn(folder)))).flat();
  return Promise.all([...new Set(found)].map(readRun));
}

export async function readRun(path: string): Promise<FoundRun> {
  try {
    return await read(path);
  } catch (error) {
    if (!(error instanceof UnspoolError)) throw error;
    return { path, state: 'broken', problem: error.message, result: {}, config: {} };
  }
}

async function read(path: string): Promise<FoundRun> {
  const [record, config] = [await readRecord(path), await readConfigOf(path)];
  const { status, job, sessions, updates: planned, parameters, error } = record;
  const isAlive = status === 'running' && (await isLocked(join(path, RUN_FILES.model)));
  return {
    path,
    state: status === 'running' && !isAlive ? 'killed' : status,
    ...(error !== undefined && { problem: error }),
    ...{ job, started: sessions[0]!.started, seconds: secondsOf(record) },
    ...{ updates: sessions.at(-1)!.to, planned, parameters, config },
    result: record.result ?? (await bestSoFar(path)),
  };
}

async function bestSoFar(path: string): Promise<Metrics> {
  const losses = (await readMetrics(path))
    .filter(({ kind }) => kind === 'validation')
    .map(({ loss }) => loss as number);
  return losses.length === 0 ? {} : { loss: losses.reduce((a, b) => Math.min(a, b)) };
}
