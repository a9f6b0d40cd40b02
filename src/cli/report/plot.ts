/** Plots as SVG, drawn by Observable Plot if it is installed. */
import { logAxis, SERIES_COLORS } from '../../inspect/index.js';
import type { Plot } from '../../lab/experiments/experiment.js';
import { escaped, noteHtml } from './html.js';

/** When all colors are used, they repeat with dashes. */
const DASHES = ['', '5 3', '2 2'];

/** Color and dash pattern of series `i`. */
export const styleOf = (i: number) => ({
  color: SERIES_COLORS[i % SERIES_COLORS.length]!,
  dash: DASHES[Math.floor(i / SERIES_COLORS.length) % DASHES.length]!,
});

/** Options of a logarithmic axis with about `count` labels. A single value is in the middle of the axis. */
function logScale(values: readonly number[], count: number) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { ...logAxis(count), type: 'log' as const, ...(low === high ? { domain: [low / 2, high * 2] } : {}) };
}

/** The SVG of a plot, or null if the packages are not installed. */
export async function drawPlot({ x, y, mark, series }: Plot): Promise<string | null> {
  let Plots: typeof import('@observablehq/plot');
  let dom: typeof import('linkedom');
  try {
    [Plots, dom] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  } catch {
    return null;
  }
  const { document } = dom.parseHTML('<!doctype html><html><body></body></html>');
  const usable = ([a, b]: readonly [number, number]): boolean =>
    Number.isFinite(a) && Number.isFinite(b) && (!x.log || a > 0) && (!y.log || b > 0);
  const scale = (axis: Plot['x'], at: 0 | 1, labels: number) => {
    const values = series.flatMap(({ points }) => points.filter(usable).map((point) => point[at]));
    const type = axis.log && values.length > 0 ? logScale(values, labels) : { type: 'linear' as const };
    return { ...type, label: axis.label, labelArrow: true, grid: true, inset: mark === 'dot' ? 10 : 0 };
  };
  const marks = series.flatMap(({ points }, i) => {
    const { color, dash } = styleOf(i);
    const data = points.filter(usable).map(([a, b]) => [a, b]);
    if (data.length === 0) return [];
    const at = { x: '0', y: '1' };
    return mark === 'line'
      ? [Plots.line(data, { ...at, stroke: color, strokeDasharray: dash, strokeWidth: 1.8 })]
      : [Plots.dot(data, { ...at, fill: color, r: 4 })];
  });
  const svg = Plots.plot({
    document: document as unknown as Document,
    width: 860,
    height: 420,
    marginLeft: 60,
    marginBottom: 45,
    marginTop: 28,
    style: { fontSize: '13px' },
    x: scale(x, 0, 10),
    y: scale(y, 1, 8),
    marks,
  });
  return svg.outerHTML;
}

export async function plotHtml(plot: Plot): Promise<string> {
  const svg = await drawPlot(plot);
  if (!svg) return '';
  const key = plot.series
    .map(({ label }, i) => {
      const { color, dash } = styleOf(i);
      const style = dash
        ? `background:repeating-linear-gradient(90deg,${color} 0 4px,transparent 4px 7px)`
        : `background:${color}`;
      return `<span><i style="${style}"></i>${escaped(label)}</span>`;
    })
    .join('');
  return `<figure><figcaption>${escaped(plot.title)}</figcaption>\n${noteHtml(plot.note)}<div class="key">${key}</div>\n<div class="wide">${svg}</div></figure>`;
}
