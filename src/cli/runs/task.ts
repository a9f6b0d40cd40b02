/** The task of a run directory or a checkpoint. */
import { parseModel } from '../../index.js';
import { readBytes } from '../../node/index.js';
import { isRunDirectory } from './files.js';
import { readRecord } from './record.js';

/** What the metadata of a checkpoint have as `task`, so that it is not taken for a model. */
export const checkpointTask = (task: string): string => `${task} checkpoint`;

/** The task of what is resumed; null for a file that cannot be read, or does not name one, as that of a language model. */
export async function taskOfRun(path: string): Promise<string | null> {
  try {
    if (await isRunDirectory(path)) return (await readRecord(path)).job;
    const { task } = parseModel(await readBytes(path), path).metadata;
    const [, name = null] = /^(.+) checkpoint$/.exec(String(task)) ?? [];
    return name;
  } catch {
    return null; // the training of a language model reports what is wrong with the file
  }
}
