/** The findings as one HTML page that needs no network, and its plots and tables as files. */
import { colorAt, GATES, isDark } from '../../inspect/index.js';
import type { Plot, Table } from '../../lab/experiments/experiment.js';
import { heatmapSvg } from '../report/heatmap.js';
import { escaped, htmlPage, NO_PLOTS, noteHtml, tableHtml } from '../report/html.js';
import { drawPlot, plotHtml } from '../report/plot.js';
import type { Findings, LayerFindings } from './findings.js';
import type { Subject } from './subject.js';
import { gateTable, lagTable, normTable, verdicts } from './summary.js';
import { strongest, trackingNotes, trackTable } from './tracking.js';

/** A subject with its findings. */
export interface Inspection {
  readonly subject: Subject;
  readonly found: Findings;
}

/** The range of a gate. */
const GATE_RANGE = [0, 1] as const;

const visible = (character: string): string => ({ '\n': '⏎', '\t': '⇥' })[character] ?? character;
const indexed = (values: readonly number[]) => values.map((v, i) => [i, v] as const);

/** The heat maps of one layer, by name. */
function mapsOf({ subject, found }: Inspection, index: number): [name: string, svg: string][] {
  const layer = found.trace.layers[index]!;
  const marks = subject.read.map(visible);
  const map = (
    name: string,
    ...args: [Parameters<typeof heatmapSvg>[1], Parameters<typeof heatmapSvg>[2], (readonly [number, number])?]
  ): [string, string] => {
    const title = `${layer.name} ${name}`;
    return [title, heatmapSvg(title, args[0], args[1], args[2], marks)];
  };
  return [
    ...GATES.map((gate) =>
      gate === 'g' ? map('g', layer.gates.g, 'sign', [-1, 1]) : map(gate, layer.gates[gate], 'size', GATE_RANGE),
    ),
    map('c', layer.c, 'sign'),
    map('h', layer.h, 'sign'),
    ...GATES.map((gate) => map(`dL/d${gate}`, layer.grad.gates[gate], 'sign')),
    map('dL/dc', layer.grad.c, 'sign'),
    map('dL/dh', layer.grad.h, 'sign'),
  ];
}

const log = (label: string) => ({ label, log: true });

function lagPlot({ layers, lags }: Findings): Plot {
  const named = (i: number): string => (layers.length > 1 ? ` (${layers[i]!.name})` : '');
  return {
    title: `Gradient by lag, of the loss of step ${lags.step}`,
    note: 'How far the gradient of the last prediction reaches back. A straight line is a constant factor per step.',
    x: { label: 'lag, steps back' },
    y: log('norm'),
    mark: 'line',
    series: lags.layers.flatMap(({ c, h }, i) => [
      { label: `|dL/dc|${named(i)}`, points: indexed(c) },
      { label: `|dL/dh|${named(i)}`, points: indexed(h) },
    ]),
  };
}

const flowPlot = ({ name, flow }: LayerFindings): Plot => ({
  title: `${name}: dL/dh and dL/dc by step, and their sources`,
  note: 'dL/dc is what comes along c from the next step plus what comes through h. dL/dh is what comes from the layer above plus what comes through Wh from the next step.',
  x: { label: 'step' },
  y: log('norm'),
  mark: 'line',
  series: [
    { label: '|dL/dc|', points: indexed(flow.c) },
    { label: 'along c, from the next step', points: indexed(flow.cFromNext) },
    { label: 'through h, of this step', points: indexed(flow.cFromH) },
    { label: '|dL/dh|', points: indexed(flow.h) },
    { label: 'from above', points: indexed(flow.hFromAbove) },
    { label: 'through Wh, from the next step', points: indexed(flow.hFromNext) },
  ],
});

const saturationPlot = ({ name, gates }: LayerFindings): Plot => ({
  title: `${name}: saturation, one point per unit`,
  note: 'At the top left, a gate of a unit is open at almost every step; at the bottom right, it is closed. Such a gate gets little gradient.',
  x: { label: 'share of steps closed' },
  y: { label: 'share of steps open' },
  mark: 'dot',
  series: gates.map(({ gate, closedByUnit, openByUnit }) => ({
    label: gate,
    points: closedByUnit.map((closed, unit) => [closed, openByUnit[unit]!] as const),
  })),
});

const attributionPlot = ({ attributions }: Findings): Plot => ({
  title: 'Influence of each input on the last prediction',
  note: 'The gradient says how sensitive the loss is to an input. Integrated gradients add up to the loss minus the loss for inputs of zero; a positive input raises the loss.',
  x: { label: 'step' },
  y: { label: 'gradient: norm; integrated gradients: signed' },
  mark: 'line',
  series: [
    { label: '|dL/dx|', points: indexed(attributions.gradient.byStep) },
    { label: 'integrated gradients', points: indexed(attributions.integrated.byStep) },
  ],
});

function spectrumPlots({ spectrum }: Findings): Plot[] {
  if (!spectrum) return [];
  const largest = (nth: number) => spectrum.byStep.map((values, t) => [t, values[nth] ?? Number.NaN] as const);
  const products = spectrum.largestOverSteps.map((value, k) => [k + 1, value] as const);
  return [
    {
      title: 'Singular values of ds/ds- of each step: the three largest',
      x: { label: 'step' },
      y: { label: 'singular value' },
      mark: 'line',
      series: [0, 1, 2].map((nth) => ({ label: `#${nth + 1}`, points: largest(nth) })),
    },
    {
      title: 'Largest factor by which a gradient can grow over several steps',
      x: { label: 'steps' },
      y: log('largest singular value of the product'),
      mark: 'line',
      series: [{ label: 'from the last step back', points: products }],
    },
  ];
}

export const plotsOf = ({ found }: Inspection): Plot[] => [
  lagPlot(found),
  ...found.layers.map(flowPlot),
  ...found.layers.map(saturationPlot),
  attributionPlot(found),
  ...spectrumPlots(found),
];

export const tablesOf = ({ found }: Inspection): Table[] =>
  [
    ...[gateTable(found), lagTable(found), normTable(found)],
    ...(found.tracking ? [{ ...trackTable(found.tracking), title: 'What units track' }] : []),
  ].filter(({ rows }) => rows.length > 0);

/** Characters of the colored text. */
const COLORED = 400;

/** What units track: the table, and the beginning of the text, colored by c of the unit that follows each feature most closely. */
function trackingHtml({ subject, found: { tracking } }: Inspection): string {
  if (!tracking || !subject.tracked) return '';
  const shown = subject.tracked.characters.slice(0, COLORED);
  const colored = strongest(tracking, 1).map(({ layer, unit, feature, correlation }) => {
    const { data, cols } = tracking.states[layer]!;
    const values = shown.map((_, t) => data[t * cols + unit]!);
    const largest = Math.max(...values.map(Math.abs), 1e-12);
    const spans = shown.map((character, t) => {
      const ground = colorAt('sign', (values[t]! / largest + 1) / 2);
      return `<span style="background:rgb(${ground.join(',')});color:${isDark(ground) ? '#fff' : '#000'}">${escaped(visible(character))}</span>`;
    });
    return `<p>c of unit ${unit} of ${escaped(layer)}: follows <b>${escaped(feature)}</b> (partial r ${correlation.toFixed(2)})</p><p class="text">${spans.join('')}</p>`;
  });
  const table = trackTable(tracking);
  const notes = trackingNotes(tracking).map((line) => `<li>${escaped(line)}</li>`);
  const head = table.rows.length > 0 ? tableHtml(table) : '<h2>What units track</h2>';
  return `${head}\n<ul class="notes">${notes.join('')}</ul>\n${colored.length > 0 ? noteHtml(COLORS_NOTE) : ''}${colored.join('\n')}`;
}

const MAPS_NOTE =
  'Time runs to the right, units run down. i, f and o are between 0 and 1; g, c, h and the gradients of the loss have a sign. NaN and infinity are magenta.';
const COLORS_NOTE =
  'The beginning of the text, colored by c of the unit that follows each feature most closely: blue below 0, gray at 0, orange above 0, relative to the largest |c| shown.';

const MORE_STYLE = `
.text { font: 1rem/1.7 ui-monospace, Consolas, monospace; overflow-wrap: anywhere; }
.text span { padding: 0.15em 0.05em; }
.maps { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 0 1.5rem; }
.maps figure { margin: 0.6rem 0; min-width: 0; } .maps svg { width: 100%; }
body { max-width: 74rem; }`;

async function section(inspection: Inspection): Promise<string> {
  const { subject, found } = inspection;
  const plots = await Promise.all(plotsOf(inspection).map(plotHtml));
  const maps = found.layers.map(({ name }, i) => {
    const all = mapsOf(inspection, i).map(
      ([title, svg]) => `<figure><figcaption>${escaped(title)}</figcaption><div class="wide">${svg}</div></figure>`,
    );
    return `<h2>${escaped(name)}: every unit over time</h2>${noteHtml(MAPS_NOTE)}<div class="maps">${all.join('\n')}</div>`;
  });
  return `<p>${escaped(subject.file)} on ${escaped(subject.what)}: loss <b>${found.trace.loss.toFixed(4)}</b></p>
<ul>${verdicts(found)
    .map((line) => `<li>${escaped(line)}</li>`)
    .join('')}</ul>
${trackingHtml(inspection)}
${[gateTable(found), lagTable(found), normTable(found)].map(tableHtml).join('\n')}
${plots.some((html) => html !== '') ? plots.join('\n') : NO_PLOTS}
${maps.join('\n')}`;
}

export async function inspectPage(all: readonly Inspection[]): Promise<string> {
  const parts = await Promise.all(all.map(section));
  const title = `Inside ${all.map(({ subject }) => subject.file).join(' and ')}`;
  const body =
    all.length === 1
      ? parts[0]!
      : all.map(({ subject }, i) => `<h2>${escaped(subject.file)}</h2>${parts[i]}`).join('\n<hr>\n');
  return htmlPage(title, body, MORE_STYLE);
}

/** Every plot as a standalone SVG, by file name. */
export async function svgFiles(inspection: Inspection): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const name = (title: string): string =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '');
  for (const [i] of inspection.found.layers.entries())
    for (const [title, svg] of mapsOf(inspection, i)) files.set(name(title), svg);
  for (const plot of plotsOf(inspection)) {
    const svg = await drawPlot(plot);
    if (svg)
      files.set(name(plot.title), svg.replace(/^<svg(?![^>]*xmlns=)/, '<svg xmlns="http://www.w3.org/2000/svg"'));
  }
  return files;
}
