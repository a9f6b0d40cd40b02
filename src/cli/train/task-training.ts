/** The training of one model of a forecaster, a classifier or a tagger on the command line, with checkpoints. */
import type { Metadata, Model, Training, TrainingEvent, TrainingState } from '../../index.js';
import { saveModel } from '../../node/index.js';
import { DEFAULT_EPOCHS } from '../../tasks/defaults.js';
import type { TrainTaskOptions } from '../../tasks/index.js';
import { fitTask, type TaskData } from '../../tasks/train-models.js';
import type { Output } from '../output.js';
import type { RunDirectory } from '../runs/directory.js';
import { arithmeticOf, isSameArithmetic } from './arithmetic.js';
import { Checkpoints, checkpointFile } from './checkpoints.js';
import { Progress } from './progress.js';
import { DEFAULTS } from './settings.js';

/** A validation. */
export interface Validated {
  readonly update: number;
  readonly loss: number;
}

/** The checkpoint that a training continues from. */
export interface ResumedTask {
  readonly checkpoint: string;
  readonly state: TrainingState;
  readonly model: Model;
  readonly best: Validated | null;
  readonly arithmetic: unknown;
}

/** What is trained, and where its files are. */
export interface TaskTraining {
  readonly out: Output;
  readonly data: TaskData;
  readonly model: Model;
  readonly training: TrainTaskOptions;
  readonly seed: number;
  /** Ends the training after the next update. */
  readonly stop: AbortController;
  /** Where the model will be saved: the checkpoint is next to it. */
  readonly file: string;
  readonly directory: RunDirectory | null;
  /** What a message names to continue the training; null for the checkpoint. */
  readonly place: string | null;
  /** Updates between two checkpoints; 0 for none. Default as for language models. */
  readonly checkpointEvery: number | undefined;
  readonly resumed: ResumedTask | null;
  /** The metadata of a checkpoint, apart from the best validation and the arithmetic. */
  readonly metadata: object;
  /** Whether the training is one of several, whose seed is printed. */
  readonly isOneOfSeveral?: boolean;
  /** What is added to the numbers in the metrics. */
  readonly offset?: { readonly update: number; readonly epoch: number };
}

/** How a training ended. */
export interface TaskTrained {
  readonly updates: number;
  /** The best validation; null without a validation part. */
  readonly best: Validated | null;
}

/** Warns if the rest of a training is computed with another arithmetic than its beginning. */
export async function warnOfArithmetic({ checkpoint, arithmetic, model }: ResumedTask, out: Output): Promise<void> {
  const now = await arithmeticOf(model);
  if (isSameArithmetic(arithmetic, now)) return;
  out.warn(`${checkpoint} was computed by ${arithmetic}, this is ${now}: the last digits will differ.`);
}

/** Trains a model, and saves checkpoints. Returns null after an interruption, when the last one is saved. */
export async function trainWithCheckpoints(run: TaskTraining): Promise<TaskTrained | null> {
  const { out, model, data, training, seed, stop, directory, resumed, isOneOfSeveral = false } = run;
  const isLater = (run.offset?.update ?? 0) > 0;
  const fitting = fitTask(model, data, {
    ...{ ...training, seed, fit: { ...training.fit, signal: stop.signal } },
    ...(resumed && { resume: resumed.state }),
  });
  let { best, updates }: TaskTrained = { best: resumed?.best ?? null, updates: resumed?.state.update ?? 0 };
  const save = async (to: string): Promise<number> => {
    await directory?.beforeCheckpoint();
    return saveCheckpoint(to, run, fitting, best);
  };
  const last = resumed && { file: resumed.checkpoint, update: resumed.state.update };
  const checkpoints = new Checkpoints(checkpointFile(run.file), save, last);
  const progress = new Progress(out, training.epochs ?? DEFAULT_EPOCHS, 'steps');
  const { checkpointEvery: every = DEFAULTS.checkpointEvery } = run;
  let reason = '';
  try {
    if (!resumed) await (isLater ? checkpoints.save() : checkpoints.saveStart()); // a later one has the results of those before
    for await (const event of fitting) {
      updates = event.update;
      if (event.kind === 'update') progress.update(event);
      else progress.clear();
      if (event.kind === 'end') reason = event.reason;
      await recordEvent(run, event);
      if (event.kind === 'validation') {
        const loss = event.loss.toFixed(4);
        out.print(`${isOneOfSeveral ? `seed ${seed}  ` : ''}epoch ${event.epoch}  validation loss ${loss}`);
        if (best === null || event.loss < best.loss) best = { loss: event.loss, update: event.update };
      }
      if (event.kind === 'update' && every > 0 && event.update % every === 0) await checkpoints.saveOrWarn(out.warn);
    }
  } catch (error) {
    await checkpoints.removeStart();
    throw checkpoints.explain(error);
  } finally {
    progress.clear();
  }
  if (reason !== 'aborted') return { updates, best };
  await checkpoints.save();
  await directory?.end({ status: 'interrupted' });
  out.record({ kind: 'interrupted', checkpoint: checkpoints.file });
  const place = run.place ?? checkpoints.file;
  out.print(`Interrupted. The training is saved; continue it with:\n  npx unspool train --resume ${place}`);
  return null;
}

/** Writes an event to the output and to the metrics, where each of several trainings continues the numbers of the one before. */
async function recordEvent(
  { out, directory, seed, isOneOfSeveral, offset = { update: 0, epoch: 0 } }: TaskTraining,
  event: TrainingEvent,
): Promise<void> {
  const own = isOneOfSeveral ? { ...event, seed } : event;
  out.record(own);
  const numbered = 'epoch' in own ? { ...own, epoch: own.epoch + offset.epoch } : own;
  await directory?.add({ ...numbered, update: own.update + offset.update });
}

async function saveCheckpoint(
  file: string,
  { model, metadata }: TaskTraining,
  training: Training,
  best: Validated | null,
): Promise<number> {
  const state = await training.checkpoint();
  const all = { ...metadata, arithmetic: await arithmeticOf(model), best } as unknown as Metadata;
  await saveModel(file, model, { metadata: all, training: state });
  return state.update;
}
