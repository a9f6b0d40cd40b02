/** A report as one HTML file that needs no network. The plots are drawn by Observable Plot, where it is installed. */
import type { Experiment, Plot, Report, Table } from '../../lab/index.js';

const escaped = (text: string | number): string =>
  String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: #8884; --good: #1a7f37; --bad: #b35900; }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #e8a158; } }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
.wide { overflow-x: auto; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid var(--line); text-align: left; }
td.number { text-align: right; }
.holds { color: var(--good); } .fails { color: var(--bad); font-weight: 600; }
figure { margin: 2rem 0; } figcaption { font-weight: 600; } svg { max-width: 100%; height: auto; --plot-background: transparent !important; }
.key { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; font-size: 0.85rem; margin: 0.3rem 0; }
.key i { display: inline-block; width: 0.8rem; height: 0.8rem; margin-right: 0.4rem; border-radius: 2px; }
details pre { overflow-x: auto; font-size: 0.8rem; }`;

/** Okabe & Ito 2008: told apart with any colour vision; behind them the same with dashes. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8a8a8a', '#b8a700'];
const DASHES = ['', '5 3', '2 2'];
const look = (i: number) => ({
  colour: COLOURS[i % COLOURS.length]!,
  dash: DASHES[Math.floor(i / COLOURS.length) % DASHES.length]!,
});

function tableHtml({ title, columns, rows }: Table): string {
  const isNumber = (value: string | number): boolean =>
    typeof value === 'number' || /^-?[\d.,]+(e[+-]?\d+)?$/.test(value);
  const cell = (value: string | number): string =>
    `<td${isNumber(value) ? ' class="number"' : ''}>${escaped(value)}</td>`;
  const head = columns.map((name) => `<th scope="col">${escaped(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return `<h2>${escaped(title)}</h2>\n<div class="wide"><table><thead><tr>${head}</tr></thead>\n<tbody>${body}</tbody></table></div>`;
}

/** The SVG of a plot; null where what draws it is not installed. */
export async function drawPlot({ x, y, mark, series }: Plot): Promise<string | null> {
  let Plots: typeof import('@observablehq/plot');
  let dom: typeof import('linkedom');
  try {
    [Plots, dom] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  } catch {
    return null;
  }
  const { document } = dom.parseHTML('<!doctype html><html><body></body></html>');
  const scale = (axis: Plot['x']) => ({
    type: axis.log ? ('log' as const) : ('linear' as const),
    label: axis.label,
    grid: true,
  });
  const usable = ([a, b]: readonly [number, number]): boolean =>
    Number.isFinite(a) && Number.isFinite(b) && (!x.log || a > 0) && (!y.log || b > 0);
  const marks = series.flatMap(({ points }, i) => {
    const { colour, dash } = look(i);
    const data = points.filter(usable).map(([a, b]) => [a, b]);
    if (data.length === 0) return [];
    const at = { x: '0', y: '1' };
    return mark === 'line'
      ? [Plots.line(data, { ...at, stroke: colour, strokeDasharray: dash, strokeWidth: 1.8 })]
      : [Plots.dot(data, { ...at, fill: colour, r: 4 })];
  });
  const svg = Plots.plot({
    document: document as unknown as Document,
    width: 860,
    height: 420,
    marginLeft: 60,
    x: scale(x),
    y: scale(y),
    marks,
  });
  return svg.outerHTML;
}

async function plotHtml(plot: Plot): Promise<string> {
  const svg = await drawPlot(plot);
  if (!svg) return '';
  const key = plot.series
    .map(({ label }, i) => {
      const { colour, dash } = look(i);
      const style = dash
        ? `background:repeating-linear-gradient(90deg,${colour} 0 4px,transparent 4px 7px)`
        : `background:${colour}`;
      return `<span><i style="${style}"></i>${escaped(label)}</span>`;
    })
    .join('');
  return `<figure><figcaption>${escaped(plot.title)}</figcaption>\n<div class="key">${key}</div>\n${svg}</figure>`;
}

function verdictsHtml(verdicts: Report['verdicts']): string {
  if (verdicts.length === 0) return '';
  const rows = verdicts.map(
    ({ claim, found, holds }) =>
      `<tr><td class="${holds ? 'holds' : 'fails'}">${holds ? 'holds' : 'does not hold'}</td><td>${escaped(claim)}</td><td>${escaped(found)}</td></tr>`,
  );
  return `<h2>Verdict</h2>
<div class="wide"><table><thead><tr><th scope="col"></th><th scope="col">claim</th><th scope="col">found</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

/** `about`: when, where and with which settings, as lines of text. */
export async function reportPage(
  { id, title, question, source }: Pick<Experiment, 'id' | 'title' | 'question' | 'source'>,
  report: Report,
  about: readonly string[],
): Promise<string> {
  const plots = (await Promise.all(report.plots.map(plotHtml))).filter((html) => html !== '');
  const missing =
    '<p>No plots: what draws them is not installed (<code>npm install @observablehq/plot linkedom</code>).</p>';
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(`${id.toUpperCase()}: ${title}`)}</title><style>${STYLE}</style></head>
<body>
<h1>${escaped(`${id.toUpperCase()}: ${title}`)}</h1>
<p>${escaped(question)}</p>
${verdictsHtml(report.verdicts)}
${report.tables.map(tableHtml).join('\n')}
${plots.length > 0 || report.plots.length === 0 ? plots.join('\n') : missing}
<h2>How</h2>
<p>${escaped(source)}</p>
<ul>${about.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>
</body>
</html>
`;
}

/** Tables as CSV, one after the other. */
export function reportCsv({ tables, verdicts }: Report): string {
  const field = (value: string | number): string => {
    const text = String(value);
    return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const line = (values: readonly (string | number)[]): string => values.map(field).join(',');
  const parts = tables.map(({ title, columns, rows }) => [line([title]), line(columns), ...rows.map(line)].join('\n'));
  const claims = [line(['holds', 'claim', 'found']), ...verdicts.map((v) => line([String(v.holds), v.claim, v.found]))];
  return `${[...parts, claims.join('\n')].join('\n\n')}\n`;
}
