/** Parts of HTML pages that need no network. */
import type { Table } from '../../lab/experiments/experiment.js';

export const escaped = (text: string | number): string =>
  String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: #8884; --good: #1a7f37; --bad: #b35900; }
@media (prefers-color-scheme: dark) { :root { --good: #4ac26b; --bad: #e8a158; } }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, p { overflow-wrap: anywhere; } h1 { line-height: 1.2; } h2 { margin: 2.2rem 0 0.4rem; font-size: 1.3rem; line-height: 1.3; }
.note, .notes { margin: 0.3rem 0; font-size: 0.9rem; opacity: 0.85; max-width: 48rem; } .notes { padding-left: 1.2rem; }
table { border-collapse: collapse; margin: 0.5rem 0; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
.wide { overflow-x: auto; }
th, td { padding: 0.25rem 0.7rem; border-bottom: 1px solid var(--line); text-align: left; }
th { vertical-align: bottom; } .number { text-align: right; white-space: nowrap; }
.holds { color: var(--good); } .fails { color: var(--bad); font-weight: 600; }
figure { margin: 2rem 0; } figcaption { font-weight: 600; } figure svg { display: block; } svg { max-width: 100%; height: auto; --plot-background: transparent !important; }
.key { display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem; font-size: 0.85rem; margin: 0.3rem 0; }
.key i { display: inline-block; width: 0.8rem; height: 0.8rem; margin-right: 0.4rem; border-radius: 2px; }
details pre { overflow-x: auto; font-size: 0.8rem; }
@media (max-width: 40rem) {
  body { margin: 1rem auto; } h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; }
  th, td { padding: 0.2rem 0.4rem; } figure svg { max-width: none; min-width: 36rem; }
}`;

const isNumber = (value: string | number): boolean =>
  typeof value === 'number' || /^-?[\d.,]+(e[+-]?\d+)?$/.test(value);

export const noteHtml = (note: string | undefined): string =>
  note === undefined ? '' : `<p class="note">${escaped(note)}</p>\n`;

export function tableHtml({ title, note, columns, rows }: Table): string {
  const cell = (value: string | number): string =>
    `<td${isNumber(value) ? ' class="number"' : ''}>${escaped(value)}</td>`;
  const kind = (column: number): string => (rows.every((row) => isNumber(row[column]!)) ? ' class="number"' : '');
  const head = columns.map((name, i) => `<th scope="col"${kind(i)}>${escaped(name)}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`).join('\n');
  return `<h2>${escaped(title)}</h2>\n${noteHtml(note)}<div class="wide"><table><thead><tr>${head}</tr></thead>\n<tbody>${body}</tbody></table></div>`;
}

/** Shown instead of the plots. */
export const NO_PLOTS =
  '<p>No plots, because the packages that draw them are not installed (<code>npm install @observablehq/plot linkedom</code>).</p>';

export const htmlPage = (title: string, body: string, style = ''): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${STYLE}${style}</style></head>
<body>
<h1>${escaped(title)}</h1>
${body}
</body>
</html>
`;

export const csvLine = (values: readonly (string | number)[]): string =>
  values
    .map((value) => {
      const text = String(value);
      return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
    })
    .join(',');
