/** What the trainings of a forecaster's seeds leave: files, results, and their mean and spread. */
import { isObject } from '../../checks.js';
import type { Metadata } from '../../index.js';
import type { ForecastingData, TrainForecasterOptions } from '../../tasks/index.js';
import { grouped, type Output } from '../output.js';
import { tableText } from '../report/tables.js';
import type { ResumedTask, TaskTrained } from '../train/task-training.js';
import type { TableSettings } from './settings.js';

/** How the training of a seed ended. */
export interface SeedResult extends TaskTrained {
  readonly seed: number;
}

export const isSeedResult = (value: unknown): boolean =>
  isObject(value) && Number.isInteger(value.seed) && Number.isInteger(value.updates);

export type TableConfig = Metadata & Partial<TableSettings>;

/** A training of the command that was planned. */
export interface TableRun {
  readonly out: Output;
  readonly data: ForecastingData;
  /** The table. */
  readonly file: string;
  readonly tableHash: string;
  /** Where the model is saved, and whether it may replace one there. */
  readonly model: string;
  readonly replace: boolean;
  readonly directory: string | null;
  /** Whether to write TensorBoard's event files to the directory. */
  readonly tensorboard: boolean;
  readonly config: TableConfig;
  readonly training: TrainForecasterOptions;
  /** The checkpoint that the training continues from: the model in training, and the seeds that are done. */
  readonly resumed: (ResumedTask & { readonly done: readonly SeedResult[] }) | null;
}

/** The file of one of several seeds, next to the model. */
export const seedFile = (model: string, seed: number): string =>
  `${model.replace(/\.safetensors$/, '')}.seed-${seed}.safetensors`;

/** The number of the seed whose model is kept: that with the best validation loss, or the first. */
export function bestSeed(done: readonly SeedResult[]): number {
  const losses = done.map(({ best }) => best?.loss ?? Number.POSITIVE_INFINITY);
  return losses.indexOf(Math.min(...losses));
}

/** Which weights a model has, as the rest of a sentence. */
export const weightsText = ({ best, updates }: TaskTrained): string =>
  best === null
    ? `the weights after ${grouped(updates)} updates`
    : `the best weights, of update ${grouped(best.update)}`;

/** The figures of one seed. */
export interface SeedFigures {
  readonly seed: number;
  readonly validationLoss: number | null;
  readonly mae: number | null;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The sample standard deviation. */
const spread = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1));

/** Mean and standard deviation of a figure over the seeds; null if a seed does not have it. */
export function meanAndSpread(values: readonly (number | null)[]): { mean: number; spread: number } | null {
  const known = values.filter((value) => value !== null);
  return known.length === values.length ? { mean: mean(known), spread: spread(known) } : null;
}

/** Prints the figures of several seeds, with their mean and spread. */
export function printSeeds(figures: readonly SeedFigures[], out: Output): void {
  const text = (value: number | null | undefined): string =>
    value === null || value === undefined ? '-' : Number(value.toPrecision(5)).toString();
  const losses = meanAndSpread(figures.map(({ validationLoss }) => validationLoss));
  const maes = meanAndSpread(figures.map(({ mae }) => mae));
  out.print('');
  out.print(
    tableText({
      columns: ['seed', 'validation loss', 'test MAE'],
      rows: [
        ...figures.map(({ seed, validationLoss, mae }) => [seed, text(validationLoss), text(mae)]),
        ['mean', text(losses?.mean), text(maes?.mean)],
        ['standard deviation', text(losses?.spread), text(maes?.spread)],
      ],
    }),
  );
}
