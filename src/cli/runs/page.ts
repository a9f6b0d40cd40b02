/** Runs side by side, as a page. */
import type { Table } from '../../lab/experiments/experiment.js';
import { htmlPage, NO_PLOTS, tableHtml } from '../report/html.js';
import { plotHtml } from '../report/plot.js';
import { problemsOf, runsTable } from './compare.js';
import type { FoundRun } from './find.js';
import { readMetrics } from './metrics.js';
import { lossPlot } from './plot.js';

/** One page that opens from disk: the table, the losses by update, and what is wrong with which run. */
export async function runsPage(runs: readonly FoundRun[]): Promise<string> {
  const readable = runs.filter(({ state }) => state !== 'broken');
  const curves = await Promise.all(readable.map(async ({ path }) => ({ name: path, lines: await readMetrics(path) })));
  const plot = lossPlot('Loss by update', curves);
  const drawn = plot.series.length === 0 ? '' : (await plotHtml(plot)) || NO_PLOTS;
  const problems = problemsOf(runs);
  const list: Table = { title: 'Problems', columns: ['run', 'problem'], rows: problems };
  return htmlPage(
    `${runs.length} run${runs.length === 1 ? '' : 's'}`,
    [tableHtml(runsTable(runs)), drawn, problems.length > 0 ? tableHtml(list) : ''].join('\n'),
  );
}
