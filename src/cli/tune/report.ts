/** The results of a study as tables, and as a page. */
import type { Plot, Table } from '../../lab/experiments/experiment.js';
import { importance } from '../../tune/importance.js';
import type { SearchSpace } from '../../tune/space.js';
import { ranked, type Trial } from '../../tune/trial.js';
import { clock, settingText } from '../output.js';
import { htmlPage, NO_PLOTS, tableHtml } from '../report/html.js';
import { plotHtml } from '../report/plot.js';

export const settingsText = (settings: Trial['settings']): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${settingText(value)}`)
    .join(', ');

/** What is shown of trials. */
export interface Shown {
  /** What the value of a trial is. Default `loss`. */
  readonly measure?: string;
  /** Rows of a table. Default: all. */
  readonly most?: number;
}

/** The trials, the best first. */
export function trialsTable(
  space: SearchSpace,
  trials: readonly Trial[],
  { measure = 'loss', most = trials.length }: Shown = {},
): Table {
  const names = Object.keys(space);
  const rows = ranked(trials)
    .slice(0, most)
    .map(({ number, state, value, reports, settings, seconds, error }) => [
      ...[number, state, value?.toFixed(4) ?? error ?? '', reports.length],
      ...[clock(seconds), ...names.map((name) => settingText(settings[name]))],
    ]);
  return {
    title: 'Trials',
    note: `Finished trials by ${measure}, then stopped ones by the rung that they reached. The ${measure} of a stopped trial is that at its last rung.`,
    columns: ['trial', 'state', measure, 'rungs', 'time', ...names],
    rows,
  };
}

const groupText = (values: readonly unknown[]): string => {
  if (values.length === 1 || typeof values[0] !== 'number') return values.map(settingText).join(', ');
  const numbers = values as number[];
  return `${Math.min(...numbers)} to ${Math.max(...numbers)}`;
};

export function importanceTable(space: SearchSpace, trials: readonly Trial[]): Table {
  return {
    title: 'Importance of the settings',
    note: 'Share of the variance of the ranks of the trials that a setting explains alone: epsilon squared of a one-way analysis of variance, with up to four groups for a range. 0 means no effect; settings that act only together are not seen.',
    columns: ['setting', 'importance', 'best values'],
    rows: importance(space, trials).map(({ setting, share, groups }) => [
      setting,
      Number.isNaN(share) ? 'too few trials' : share.toFixed(2),
      groupText(groups[0]!.values),
    ]),
  };
}

const withValue = (trials: readonly Trial[]): Trial[] => trials.filter(({ value }) => value !== null);

const pointsOf = (trials: readonly Trial[], x: (trial: Trial) => number): Plot['series'] =>
  (['finished', 'stopped'] as const)
    .map((label) => ({
      label,
      points: withValue(trials)
        .filter(({ state }) => state === label)
        .map((trial) => [x(trial), trial.value!] as const),
    }))
    .filter(({ points }) => points.length > 0);

/** The value by trial, and by each numeric setting. */
export function studyPlots(space: SearchSpace, trials: readonly Trial[], { measure = 'loss' }: Shown = {}): Plot[] {
  const name = `${measure[0]!.toUpperCase()}${measure.slice(1)}`;
  const y = { label: measure };
  const byTrial: Plot = {
    ...{ title: `${name} of each trial`, x: { label: 'trial' }, y, mark: 'dot' },
    series: pointsOf(trials, ({ number }) => number),
  };
  const bySetting = Object.entries(space).flatMap(([setting, one]): Plot[] => {
    if (!trials.every(({ settings }) => typeof settings[setting] === 'number')) return [];
    const log = 'from' in one && one.scale === 'log';
    const series = pointsOf(trials, ({ settings }) => settings[setting] as number);
    return [{ title: `${name} by ${setting}`, x: { label: setting, log }, y, mark: 'dot', series }];
  });
  return [byTrial, ...bySetting].filter(({ series }) => series.length > 0);
}

/** One page that opens from disk. */
export async function studyPage(
  title: string,
  space: SearchSpace,
  trials: readonly Trial[],
  shown: Shown = {},
): Promise<string> {
  const plots = await Promise.all(studyPlots(space, trials, shown).map(plotHtml));
  const drawn = plots.every((html) => html !== '') ? plots.join('\n') : NO_PLOTS;
  return htmlPage(
    title,
    [tableHtml(importanceTable(space, trials)), drawn, tableHtml(trialsTable(space, trials, shown))].join('\n'),
  );
}
