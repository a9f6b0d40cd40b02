/** Runs side by side, as a table. */
import { didYouMean } from '../../checks.js';
import { invalidSetting } from '../../errors.js';
import type { Table } from '../../lab/experiments/experiment.js';
import { clock, grouped, settingText } from '../output.js';
import type { FoundRun } from './find.js';

type Value = string | number | null | undefined;

/** The columns that every run has. */
const FIXED: Readonly<Record<string, (run: FoundRun) => Value>> = {
  run: ({ path }) => path,
  state: ({ state }) => state,
  updates: ({ updates }) => updates,
  seconds: ({ seconds }) => seconds,
  parameters: ({ parameters }) => parameters,
  started: ({ started }) => started,
};

/** The names of the figures in the results, `loss` first. */
const metricsOf = (runs: readonly FoundRun[]): string[] => {
  const names = new Set(runs.flatMap(({ result }) => Object.keys(result)));
  names.delete('updates');
  return ['loss', ...[...names].filter((name) => name !== 'loss')];
};

/** The settings that are not the same in all runs. Broken runs, which have none, do not count. */
export function differingSettings(runs: readonly FoundRun[]): string[] {
  const configs = runs.filter(({ state }) => state !== 'broken').map(({ config }) => config);
  const names = [...new Set(configs.flatMap(Object.keys))];
  return names.filter((name) => new Set(configs.map((config) => settingText(config[name]))).size > 1);
}

function cellOf(run: FoundRun, key: string): Value {
  if (key in FIXED) return FIXED[key]!(run);
  const figure = run.result[key];
  if (figure !== undefined) return figure;
  const setting = run.config[key];
  return setting === undefined || typeof setting === 'number' ? setting : settingText(setting);
}

/** Sorts by a column, a figure of the results or a setting; runs without it come last. Throws `INVALID_SETTING`. */
export function sortRuns(runs: readonly FoundRun[], key: string, descending: boolean): FoundRun[] {
  const keys = [
    ...Object.keys(FIXED),
    ...metricsOf(runs),
    ...new Set(runs.flatMap(({ config }) => Object.keys(config))),
  ];
  if (!keys.includes(key)) {
    const help = `${didYouMean(key, keys)} Columns: ${keys.join(', ')}.`.trim();
    throw invalidSetting('--sort', `must be a column, got "${key}".`, help);
  }
  const isMissing = (value: Value): boolean => value === undefined || value === null || Number.isNaN(value);
  return [...runs].sort((one, other) => {
    const [a, b] = [cellOf(one, key), cellOf(other, key)];
    if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b));
    const order =
      typeof a === 'number' && typeof b === 'number'
        ? a - b
        : String(a).localeCompare(String(b), 'en', { numeric: true });
    return descending ? -order : order;
  });
}

const figureText = (value: number | null | undefined): string =>
  value === null || value === undefined ? '' : value.toFixed(4);

/** One row for each run, with its results and the settings in which the runs differ. */
export function runsTable(runs: readonly FoundRun[]): Table {
  const [metrics, settings] = [metricsOf(runs), differingSettings(runs)];
  const rows = runs.map((run) => [
    ...[run.path, run.state],
    ...metrics.map((name) => figureText(run.result[name])),
    run.updates === undefined
      ? ''
      : grouped(run.updates) + (run.updates === run.planned ? '' : `/${grouped(run.planned!)}`),
    run.seconds === undefined ? '' : clock(run.seconds),
    ...settings.map((name) => (run.config[name] === undefined ? '' : settingText(run.config[name]))),
  ]);
  return { title: 'Runs', columns: ['run', 'state', ...metrics, 'updates', 'time', ...settings], rows };
}

/** The runs that are broken or failed, and why. */
export const problemsOf = (runs: readonly FoundRun[]): [path: string, problem: string][] =>
  runs.flatMap(({ path, problem }) => (problem === undefined ? [] : [[path, problem]]));
