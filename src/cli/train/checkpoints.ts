/** The checkpoints of one training: its file, the last good one, and the messages when one fails. */
import { rm } from 'node:fs/promises';
import { UnspoolError } from '../../index.js';
import { exists } from '../../node/read.js';
import { UsageError } from '../command.js';

/** The checkpoints of `model.safetensors` are in `model.checkpoint.safetensors`. */
export const checkpointFile = (file: string): string => `${file.replace(/\.safetensors$/, '')}.checkpoint.safetensors`;

/**
 * Throws `UsageError` if the checkpoint of another training, or the model, would be overwritten. The caller has the lock of the
 * model, so that the answer stays true.
 */
export async function requireFree(file: string, checkpoint: string): Promise<void> {
  if (await exists(file)) throw new UsageError(`${file} already exists. Use --force to overwrite it.`);
  if (await exists(checkpoint)) {
    const help = `Use --resume ${checkpoint} to continue that training, or --force to start over.`;
    throw new UsageError(`${checkpoint} already exists. ${help}`);
  }
}

export interface Checkpoint {
  readonly file: string;
  /** Updates made when it was saved. */
  readonly update: number;
}

export class Checkpoints {
  readonly file: string;
  private last: Checkpoint | null;
  /** Whether the file has the start of the training, and no update of it. */
  private isStart = false;
  private readonly write: (file: string) => Promise<number>;

  /**
   * @param write saves the current state of the training to a file and returns the number of updates made
   * @param last the checkpoint that the training was resumed from
   */
  constructor(file: string, write: (file: string) => Promise<number>, last: Checkpoint | null) {
    this.file = file;
    this.write = write;
    this.last = last;
  }

  async save(): Promise<void> {
    this.last = { file: this.file, update: await this.write(this.file) };
    this.isStart = false;
  }

  /** Saves the start of a training, so that it can be resumed after a kill at any moment. */
  async saveStart(): Promise<void> {
    await this.save();
    this.isStart = true;
  }

  /** Removes the start of a training that failed: it has nothing that a new training lacks, and that would not overwrite it. */
  async removeStart(): Promise<void> {
    if (!this.isStart) return;
    await rm(this.file, { force: true });
    this.last = null;
  }

  /** Like `save`, but returns the error if the file cannot be written. */
  async trySave(): Promise<UnspoolError | null> {
    try {
      await this.save();
      return null;
    } catch (error) {
      if (hasCode(error, 'FILE_ACCESS')) return error;
      throw error;
    }
  }

  /**
   * A disk that is full for a while must not end hours of training: if there is an earlier checkpoint, `warn` gets a
   * warning and the training continues. The first checkpoint must succeed, because without one a crash loses everything.
   */
  async saveOrWarn(warn: (text: string) => void): Promise<void> {
    const error = await this.trySave();
    if (!error) return;
    if (!this.last) throw error;
    const { file, update } = this.last;
    warn(`${error.message} The training continues; ${file}, from update ${update}, is still good.`);
  }

  /** After a device was lost: saves the copy from `update` with `write`, unless a checkpoint is at least as recent. */
  async rescue(update: number, write: (file: string) => Promise<void>): Promise<void> {
    if (update <= (this.last?.update ?? -1)) return;
    await write(this.file);
    this.last = { file: this.file, update };
    this.isStart = false;
  }

  /** The error of a failed training, extended by the checkpoint that can be resumed. */
  explain(error: unknown): unknown {
    if (!RESUMABLE.some((code) => hasCode(error, code))) return error;
    const { problem } = error as UnspoolError & { problem: { readonly help?: string } };
    const last =
      this.last === null
        ? 'No checkpoint has been saved.'
        : `The last good checkpoint, ${this.last.file}, is from update ${this.last.update}.`;
    return new UnspoolError({
      ...problem,
      help: [problem.help, last].filter(Boolean).join(' '),
    } as UnspoolError['problem']);
  }
}

/** Errors after which a training can be resumed from a checkpoint. */
const RESUMABLE = ['NOT_FINITE', 'FILE_ACCESS', 'DEVICE_LOST', 'RANK_LOST'] as const;

export const hasCode = (error: unknown, code: UnspoolError['code']): error is UnspoolError =>
  error instanceof UnspoolError && error.code === code;
