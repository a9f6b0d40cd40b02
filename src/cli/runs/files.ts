/** The files of a run directory, for every job, and where a new one goes. */
import { mkdir, readdir, rmdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileAccessError } from '../../node/files.js';
import { exists } from '../../node/read.js';
import { UsageError } from '../command.js';
import { checkpointFile } from '../train/checkpoints.js';

/** The names of the files in a run directory. The checkpoint and the lock are next to the model, under its name. */
export const RUN_FILES = {
  /** The configuration: `--config` with this file repeats the run. */
  config: 'config.json',
  /** State, machine, versions and result. */
  record: 'run.json',
  /** One JSON object per line: updates, validations and epochs. */
  metrics: 'metrics.jsonl',
  model: 'model.safetensors',
  plot: 'plot.svg',
} as const;

/** The parent of new run directories. */
export const RUNS = 'runs';

/** Whether a folder is a run directory. */
export const isRunDirectory = (path: string): Promise<boolean> => exists(join(path, RUN_FILES.record));

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

/** The model file that a MODEL argument means: itself, or the model of a run directory. Throws `UsageError` for a run without one. */
export async function modelFileOf(path: string): Promise<string> {
  if (!(await isFolder(path)) || !(await isRunDirectory(path))) return path;
  const file = join(path, RUN_FILES.model);
  if (await exists(file)) return file;
  throw new UsageError(
    `${path} has no model yet: its training has not finished. Continue it with unspool train --resume ${path}, or name its checkpoint.`,
  );
}

const MAX_RUNS = 10_000;

async function isEmptyFolder(path: string): Promise<boolean> {
  return (await readdir(path)).length === 0;
}

/**
 * Creates the folder of a new run: `path`, or else `runs/NAME`, `runs/NAME-2` and so on, the first that does not exist. Throws
 * `UsageError` if `path` exists and is not an empty folder: a run is never overwritten.
 */
export async function claimRunDirectory(path: string | undefined, data: string): Promise<string> {
  try {
    if (path !== undefined) return await claimExactly(path);
    await mkdir(RUNS, { recursive: true });
    const name = basename(data).replace(/\.[^.]*$/, '') || 'run';
    for (let number = 1; number <= MAX_RUNS; number++) {
      const candidate = join(RUNS, number === 1 ? name : `${name}-${number}`);
      if (await claim(candidate)) return candidate;
    }
  } catch (error) {
    throw fileAccessError(path ?? RUNS, 'written', error);
  }
  throw new UsageError(`${RUNS} has ${MAX_RUNS} runs of ${data}. Choose another folder with --run DIR.`);
}

async function claimExactly(path: string): Promise<string> {
  if (await claim(path)) return path;
  if ((await isFolder(path)) && (await isEmptyFolder(path))) return path;
  const checkpoint = checkpointFile(join(path, RUN_FILES.model));
  const resume = (await exists(checkpoint)) ? `, or continue it with --resume ${path}` : '';
  throw new UsageError(`--run ${path} already exists, and a run is never overwritten. Choose another folder${resume}.`);
}

/** Creates a folder; returns false if something of that name exists. */
async function claim(path: string): Promise<boolean> {
  try {
    await mkdir(join(path, '..'), { recursive: true });
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/** Removes the folder of a run that ended before it wrote a file. */
export const removeIfEmpty = (path: string): Promise<void> => rmdir(path).catch(() => {});
