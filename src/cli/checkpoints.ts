/** The checkpoints of one training run: where they stand, which is the last good one, and what to say when one fails. */
import { UnspoolError } from '../index.js';
import { exists } from '../node/files.js';
import { UsageError } from './command.js';

/** `model.safetensors` has its checkpoints in `model.checkpoint.safetensors`. */
export const checkpointFile = (file: string): string => `${file.replace(/\.safetensors$/, '')}.checkpoint.safetensors`;

/** A model, or a training that can be gone on with, is never overwritten by a slip. */
export async function requireFree(file: string, checkpoint?: string): Promise<void> {
  if (await exists(file)) throw new UsageError(`${file} is there already; --force overwrites it`);
  if (checkpoint !== undefined && (await exists(checkpoint))) {
    throw new UsageError(`${checkpoint} is there already; --resume ${checkpoint} goes on with it, --force begins anew`);
  }
}

export interface Checkpoint {
  readonly file: string;
  /** Updates behind it. */
  readonly step: number;
}

export class Checkpoints {
  readonly file: string;
  private last: Checkpoint | null;
  private readonly write: (file: string) => Promise<number>;

  /**
   * @param write writes the training as it stands to a file and returns the updates behind it
   * @param last the one that the training was resumed from
   */
  constructor(file: string, write: (file: string) => Promise<number>, last: Checkpoint | null) {
    this.file = file;
    this.write = write;
    this.last = last;
  }

  async save(): Promise<void> {
    this.last = { file: this.file, step: await this.write(this.file) };
  }

  /** As `save`, but returns the error of a file that cannot be written. */
  async attempt(): Promise<UnspoolError | null> {
    try {
      await this.save();
      return null;
    } catch (error) {
      if (isAbout(error, 'FILE_ACCESS')) return error;
      throw error;
    }
  }

  /**
   * A disk that fills up for a while should not end hours of training: where an earlier checkpoint stands, a warning goes
   * to `warn`, and the training goes on. The first one has to succeed, as nothing else would outlive a crash.
   */
  async saveOrWarn(warn: (text: string) => void): Promise<void> {
    const error = await this.attempt();
    if (error && !this.last) throw error;
    if (error && this.last) {
      warn(`${error.message} The training goes on; ${this.last.file}, from update ${this.last.step}, is still good.`);
    }
  }

  /** After a device was lost: `write` writes the copy from update `step`, unless there is a checkpoint as new. */
  async rescue(step: number, write: (file: string) => Promise<void>): Promise<void> {
    if (step <= (this.last?.step ?? -1)) return;
    await write(this.file);
    this.last = { file: this.file, step };
  }

  /** The error of a run that failed, with what there is to go back to. */
  explain(error: unknown): unknown {
    if (!GOES_BACK.some((code) => isAbout(error, code))) return error;
    const { problem } = error as UnspoolError & { problem: { readonly help?: string } };
    const last =
      this.last === null
        ? 'No checkpoint has been saved.'
        : `The last good checkpoint, ${this.last.file}, is from update ${this.last.step}.`;
    return new UnspoolError({
      ...problem,
      help: [problem.help, last].filter(Boolean).join(' '),
    } as UnspoolError['problem']);
  }
}

/** After which errors a training is gone on with from a checkpoint. */
const GOES_BACK = ['NOT_FINITE', 'FILE_ACCESS', 'DEVICE_LOST'] as const;

export const isAbout = (error: unknown, code: UnspoolError['code']): error is UnspoolError =>
  error instanceof UnspoolError && error.code === code;
