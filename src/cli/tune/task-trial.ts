/** One trial of a study of forecasters, classifiers or taggers: a training for each fold, whose mean error is the value. */
import { createModel, evaluate, type Model } from '../../index.js';
import { SIZE_KEYS } from '../../tasks/forecasting.js';
import {
  backtest,
  type ForecastingData,
  kFolds,
  type LabeledData,
  type LabelTask,
  type Table,
  type TrainTaskOptions,
  walkForward,
} from '../../tasks/index.js';
import { LABELER_SIZE_KEYS } from '../../tasks/sequences.js';
import { forecasterOf } from '../../tasks/train-forecaster.js';
import { fitTask, sizesOf, type TaskData } from '../../tasks/train-models.js';
import type { TrialContext } from '../../tune/search.js';
import { trainingOf } from '../forecast/config.js';
import { readTable } from '../forecast/read-table.js';
import type { TableSettings } from '../forecast/settings.js';
import { forecastingOptionsOf } from '../forecast/settings.js';
import { labeledData, type ReadSources, readSources } from '../labels/read.js';
import { dataOptionsOf, type LabelSettings } from '../labels/settings.js';
import { trainingOf as labelTrainingOf } from '../labels/training.js';
import type { BackendFlags } from '../train/backend.js';
import type { StudyTask } from './jobs.js';

type Values = Readonly<Record<string, unknown>>;

/** What a study of these tasks trains on: the same for all trials. */
export interface TaskStudy {
  readonly task: Exclude<StudyTask, 'language-model'>;
  readonly file: string;
  /** The configuration without what is searched. */
  readonly base: Values;
  /** Folds of a classifier or a tagger, 1 for the validation part; origins of a forecaster. */
  readonly folds: number;
}

/** The data of a study, read once. */
export type StudyData =
  | { readonly task: 'forecasting'; readonly table: Table }
  | ({ readonly task: LabelTask } & ReadSources);

/** Reads the data. Throws `UsageError` for missing columns. */
export async function readStudyData({ task, file, base }: TaskStudy): Promise<StudyData> {
  if (task === 'forecasting') return { task, table: await readTable(file, base) };
  return { task, ...(await readSources(task, file, base as LabelSettings)) };
}

/** One training of a trial, and the error of its model: lower is better. */
interface Fold {
  readonly data: TaskData;
  errorOf(model: Model): Promise<number>;
}

interface Plan {
  readonly folds: readonly Fold[];
  readonly training: TrainTaskOptions;
  readonly sizes: object;
}

/** Origins before the rows of the final test, which no trial reads. */
function forecastingPlan(table: Table, settings: Partial<TableSettings>, folds: number, machine: BackendFlags): Plan {
  const options = forecastingOptionsOf(settings as TableSettings);
  const foldOf = (data: ForecastingData): Fold => ({
    data,
    errorOf: async (model) => {
      const { methods } = await backtest(await forecasterOf([model], data), data, { baselines: false });
      return methods[0]!.mae;
    },
  });
  const training = trainingOf(settings, machine);
  return {
    folds: walkForward(table, options, { folds, unread: settings.test! }).map(foldOf),
    ...{ training, sizes: sizesOf(training, SIZE_KEYS) },
  };
}

function labelingPlan(
  sources: ReadSources & { readonly task: LabelTask },
  settings: LabelSettings,
  folds: number,
  machine: BackendFlags,
): Plan {
  const { task, source, settings: columns } = sources;
  const all = { ...settings, ...columns };
  const foldOf = (data: LabeledData): Fold => ({
    data,
    // Without the weights of the training loss, so that trials with other weights can be compared.
    errorOf: (model) => evaluate(model, (folds > 1 ? data.test : data.validation)!, { kind: 'crossEntropy' }),
  });
  const parts =
    folds > 1
      ? kFolds(source as Table, { ...dataOptionsOf(task, all), ...(sources.test && { test: 0 }) }, { folds })
      : [labeledData(task, sources, all)];
  const training = labelTrainingOf(all, machine);
  return { folds: parts.map(foldOf), training, sizes: sizesOf(training, LABELER_SIZE_KEYS) };
}

/** A training that advances from rung to rung. */
class Climb {
  private readonly events;
  private isOver = false;

  constructor(
    readonly model: Model,
    readonly fold: Fold,
    { training }: Plan,
  ) {
    const seed = training.seeds![0]!;
    this.events = fitTask(model, fold.data, { ...training, seed })[Symbol.asyncIterator]();
  }

  /** Trains until a share of the planned updates is made, or to the end. Returns the error of the model. */
  async until(share: number): Promise<number> {
    while (!this.isOver) {
      const { value: event, done } = await this.events.next();
      if (done) this.isOver = true;
      else if (event.kind === 'update' && share < 1 && event.update >= Math.ceil(share * event.updates)) break;
    }
    return this.fold.errorOf(this.model);
  }
}

/**
 * Trains a model for each fold, and reports the mean error after each share of the updates in `rungs`. Returns the mean error at the end,
 * or the last one that was reported if the trial is to stop.
 */
export async function trainTaskTrial(
  read: StudyData,
  { settings, folds, ...machine }: BackendFlags & { readonly settings: Values; readonly folds: number },
  { rungs, report }: Pick<TrialContext, 'rungs' | 'report'>,
): Promise<number> {
  const plan =
    read.task === 'forecasting'
      ? forecastingPlan(read.table, settings, folds, machine)
      : labelingPlan(read, settings, folds, machine);
  const models: Model[] = [];
  try {
    const climbs: Climb[] = [];
    for (const fold of plan.folds) {
      const spec = fold.data.spec({ ...plan.sizes, seed: plan.training.seeds![0]! });
      const model = await createModel(spec, plan.training.backend);
      models.push(model);
      climbs.push(new Climb(model, fold, plan));
    }
    const meanAt = async (share: number): Promise<number> => {
      let sum = 0;
      for (const climb of climbs) sum += await climb.until(share);
      return sum / climbs.length;
    };
    for (const rung of rungs) {
      const error = await meanAt(rung);
      if (!(await report(error))) return error;
    }
    return await meanAt(1);
  } finally {
    for (const model of models) model.dispose();
  }
}
