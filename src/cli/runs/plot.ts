/** The plot of a run: the loss by update. */
import type { Plot } from '../../lab/experiments/experiment.js';
import { escaped } from '../report/html.js';
import { drawPlot, styleOf } from '../report/plot.js';
import { type MetricsLine, readMetrics } from './metrics.js';

type Points = readonly (readonly [update: number, loss: number])[];

/** Points of a curve; more would not be visible. */
const MAX_POINTS = 300;

/** The losses of a kind of line. Of many, neighbors are averaged. */
export function curveOf(lines: readonly MetricsLine[], kind: string): Points {
  const all = lines.filter((line) => line.kind === kind && typeof line.loss === 'number');
  const size = Math.ceil(all.length / MAX_POINTS);
  return Array.from({ length: Math.ceil(all.length / size) || 0 }, (_, i) => {
    const group = all.slice(i * size, (i + 1) * size);
    const mean = group.reduce((sum, line) => sum + (line.loss as number), 0) / group.length;
    return [group.at(-1)!.update, mean] as const;
  });
}

/** The loss of the training and of the validation by update, for one or more runs. */
export function lossPlot(
  title: string,
  runs: readonly { readonly name: string; readonly lines: readonly MetricsLine[] }[],
): Plot {
  const label = (name: string, kind: string): string => (runs.length === 1 ? kind : `${name}, ${kind}`);
  const series = runs.flatMap(({ name, lines }) => [
    { label: label(name, 'training'), points: curveOf(lines, 'update') },
    { label: label(name, 'validation'), points: curveOf(lines, 'validation') },
  ]);
  return {
    ...{ title, x: { label: 'update' }, y: { label: 'loss' }, mark: 'line' },
    series: series.filter(({ points }) => points.length > 0),
  };
}

/** The plot of a run directory as an SVG file; null if the packages that draw it are not installed. */
export async function plotOfRun(directory: string, job: string): Promise<string | null> {
  const plot = lossPlot(job, [{ name: directory, lines: await readMetrics(directory) }]);
  const svg = await drawPlot(plot);
  return svg && withLegend(svg, plot);
}

/** A separate file needs the names of the series. */
function withLegend(svg: string, { series }: Plot): string {
  const names = series.map(({ label }, i) => {
    const at = `x="${70 + 110 * i}" y="16" text-anchor="start"`;
    return `<text ${at} font-family="system-ui, sans-serif" font-size="13" fill="${styleOf(i).color}">${escaped(label)}</text>`;
  });
  const file = svg.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ');
  return file.replace(/<\/svg>\s*$/, `${names.join('')}</svg>\n`);
}
