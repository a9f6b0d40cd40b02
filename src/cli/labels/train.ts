/** `unspool train` for classification and tagging: trains, saves the model with its pipeline, and tests it next to baselines. */
import { join } from 'node:path';
import { type BackendChoice, type BackendOptions, createModel, type Metadata } from '../../index.js';
import { lockFile, saveModel } from '../../node/index.js';
import { exists } from '../../node/read.js';
import {
  type Labeler,
  type LabelTask,
  type TrainLabelerOptions,
  testLabeler,
  trainClassifier,
  trainTagger,
} from '../../tasks/index.js';
import { DEFAULT_EPOCHS } from '../../tasks/train-models.js';
import { UsageError } from '../command.js';
import { readConfig } from '../config.js';
import { clock, createOutput, grouped, type Output, type OutputFlags } from '../output.js';
import { requireSeparate } from '../paths.js';
import { RunDirectory } from '../runs/directory.js';
import { claimRunDirectory, RUN_FILES, removeIfEmpty } from '../runs/files.js';
import { dashed } from '../settings.js';
import { stopOnSignal } from '../signals.js';
import { Progress } from '../train/progress.js';
import { hashesOf, type ReadData, readData, type TaskFlags } from './read.js';
import { printReport, printSamples } from './report.js';
import { LABEL_CONFIG, type LabelSettings, trainingOptionsOf } from './settings.js';

/** The options of the command that this job uses. */
interface Flags extends OutputFlags, TaskFlags {
  readonly out: string | undefined;
  readonly run: string | undefined;
  readonly force: boolean;
  readonly backend: string | undefined;
  readonly threads: number | undefined;
  readonly tensorboard: boolean;
}

const OTHER_FLAGS = ['config', 'out', 'run', 'force', 'backend', 'threads', 'tensorboard', 'json', 'quiet'];

/** Flags override the config file. Throws `UsageError` for a flag that this job does not have. */
async function readSettings(options: Flags): Promise<LabelSettings> {
  if (options.resume !== undefined) {
    throw new UsageError('--resume does not continue classifiers and taggers. Train again instead.');
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  const unused = given.find(([key]) => !(key in LABEL_CONFIG) && !OTHER_FLAGS.includes(key));
  if (unused) throw new UsageError(`--${dashed(unused[0])} has no effect on a classifier or a tagger.`);
  const config = options.config === undefined ? {} : await readConfig(options.config, LABEL_CONFIG);
  return { ...config, ...Object.fromEntries(given.filter(([key]) => key in LABEL_CONFIG)) };
}

interface LabelRun extends ReadData {
  readonly out: Output;
  readonly task: LabelTask;
  readonly file: string;
  /** Where the model is saved. */
  readonly model: string;
  readonly directory: string | null;
  readonly tensorboard: boolean;
  readonly config: Metadata;
  readonly force: boolean;
  readonly training: TrainLabelerOptions;
}

/** Trains a classifier or a tagger. Returns the exit code. */
export async function trainOnLabels(task: LabelTask, [argument]: readonly string[], options: Flags): Promise<number> {
  const given = await readSettings(options);
  const file = argument ?? given.table;
  if (file === undefined) throw new UsageError('missing FILE: a table, a folder with one file per class, or a text.');
  const { out: outFile, run, force, backend, threads, tensorboard } = options;
  if (run !== undefined && outFile !== undefined) throw new UsageError('--run cannot be combined with --out.');
  const out = createOutput(options);
  if (outFile !== undefined) {
    await requireSeparate(
      [['--out', outFile]],
      [
        ['the data', file],
        ['the test file', given.testFile],
        ['the config file', options.config],
      ],
    );
    if (!force && (await exists(outFile)))
      throw new UsageError(`${outFile} already exists. Use --force to overwrite it.`);
  }
  const read = await readData(task, file, given);
  const { data, settings } = read;
  const { label, tags, text, values } = settings;
  const what = label ?? tags ?? 'the spaces';
  out.print(
    `${task === 'classification' ? 'Classification' : 'Tagging'} of ${file}: ${what} by ${text ?? values ?? 'its characters'}`,
  );
  printSamples(data.describe(), out);
  const directory = outFile === undefined ? await claimRunDirectory(run, file) : null;
  const model = outFile ?? join(directory!, RUN_FILES.model);
  const place: BackendOptions = {
    ...(backend !== undefined && { backend: backend as BackendChoice }),
    ...(settings.precision !== undefined && { precision: settings.precision }),
    threads: threads ?? 'auto',
  };
  const unlock = await lockFile(model, { onWait: out.warn });
  try {
    const config = { ...settings, task, table: file } as Metadata;
    const training = { ...trainingOptionsOf(settings), backend: place };
    return await runTraining({
      ...{ ...read, out, task, file, model, directory, tensorboard, config, force, training },
    });
  } finally {
    await unlock();
    if (directory !== null) await removeIfEmpty(directory);
  }
}

async function beginDirectory(run: LabelRun): Promise<RunDirectory | null> {
  const { directory, data, task, file, config, training, tensorboard } = run;
  if (directory === null) return null;
  const { epochs = DEFAULT_EPOCHS, hiddenSize, embeddingSize, layers, bidirectional, backend: _, ...rest } = training;
  const sizes = Object.entries({ hiddenSize, embeddingSize, layers, bidirectional }).filter(
    ([, size]) => size !== undefined,
  );
  const model = await createModel(data.spec(Object.fromEntries(sizes)), { backend: 'reference' });
  const parameters = model.size;
  model.dispose();
  return RunDirectory.begin(directory, {
    ...{ job: task, parameters, updates: data.train.length * epochs, config },
    data: await hashesOf(file, run),
    ...{ engine: { seeds: rest.seeds }, metricsEvery: 1, resumed: null, tensorboard },
  });
}

/** Trains, saves, tests. Returns the exit code. */
async function runTraining(run: LabelRun): Promise<number> {
  const { out, data, task, training } = run;
  const directory = await beginDirectory(run);
  const progress = new Progress(out, training.epochs ?? DEFAULT_EPOCHS, 'steps');
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  const began = performance.now();
  let updates = 0;
  const best = { loss: Number.POSITIVE_INFINITY, update: 0 };
  out.print('');
  try {
    const labeler = await (task === 'classification' ? trainClassifier : trainTagger)(data, {
      ...training,
      fit: { signal: stop.signal },
      async onEvent(event) {
        updates = event.update;
        if (event.kind === 'update') progress.update(event);
        else progress.clear();
        out.record(event);
        await directory?.add(event);
        if (event.kind !== 'validation') return;
        out.print(`epoch ${event.epoch}  validation loss ${event.loss.toFixed(4)}`);
        if (event.loss < best.loss) Object.assign(best, { loss: event.loss, update: event.update });
      },
    });
    if (stop.signal.aborted) {
      labeler.dispose();
      await directory?.end({ status: 'interrupted' });
      out.record({ kind: 'interrupted' });
      out.print('Interrupted. No model is saved.');
      return 1;
    }
    await finish(run, labeler, directory, { updates, best, seconds: (performance.now() - began) / 1000 });
    labeler.dispose();
    return 0;
  } catch (error) {
    await directory?.fail(error);
    throw error;
  } finally {
    progress.clear();
    release();
  }
}

interface Progressed {
  readonly updates: number;
  readonly best: { readonly loss: number; readonly update: number };
  readonly seconds: number;
}

async function finish(
  run: LabelRun,
  labeler: Labeler,
  directory: RunDirectory | null,
  done: Progressed,
): Promise<void> {
  const { out, data, settings, config, force } = run;
  const { updates, best, seconds } = done;
  const loss = data.validation ? best.loss : null;
  const report = data.test ? await testLabeler(labeler, data) : null;
  const metadata: Metadata = {
    ...labeler.metadata(),
    ...{ table: config.table!, settings: config, updates, validationLoss: loss },
    ...(settings.testFile !== undefined && { testFile: settings.testFile }),
    ...(settings.decimal !== undefined && { decimal: settings.decimal }),
  };
  await saveModel(run.model, labeler.models[0]!, { metadata }, { replace: force });
  const weights =
    loss === null
      ? `the weights after ${grouped(updates)} updates`
      : `the best weights, of update ${grouped(best.update)}`;
  const scores = report && { accuracy: report.methods[0]!.accuracy, f1: report.methods[0]!.f1 };
  await directory?.end({ status: 'finished', result: { loss, ...scores, updates }, weights });
  out.record({
    ...{ kind: 'result', file: run.model, updates, validationLoss: loss, seconds },
    ...(report && { test: report }),
  });
  out.print(`\n${grouped(updates)} updates in ${clock(seconds)}.`);
  if (report) printReport(report, out);
  const place = run.directory ?? run.model;
  out.print(`\nTo predict:\n  npx unspool predict ${place} FILE`);
  out.print(`Saved ${place}. It has ${weights}.`);
}
