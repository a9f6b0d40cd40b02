import { join } from 'node:path';
import { invalidSetting } from '../../errors.js';
import { writeFileAtomic } from '../../node/index.js';
import { createOutput } from '../output.js';
import { csvLine } from '../report/html.js';
import { findingsOf } from './findings.js';
import type { InspectOptions } from './options.js';
import { type Inspection, inspectPage, svgFiles, tablesOf } from './page.js';
import { subjectOf } from './subject.js';
import { summaryOf, verdicts } from './summary.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** `unspool inspect` */
export async function inspect(file: string, options: InspectOptions): Promise<number> {
  const out = createOutput(options);
  const { steps, out: page, text, csv, compare } = options;
  const all: Inspection[] = [];
  for (const one of compare === undefined ? [file] : [file, compare]) {
    const subject = await subjectOf(one, { text, csv, steps });
    const found = await findingsOf(subject);
    all.push({ subject, found });
    out.print(`${all.length > 1 ? '\n' : ''}${summaryOf(subject, found)}`);
    out.record(recordOf({ subject, found }));
  }
  await writeFileAtomic(page, bytes(await inspectPage(all)));
  await writeExtras(all, options);
  out.print(`\nSaved ${page}`);
  for (const { subject } of all) subject.model.dispose();
  return 0;
}

/** Everything except the grids of numbers, which only `unspool/inspect` provides. */
function recordOf({ subject, found }: Inspection): object {
  const { trace, ...rest } = found;
  return {
    kind: 'inspection',
    model: subject.file,
    what: subject.what,
    loss: trace.loss,
    verdicts: verdicts(found),
    ...rest,
  };
}

async function writeExtras(all: readonly Inspection[], { tables, svg, png }: InspectOptions): Promise<void> {
  for (const [i, inspection] of all.entries()) {
    const prefix = all.length > 1 ? `model-${i + 1}-` : '';
    if (tables !== undefined) {
      for (const { title, columns, rows } of tablesOf(inspection)) {
        const name = title
          .split(/[,:]/)[0]!
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '-')
          .replace(/^-|-$/g, '');
        await writeFileAtomic(
          join(tables, `${prefix}${name}.csv`),
          bytes(`${[columns, ...rows].map(csvLine).join('\n')}\n`),
        );
      }
    }
    if (svg === undefined && png === undefined) continue;
    const files = await svgFiles(inspection);
    for (const [name, drawing] of files) {
      if (svg !== undefined) await writeFileAtomic(join(svg, `${prefix}${name}.svg`), bytes(drawing));
      if (png !== undefined) await writeFileAtomic(join(png, `${prefix}${name}.png`), await pngOf(drawing));
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
