/** The report of an experiment as HTML and CSV. */
import type { Experiment, Report } from '../../lab/experiments/experiment.js';
import { csvLine, escaped, htmlPage, NO_PLOTS, tableHtml } from '../report/html.js';
import { plotHtml } from '../report/plot.js';

function verdictsHtml(verdicts: Report['verdicts']): string {
  if (verdicts.length === 0) return '';
  const rows = verdicts.map(
    ({ claim, found, holds }) =>
      `<tr><td class="${holds ? 'holds' : 'fails'}">${holds ? 'holds' : 'does not hold'}</td><td>${escaped(claim)}</td><td>${escaped(found)}</td></tr>`,
  );
  return `<h2>Verdicts</h2>
<div class="wide"><table><thead><tr><th scope="col"></th><th scope="col">claim</th><th scope="col">found</th></tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}

/** What a report says about its experiment; a comparison has no papers. */
type ReportedExperiment = Pick<Experiment, 'id' | 'title' | 'question' | 'source'> &
  Partial<Pick<Experiment, 'papers'>>;

function papersHtml(papers: Experiment['papers']): string {
  if (papers.length === 0) return '';
  const items = papers.map(({ full, url }) => {
    const link = url === null ? '' : ` <a href="${escaped(url)}">${escaped(url.replace('https://', ''))}</a>`;
    return `<li>${escaped(full)}${link}</li>`;
  });
  return `<h2>Papers</h2>\n<ul>${items.join('')}</ul>`;
}

/** @param about how the figures were measured (command, date, machine), as lines of text */
export async function reportPage(
  { id, title, question, source, papers = [] }: ReportedExperiment,
  report: Report,
  about: readonly string[],
): Promise<string> {
  const plots = (await Promise.all(report.plots.map(plotHtml))).filter((html) => html !== '');
  return htmlPage(
    `${id.toUpperCase()}: ${title}`,
    `<p>${escaped(question)}</p>
${verdictsHtml(report.verdicts)}
${report.tables.map(tableHtml).join('\n')}
${plots.length > 0 || report.plots.length === 0 ? plots.join('\n') : NO_PLOTS}
<h2>Method</h2>
<p>${escaped(source)}</p>
<h2>Measured by</h2>
<ul>${about.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>
${papersHtml(papers)}`,
  );
}

/** All tables as CSV, one after another. */
export function reportCsv({ tables, verdicts }: Report): string {
  const parts = tables.map(({ title, columns, rows }) =>
    [csvLine([title]), csvLine(columns), ...rows.map(csvLine)].join('\n'),
  );
  const claims = [
    csvLine(['holds', 'claim', 'found']),
    ...verdicts.map((v) => csvLine([String(v.holds), v.claim, v.found])),
  ];
  return `${[...parts, claims.join('\n')].join('\n\n')}\n`;
}
