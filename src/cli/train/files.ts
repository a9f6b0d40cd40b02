/** The files of a training: locked while it runs, and found again when it is resumed. */
import { join } from 'node:path';
import { lockFile } from '../../node/index.js';
import { exists } from '../../node/read.js';
import { UsageError } from '../command.js';
import type { Output } from '../output.js';
import { isRunDirectory, RUN_FILES, removeIfEmpty } from '../runs/files.js';
import { readRecord } from '../runs/record.js';
import { checkpointFile } from './checkpoints.js';

/** Where a training saves its model; `directory` is null for one without a run directory. */
export interface TrainingFiles {
  readonly model: string;
  readonly directory: string | null;
}

/** Runs a training with its model locked, and removes a run directory in which nothing was written. */
export async function withLock<T>(
  { model, directory }: TrainingFiles,
  out: Output,
  train: () => Promise<T>,
): Promise<T> {
  const unlock = await lockFile(model, { onWait: out.warn });
  try {
    return await train();
  } finally {
    await unlock();
    if (directory !== null) await removeIfEmpty(directory);
  }
}

/** The files of the run directory or the checkpoint that is resumed. */
export async function resumedFiles(path: string): Promise<TrainingFiles & { readonly checkpoint: string }> {
  const directory = (await isRunDirectory(path)) ? path : null;
  const checkpoint = directory === null ? path : checkpointFile(join(directory, RUN_FILES.model));
  return { directory, checkpoint, model: checkpoint.replace(/\.checkpoint\.safetensors$/, '.safetensors') };
}

/** Throws `UsageError` for a missing checkpoint, with the reason: the training is finished, or it ended before it saved one. */
export async function requireCheckpoint(path: string, checkpoint: string): Promise<void> {
  if (await exists(checkpoint)) return;
  if (!(await isRunDirectory(path)))
    throw new UsageError(`${path} is missing now: another process has finished its training.`);
  const isFinished = (await readRecord(path)).status === 'finished';
  const reason = isFinished ? 'its training is finished' : 'its training ended before one was saved';
  const help = `To train again: unspool train --config ${join(path, RUN_FILES.config)}`;
  throw new UsageError(`${path} has no checkpoint: ${reason}. ${help}`);
}

/** Whether a resumed training may replace its model. Throws `UsageError` for a file that is not a result of it. */
export async function mayReplace(
  { model, directory }: TrainingFiles,
  isResult: (model: string) => Promise<boolean>,
): Promise<boolean> {
  const replace = directory !== null || (await isResult(model));
  if (replace || !(await exists(model))) return replace;
  throw new UsageError(`${model} already exists and is not a result of this training. Move it away.`);
}
