/** A worker process of `unspool tune`: one trial at a time. It ends with the process that started it. */
import { revectorize } from '../../node/index.js';
import type { BackendFlags } from '../train/backend.js';
import type { TrainSettings } from '../train/settings.js';
import { readTrainingText } from '../train/training-text.js';
import { trainTrial } from './trial.js';

/** A message to a worker: a trial, or the decision about its last report. */
export type ToWorker =
  | (BackendFlags & {
      readonly kind: 'trial';
      readonly settings: TrainSettings;
      readonly textFile: string;
      readonly asText: boolean;
      readonly rungs: readonly number[];
    })
  | { readonly kind: 'decision'; readonly continues: boolean };

/** A message from a worker. */
export type FromWorker =
  | { readonly kind: 'report'; readonly value: number }
  | { readonly kind: 'done'; readonly value: number }
  | { readonly kind: 'failed'; readonly message: string };

const send = (message: FromWorker): boolean => process.send!(message);

let text: Promise<string> | null = null;
let decide: ((continues: boolean) => void) | null = null;

async function run({ settings, textFile, asText, rungs, backend, threads }: Extract<ToWorker, { kind: 'trial' }>) {
  try {
    text ??= readTrainingText(textFile, { asText });
    if (settings.precision === 'float32') await revectorize();
    const report = (value: number): Promise<boolean> => {
      send({ kind: 'report', value });
      return new Promise((done) => {
        decide = done;
      });
    };
    const value = await trainTrial({ settings, text: await text, backend, threads }, { rungs, report });
    send({ kind: 'done', value });
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
