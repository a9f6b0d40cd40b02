/** `unspool train` on a table: trains a forecaster, saves it with its pipeline, and tests it next to baselines. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isObject } from '../../checks.js';
import { type BackendChoice, type BackendOptions, createModel, type Metadata } from '../../index.js';
import { lockFile, readBytes, readText, saveModel } from '../../node/index.js';
import { exists } from '../../node/read.js';
import {
  backtest,
  type Forecaster,
  type ForecastingData,
  forecasting,
  type TrainForecasterOptions,
  trainForecaster,
} from '../../tasks/index.js';
import { DEFAULT_EPOCHS } from '../../tasks/train-models.js';
import { UsageError } from '../command.js';
import { readConfig } from '../config.js';
import { clock, createOutput, grouped, type Output, type OutputFlags } from '../output.js';
import { requireSeparate } from '../paths.js';
import { RunDirectory } from '../runs/directory.js';
import { claimRunDirectory, RUN_FILES, removeIfEmpty } from '../runs/files.js';
import { dashed, flag, text, type ValuesOf } from '../settings.js';
import { stopOnSignal } from '../signals.js';
import { Progress } from '../train/progress.js';
import { SETTING_FLAGS } from '../train/settings.js';
import { printData } from './describe.js';
import { readTable } from './read-table.js';
import { printBacktest } from './report.js';
import { FORECAST_SETTINGS, forecastingOptionsOf } from './settings.js';

const { hiddenSize, layers, dropout, epochs, lr, seed, patience, batchSize, precision } = SETTING_FLAGS;

/** All settings of a forecaster's training: the keys of its config file, and the flags that it uses. */
const TABLE = {
  ...FORECAST_SETTINGS,
  ...{ hiddenSize, layers, dropout, epochs, lr, seed, patience, batchSize, precision },
  bidirectional: flag('read the window in both directions'),
  task: text({ choices: ['forecasting'], help: 'forecasting' }),
  table: text({ help: 'the file of the table' }),
};

export { TABLE as FORECAST_CONFIG };

type TableSettings = ValuesOf<typeof TABLE>;

/** The options of the command that this job uses. */
interface Flags extends OutputFlags {
  readonly task: string | undefined;
  readonly target: string | undefined;
  readonly config: string | undefined;
  readonly out: string | undefined;
  readonly run: string | undefined;
  readonly resume: string | undefined;
  readonly force: boolean;
  readonly backend: string | undefined;
  readonly threads: number | undefined;
}

/** Whether the options or the config file say that a forecaster is to be trained. */
export async function isForecasting({ task, target, config }: Flags): Promise<boolean> {
  if (task !== undefined) return task === 'forecasting';
  if (target !== undefined) return true;
  if (config === undefined) return false;
  try {
    const values: unknown = JSON.parse(await readText(config));
    return isObject(values) && values.task === 'forecasting';
  } catch {
    return false; // the language model reports what is wrong with the file
  }
}

const OTHER_FLAGS = ['config', 'out', 'run', 'force', 'backend', 'threads', 'json', 'quiet'];

/** Flags override the config file. Throws `UsageError` for a flag that a forecaster does not have. */
async function readSettings(options: Flags): Promise<Partial<TableSettings>> {
  if (options.resume !== undefined)
    throw new UsageError('--resume continues language models only. Train again instead.');
  const given = Object.entries(options).filter(([, value]) => value !== undefined && value !== false);
  const unused = given.find(([key]) => !(key in TABLE) && !OTHER_FLAGS.includes(key));
  if (unused) throw new UsageError(`--${dashed(unused[0])} has no effect on a forecaster.`);
  const config = options.config === undefined ? {} : await readConfig(options.config, TABLE);
  return { ...config, ...Object.fromEntries(given.filter(([key]) => key in TABLE)) };
}

const trainingOf = (settings: Partial<TableSettings>, options: Flags): TrainForecasterOptions => {
  const { hiddenSize, layers, dropout, epochs, lr, seed, patience, precision, bidirectional } = settings;
  const { backend, threads } = options;
  const place: BackendOptions = {
    ...(backend !== undefined && { backend: backend as BackendChoice }),
    ...(precision !== undefined && { precision }),
    threads: threads ?? 'auto',
  };
  const given = { hiddenSize, layers, dropout, epochs, learningRate: lr, bidirectional };
  const isGiven = ([, value]: [string, unknown]): boolean => value !== undefined;
  return {
    ...Object.fromEntries(Object.entries(given).filter(isGiven)),
    ...(patience !== undefined && patience > 0 && { patience }),
    seeds: [seed ?? 1],
    backend: place,
  };
};

/** Trains a forecaster. Returns the exit code. */
export async function trainOnTable([argument]: readonly string[], options: Flags): Promise<number> {
  const settings = await readSettings(options);
  const file = argument ?? settings.table;
  if (file === undefined) throw new UsageError('missing FILE: a table to forecast.');
  const { out: outFile, run, force } = options;
  if (run !== undefined && outFile !== undefined) throw new UsageError('--run cannot be combined with --out.');
  for (const key of ['target', 'history', 'horizon'] as const) {
    if (settings[key] === undefined) throw new UsageError(`missing --${key}: ${FORECAST_SETTINGS[key].help}.`);
  }
  const out = createOutput(options);
  if (outFile !== undefined) {
    await requireSeparate(
      [['--out', outFile]],
      [
        ['the table', file],
        ['the config file', options.config],
      ],
    );
    if (!force && (await exists(outFile)))
      throw new UsageError(`${outFile} already exists. Use --force to overwrite it.`);
  }
  const data = forecasting(await readTable(file, settings), forecastingOptionsOf(settings as TableSettings));
  out.print(`Forecasts ${settings.target} of ${file}`);
  printData(data.describe(), data.pipeline.settings, out);
  const directory = outFile === undefined ? await claimRunDirectory(run, file) : null;
  const model = outFile ?? join(directory!, RUN_FILES.model);
  const unlock = await lockFile(model, { onWait: out.warn });
  try {
    const config = { ...settings, task: 'forecasting', table: file };
    return await runTraining({
      out,
      data,
      file,
      model,
      directory,
      config,
      force,
      training: trainingOf(settings, options),
    });
  } finally {
    await unlock();
    if (directory !== null) await removeIfEmpty(directory);
  }
}

interface TableRun {
  readonly out: Output;
  readonly data: ForecastingData;
  /** The table. */
  readonly file: string;
  /** Where the model is saved. */
  readonly model: string;
  readonly directory: string | null;
  readonly config: Metadata & { readonly decimal?: string };
  readonly force: boolean;
  readonly training: TrainForecasterOptions;
}

async function beginDirectory({ directory, data, file, config, training }: TableRun): Promise<RunDirectory | null> {
  if (directory === null) return null;
  const sha256 = createHash('sha256')
    .update(await readBytes(file))
    .digest('hex');
  const spec = data.spec(sizesOf(training));
  const model = await createModel(spec, { backend: 'reference' });
  const parameters = model.size;
  model.dispose();
  return RunDirectory.begin(directory, {
    ...{
      job: 'forecasting',
      data: [{ file, sha256 }],
      parameters,
      updates: data.train.length * (training.epochs ?? DEFAULT_EPOCHS),
    },
    ...{ config, engine: {}, metricsEvery: 1, resumed: null },
  });
}

const sizesOf = ({ hiddenSize, layers, dropout, bidirectional }: TrainForecasterOptions) =>
  Object.fromEntries(
    Object.entries({ hiddenSize, layers, dropout, bidirectional }).filter(([, value]) => value !== undefined),
  );

/** Trains, saves, tests. Returns the exit code. */
async function runTraining(run: TableRun): Promise<number> {
  const { out, data, training } = run;
  const directory = await beginDirectory(run);
  const progress = new Progress(out, training.epochs ?? DEFAULT_EPOCHS, 'steps');
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  const began = performance.now();
  let updates = 0;
  const best = { loss: Number.POSITIVE_INFINITY, update: 0 };
  out.print('');
  try {
    const forecaster = await trainForecaster(data, {
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
      await directory?.end({ status: 'interrupted' });
      out.record({ kind: 'interrupted' });
      out.print('Interrupted. No model is saved.');
      return 1;
    }
    await finish(run, forecaster, directory, { updates, best, seconds: (performance.now() - began) / 1000 });
    forecaster.dispose();
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

async function finish(run: TableRun, forecaster: Forecaster, directory: RunDirectory | null, done: Progressed) {
  const { out, data, file, config, force } = run;
  const { updates, best, seconds } = done;
  const loss = data.validation ? best.loss : null;
  const report = data.test ? await backtest(forecaster, data) : null;
  const metadata: Metadata = {
    ...forecaster.metadata(),
    ...{ table: file, settings: config, updates, validationLoss: loss },
    ...(config.decimal !== undefined && { decimal: config.decimal }),
  };
  await saveModel(run.model, forecaster.models[0]!, { metadata }, { replace: force });
  const weights =
    loss === null
      ? `the weights after ${grouped(updates)} updates`
      : `the best weights, of update ${grouped(best.update)}`;
  const result = { loss, ...(report && { mae: report.methods[0]!.mae }), updates };
  await directory?.end({ status: 'finished', result, weights });
  out.record({
    kind: 'result',
    file: run.model,
    updates,
    validationLoss: loss,
    seconds,
    ...(report && { backtest: report }),
  });
  out.print(`\n${grouped(updates)} updates in ${clock(seconds)}.`);
  if (report) printBacktest(report, out);
  const place = run.directory ?? run.model;
  out.print(`\nTo forecast:\n  npx unspool predict ${place}`);
  out.print(`Saved ${place}. It has ${weights}.`);
}
