/** A worker process of `unspool tune`: one trial at a time. It ends with the process that started it. */
import { revectorize } from '../../node/index.js';
import type { BackendFlags } from '../train/backend.js';
import type { TrainSettings } from '../train/settings.js';
import { readTrainingText } from '../train/training-text.js';
import { readStudyData, type StudyData, type TaskStudy, trainTaskTrial } from './task-trial.js';
import { trainTrial } from './trial.js';

/** What a worker computes: a training of a language model, or those of another task. */
export type TrialOrder = BackendFlags &
  (
    | {
        readonly job: 'text';
        readonly settings: TrainSettings;
        readonly textFile: string;
        readonly asText: boolean;
      }
    | { readonly job: 'task'; readonly study: TaskStudy; readonly settings: Readonly<Record<string, unknown>> }
  );

/** A message to a worker: a trial, or the decision about its last report. */
export type ToWorker =
  | (TrialOrder & { readonly kind: 'trial'; readonly rungs: readonly number[] })
  | { readonly kind: 'decision'; readonly continues: boolean };

/** A message from a worker. */
export type FromWorker =
  | { readonly kind: 'report'; readonly value: number }
  | { readonly kind: 'done'; readonly value: number }
  | { readonly kind: 'failed'; readonly message: string };

const send = (message: FromWorker): boolean => process.send!(message);

/** What all trials of this process read, once. */
let text: Promise<string> | null = null;
let data: Promise<StudyData> | null = null;
let decide: ((continues: boolean) => void) | null = null;

const report = (value: number): Promise<boolean> => {
  send({ kind: 'report', value });
  return new Promise((done) => {
    decide = done;
  });
};

async function trialValue(order: Extract<ToWorker, { kind: 'trial' }>): Promise<number> {
  const { rungs, backend, threads } = order;
  if (order.job === 'task') {
    const { study, settings } = order;
    data ??= readStudyData(study);
    return trainTaskTrial(await data, { settings, folds: study.folds, backend, threads }, { rungs, report });
  }
  const { settings, textFile, asText } = order;
  text ??= readTrainingText(textFile, { asText });
  if (settings.precision === 'float32') await revectorize();
  return trainTrial({ settings, text: await text, backend, threads }, { rungs, report });
}

async function run(order: Extract<ToWorker, { kind: 'trial' }>): Promise<void> {
  try {
    send({ kind: 'done', value: await trialValue(order) });
  } catch (error) {
    send({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}

process.on('SIGINT', () => {}); // a terminal sends Ctrl-C to all processes; the first one decides
process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToWorker) => {
  if (message.kind === 'trial') void run(message);
  else decide?.(message.continues);
});
