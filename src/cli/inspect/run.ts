import { join } from 'node:path';
import { invalidSetting } from '../../errors.js';
import { createOutput } from '../output.js';
import { type NamedFile, requirePlace, saveReport } from '../paths.js';
import { csvLine } from '../report/html.js';
import { findingsOf } from './findings.js';
import type { InspectOptions } from './options.js';
import { type Inspection, inspectPage, svgFiles, tablesOf } from './page.js';
import { subjectOf } from './subject.js';
import { summaryOf, verdicts } from './summary.js';
import type { Tracking } from './tracking.js';

const inputsOf = (file: string, { text, csv, compare }: InspectOptions): NamedFile[] => [
  ['the model', file],
  ['the other model', compare],
  ['the table', csv],
  ['the text', text?.startsWith('@') ? text.slice(1) : undefined],
];

/** `unspool inspect` */
export async function inspect(file: string, options: InspectOptions): Promise<number> {
  const out = createOutput(options);
  const { steps, read, out: page, text, csv, compare } = options;
  const inputs = inputsOf(file, options);
  await requirePlace('--out', page, inputs);
  const all: Inspection[] = [];
  for (const one of compare === undefined ? [file] : [file, compare]) {
    const subject = await subjectOf(one, { text, csv, steps, read });
    const found = await findingsOf(subject);
    all.push({ subject, found });
    out.print(`${all.length > 1 ? '\n' : ''}${summaryOf(subject, found)}`);
    out.record(recordOf({ subject, found }));
  }
  await saveReport('--out', page, await inspectPage(all), inputs);
  await saveExtras(all, options, inputs);
  out.print(`\nSaved ${page}`);
  for (const { subject } of all) subject.model.dispose();
  return 0;
}

/** Everything except the grids of numbers, which only `unspool/inspect` provides. */
function recordOf({ subject, found }: Inspection): object {
  const { trace, tracking, ...rest } = found;
  return {
    kind: 'inspection',
    model: subject.file,
    what: subject.what,
    loss: trace.loss,
    verdicts: verdicts(found),
    ...rest,
    tracking: tracking && withoutStates(tracking),
  };
}

function withoutStates({ states: _, ...rest }: Tracking): object {
  return rest;
}

async function saveExtras(
  all: readonly Inspection[],
  { tables, svg, png }: InspectOptions,
  inputs: readonly NamedFile[],
): Promise<void> {
  for (const [i, inspection] of all.entries()) {
    const prefix = all.length > 1 ? `model-${i + 1}-` : '';
    if (tables !== undefined) {
      for (const { title, columns, rows } of tablesOf(inspection)) {
        const name = title
          .split(/[,:]/)[0]!
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .replace(/^-|-$/g, '');
        const csv = `${[columns, ...rows].map(csvLine).join('\n')}\n`;
        await saveReport('--tables', join(tables, `${prefix}${name}.csv`), csv, inputs);
      }
    }
    if (svg === undefined && png === undefined) continue;
    for (const [name, drawing] of await svgFiles(inspection)) {
      if (svg !== undefined) await saveReport('--svg', join(svg, `${prefix}${name}.svg`), drawing, inputs);
      if (png !== undefined) await saveReport('--png', join(png, `${prefix}${name}.png`), await pngOf(drawing), inputs);
    }
  }
}

async function pngOf(svg: string): Promise<Uint8Array> {
  let resvg: typeof import('@resvg/resvg-js');
  try {
    resvg = await import('@resvg/resvg-js');
  } catch {
    throw invalidSetting(
      '--png',
      'needs the package @resvg/resvg-js, which is not installed.',
      'Run npm install @resvg/resvg-js, or use --svg.',
    );
  }
  const drawing = svg.replaceAll('currentColor', '#1b1e23');
  return new resvg.Resvg(drawing, { background: '#ffffff', fitTo: { mode: 'zoom', value: 2 } }).render().asPng();
}
