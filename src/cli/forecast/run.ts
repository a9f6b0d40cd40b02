/** The training of a forecaster on the command line: seed after seed, with checkpoints, then the test next to baselines. */

import { unlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { createModel, type Metadata, type Model, type TrainingState } from '../../index.js';
import { loadModel, saveModel } from '../../node/index.js';
import { DEFAULT_EPOCHS } from '../../tasks/defaults.js';
import { SIZE_KEYS } from '../../tasks/forecasting.js';
import { backtest, type Forecaster } from '../../tasks/index.js';
import { forecasterOf } from '../../tasks/train-forecaster.js';
import { sizesOf } from '../../tasks/train-models.js';
import { clock, grouped } from '../output.js';
import { RunDirectory } from '../runs/directory.js';
import { stopOnSignal } from '../signals.js';
import { arithmeticOf } from '../train/arithmetic.js';
import { checkpointFile } from '../train/checkpoints.js';
import { DEFAULTS } from '../train/settings.js';
import { trainWithCheckpoints, warnOfArithmetic } from '../train/task-training.js';
import { CHECKPOINT_TASK } from './config.js';
import { printBacktest } from './report.js';
import { bestSeed, meanAndSpread, printSeeds, type SeedResult, seedFile, type TableRun, weightsText } from './seeds.js';

/** The updates and epochs of the seeds before one. In the metrics, each seed continues the numbers of the one before. */
function offsetOf({ data, training }: TableRun, seeds: number) {
  const epochs = training.epochs ?? DEFAULT_EPOCHS;
  return { update: seeds * epochs * data.train.length, epoch: seeds * epochs };
}

/** The state in the numbers of the metrics. */
function withOffset(run: TableRun, seeds: number, state: TrainingState): TrainingState {
  const offset = offsetOf(run, seeds);
  return { ...state, update: state.update + offset.update, epoch: state.epoch + offset.epoch };
}

async function beginDirectory(run: TableRun, model: Model): Promise<RunDirectory | null> {
  const { directory, tensorboard, file, config, training, resumed } = run;
  if (directory === null) return null;
  return RunDirectory.begin(directory, {
    ...{ job: 'forecasting', data: [{ file, sha256: run.tableHash }], parameters: model.size },
    updates: offsetOf(run, training.seeds!.length).update,
    ...{ config, engine: { arithmetic: await arithmeticOf(model) } },
    tensorboard,
    metricsEvery: config.metricsEvery ?? DEFAULTS.metricsEvery,
    resumed: resumed && withOffset(run, resumed.done.length, resumed.state),
  });
}

/** The model of a seed: a new one, or that of the checkpoint. */
async function modelFor({ data, training, resumed, out }: TableRun, done: number): Promise<Model> {
  if (resumed && resumed.done.length === done) {
    await warnOfArithmetic(resumed, out);
    return resumed.model;
  }
  return createModel(data.spec({ ...sizesOf(training, SIZE_KEYS), seed: training.seeds![done]! }), training.backend);
}

/** Trains, saves, tests. Returns the exit code. */
export async function runTraining(run: TableRun): Promise<number> {
  const { out, training, resumed } = run;
  const seeds = training.seeds!;
  const done: SeedResult[] = [...(resumed?.done ?? [])];
  const stop = new AbortController();
  const release = stopOnSignal(stop);
  const began = performance.now();
  let directory: RunDirectory | null = null;
  let model = await modelFor(run, done.length);
  out.print('');
  try {
    directory = await beginDirectory(run, model);
    for (;;) {
      const result = await trainSeed(run, { model, directory, done, stop });
      if (result === null) return 1;
      done.push(result);
      if (seeds.length > 1) await saveSeed(run, model, result);
      if (done.length === seeds.length) break;
      model.dispose();
      model = await modelFor(run, done.length);
    }
    await finish(run, { model, done, directory, seconds: (performance.now() - began) / 1000 });
    return 0;
  } catch (error) {
    await directory?.fail(error);
    throw error;
  } finally {
    model.dispose();
    release();
  }
}

interface SeedRun {
  readonly model: Model;
  readonly directory: RunDirectory | null;
  readonly done: readonly SeedResult[];
  readonly stop: AbortController;
}

/** Trains the model of one seed. Returns null after an interruption, when the checkpoint is saved. */
async function trainSeed(run: TableRun, { model, directory, done, stop }: SeedRun): Promise<SeedResult | null> {
  const { out, data, training, config } = run;
  const seed = training.seeds![done.length]!;
  const trained = await trainWithCheckpoints({
    ...{ out, data, model, training, seed, stop, file: run.model, directory, place: run.directory },
    checkpointEvery: config.checkpointEvery,
    resumed: run.resumed?.done.length === done.length ? run.resumed : null,
    metadata: { task: CHECKPOINT_TASK, table: run.file, tableSha256: run.tableHash, settings: config, done },
    ...{ isOneOfSeveral: training.seeds!.length > 1, offset: offsetOf(run, done.length) },
  });
  return trained && { seed, ...trained };
}

/** The metadata of a model file. */
function metadataOf(
  { file, tableHash, config }: TableRun,
  forecaster: Forecaster,
  { updates, best }: SeedResult,
): Metadata {
  return {
    ...forecaster.metadata(),
    ...{ table: file, tableSha256: tableHash, settings: config, updates, validationLoss: best?.loss ?? null },
    ...(config.decimal !== undefined && { decimal: config.decimal }),
  };
}

/** Saves one of several seeds as a model file. */
async function saveSeed(run: TableRun, model: Model, result: SeedResult): Promise<void> {
  const metadata = metadataOf(run, await forecasterOf([model], run.data), result);
  await saveModel(seedFile(run.model, result.seed), model, { metadata });
}

interface Finished {
  /** The model of the last seed. */
  readonly model: Model;
  readonly done: readonly SeedResult[];
  readonly directory: RunDirectory | null;
  readonly seconds: number;
}

/** The models of all seeds: of several, those in their files. */
async function modelsOf({ model: file, training }: TableRun, { model, done }: Finished): Promise<Model[]> {
  if (done.length === 1) return [model];
  const models: Model[] = [];
  for (const { seed } of done) models.push((await loadModel(seedFile(file, seed), training.backend)).model);
  return models;
}

async function finish(run: TableRun, finished: Finished): Promise<void> {
  const { out, data, config } = run;
  const { done, directory, seconds } = finished;
  const models = await modelsOf(run, finished);
  const chosen = config.ensemble ? 0 : bestSeed(done);
  const forecaster = await forecasterOf(config.ensemble ? models : [models[chosen]!], data);
  const report = data.test ? await backtest(forecaster, data) : null;
  const figures = done.length > 1 ? await figuresOf(run, models, done) : [];
  const result = done[chosen]!;
  const members = done.slice(1).map(({ seed }) => basename(seedFile(run.model, seed)));
  const metadata = { ...metadataOf(run, forecaster, result), ...(config.ensemble && { ensemble: members }) };
  await saveModel(run.model, models[chosen]!, { metadata }, { replace: run.replace });
  const updates = done.reduce((sum, one) => sum + one.updates, 0);
  const weights = config.ensemble ? `the mean of ${done.length} models` : weightsText(result);
  const loss = result.best?.loss ?? null;
  const spread = figures.length > 0 ? meanAndSpread(figures.map(({ mae }) => mae)) : null;
  const metrics = {
    ...{ loss, updates },
    ...(report && { mae: report.methods[0]!.mae }),
    ...(spread && { maeMean: spread.mean, maeSpread: spread.spread }),
  };
  await directory?.end({ status: 'finished', result: metrics, weights });
  await unlink(checkpointFile(run.model)).catch(() => {});
  out.record({
    ...{ kind: 'result', file: run.model, updates, validationLoss: loss, seconds },
    ...(figures.length > 0 && { seeds: figures }),
    ...(report && { backtest: report }),
  });
  out.print(`\n${grouped(updates)} updates in ${clock(seconds)}.`);
  if (figures.length > 0) printSeeds(figures, out);
  if (report) printBacktest(report, out);
  const place = run.directory ?? run.model;
  out.print(`\nTo forecast:\n  npx unspool predict ${place}`);
  out.print(`Saved ${place}. It has ${weights}.`);
  if (done.length > 1) for (const model of models) model.dispose();
}

/** The validation loss and the test error of each seed. */
async function figuresOf({ data }: TableRun, models: readonly Model[], done: readonly SeedResult[]) {
  const figures = [];
  for (const [i, { seed, best }] of done.entries()) {
    const one = data.test ? await backtest(await forecasterOf([models[i]!], data), data, { baselines: false }) : null;
    figures.push({ seed, validationLoss: best?.loss ?? null, mae: one === null ? null : one.methods[0]!.mae });
  }
  return figures;
}
