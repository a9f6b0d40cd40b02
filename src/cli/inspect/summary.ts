/** The findings as text for a terminal. */
import type { Table } from '../../lab/experiments/experiment.js';
import { figure } from '../../lab/experiments/experiment.js';
import { tableText } from '../report/tables.js';
import { paragraphs } from '../wrap.js';
import type { Findings } from './findings.js';
import type { Subject } from './subject.js';
import { trackingNotes, trackTable } from './tracking.js';

const percent = (share: number): string => `${(100 * share).toFixed(1)}`;

export function gateTable({ layers }: Findings): Table {
  return {
    title: 'Gates',
    note: 'closed: values below 0.1 (g: below -0.9); open: above 0.9. |dL/dgate|: norm of the gradient of the loss by the gate.',
    columns: ['layer', 'gate', 'mean', 'closed %', 'open %', '|dL/dgate|'],
    rows: layers.flatMap(({ name, gates }) =>
      gates.map(({ gate, mean, closed, open, gradientNorm }) => [
        name,
        gate,
        mean.toFixed(3),
        percent(closed),
        percent(open),
        figure(gradientNorm),
      ]),
    ),
  };
}

export function lagTable({ lags, layers }: Findings): Table {
  const shown = [0, 1, 2, 5, 10, 20, 50, 100, 200];
  return {
    title: `|dL/dc| and |dL/dh| of the loss of step ${lags.step}, by lag`,
    note: 'How far the gradient of the last prediction reaches back: its norm this many steps before.',
    columns: ['layer', 'lag', '|dL/dc|', '|dL/dh|'],
    rows: lags.layers.flatMap(({ c, h }, i) =>
      shown.filter((lag) => lag < c.length).map((lag) => [layers[i]!.name, lag, figure(c[lag]!), figure(h[lag]!)]),
    ),
  };
}

export const normTable = ({ norms }: Findings): Table => ({
  title: 'Parameters',
  note: 'ratio: the norm of the gradient relative to that of the parameter.',
  columns: ['parameter', 'norm', 'norm of its gradient', 'ratio'],
  rows: norms.map(({ name, norm, gradientNorm }) => [
    name,
    figure(norm),
    figure(gradientNorm),
    figure(gradientNorm / norm),
  ]),
});

/** The conclusions, one sentence each. */
export function verdicts({ layers, lags, notFinite, spectrum }: Findings): string[] {
  const list: string[] = [];
  for (const [i, { name, dead, gates }] of layers.entries()) {
    const { verdict, factor } = lags.layers[i]!;
    const by = factor === null ? '' : ` (a factor of ${factor.toPrecision(2)} per step along c)`;
    list.push(
      verdict === 'too short'
        ? `${name}: too few steps to see whether the gradient vanishes.`
        : `${name}: the gradient ${verdict}${by}.`,
    );
    for (const { gate, closed, open } of gates) {
      if (closed + open > 0.7)
        list.push(
          `${name}: gate ${gate} is saturated ${percent(closed + open)} % of the time: its weights get little gradient.`,
        );
    }
    const silent = dead.filter(({ why }) => why === 'silent').map(({ unit }) => unit);
    const blind = dead.filter(({ why }) => why === 'no gradient').map(({ unit }) => unit);
    if (silent.length > 0)
      list.push(`${name}: ${silent.length} units are silent (|h| below 0.001): ${listed(silent)}.`);
    if (blind.length > 0) list.push(`${name}: ${blind.length} units get no gradient: ${listed(blind)}.`);
    if (silent.length + blind.length === 0) list.push(`${name}: no dead units.`);
  }
  if (spectrum) {
    const [largest] = spectrum.lyapunov;
    list.push(
      `Largest Lyapunov exponent ${figure(largest!)} per step: ${largest! < 0 ? 'differences between states shrink' : 'small differences grow'}.`,
    );
  }
  const { first, causes } = notFinite;
  if (first) {
    const where = first.step === null ? '' : ` at step ${first.step}`;
    list.push(`NOT FINITE: first in ${first.tensor}${where}, index ${first.unit}: ${first.value}.`);
    for (const one of causes) list.push(`  computed from ${one.tensor}: ${one.value}`);
  }
  return list;
}

const listed = (units: readonly number[]): string =>
  units.length > 12 ? `${units.slice(0, 12).join(', ')}, ...` : units.join(', ');

export function summaryOf({ what, file }: Subject, found: Findings): string {
  const parts = [
    `${file} on ${what}: loss ${found.trace.loss.toFixed(4)}`,
    tableText(gateTable(found)),
    'closed: below 0.1 (g: below -0.9); open: above 0.9',
    tableText(lagTable(found)),
    paragraphs(verdicts(found)),
  ];
  const { tracking } = found;
  if (tracking) {
    const { title, ...table } = trackTable(tracking);
    if (table.rows.length > 0) parts.push(`${title}\n${tableText(table)}`);
    parts.push(paragraphs(trackingNotes(tracking)));
  }
  return parts.join('\n\n');
}
