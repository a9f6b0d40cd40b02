/** Charts: Vega-Lite specifications, and their drawing as SVG. */
import * as vega from 'vega';
import { compile } from 'vega-lite';
import { three } from '../measure.mjs';
import { sizes } from './workloads.mjs';

const COLORS = {
  domain: ['Unspool', 'others', 'Unspool kernels without the engine'],
  range: ['#0b6e99', '#c4601d', '#9a9a9a'],
};
const GROUPS = { ours: 'Unspool', peers: 'others', ceilings: 'Unspool kernels without the engine' };
const FONT = 'ui-sans-serif, system-ui, Helvetica, Arial, sans-serif';

export async function drawn(spec) {
  const view = new vega.View(vega.parse(compile(spec).spec), { renderer: 'none' });
  return `${await view.toSVG()}\n`;
}

const THEME = {
  background: 'white',
  font: FONT,
  axis: { grid: true, gridColor: '#eeeeee', titleFontWeight: 'normal' },
  title: { anchor: 'start', fontSize: 12 },
  view: { stroke: null },
};

/** A panel per workload: the median of each engine's step as a point, the quartiles as a line; the fastest is at the top. */
export function peersChart(workloads, { machine, when }) {
  const panels = Object.entries(workloads).map(([id, workload]) => {
    const values = workload.figures
      .filter(({ ranked, group }) => ranked || group === 'ceilings')
      .map(({ label, group, ms }) => ({ label, group: GROUPS[group], ...ms, text: three(ms.median) }));
    const y = {
      field: 'label',
      type: 'nominal',
      sort: { field: 'median', op: 'min' },
      title: null,
      axis: { labelLimit: 0 },
    };
    const color = {
      field: 'group',
      type: 'nominal',
      scale: COLORS,
      legend: { title: null, orient: 'top', labelLimit: 0 },
    };
    const x = (field) => ({ field, type: 'quantitative', scale: { type: 'log' }, title: 'ms per step' });
    return {
      title: `${id}: ${workload.kind}, ${sizes(workload)}`,
      width: 360,
      height: { step: 16 },
      data: { values },
      layer: [
        { mark: { type: 'rule', strokeWidth: 2 }, encoding: { x: x('low'), x2: { field: 'high' }, y, color } },
        { mark: { type: 'point', filled: true, size: 50, opacity: 1 }, encoding: { x: x('median'), y, color } },
        { mark: { type: 'text', align: 'left', dx: 8 }, encoding: { x: x('high'), y, text: { field: 'text' } } },
      ],
    };
  });
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: `One step of each engine: the median and the quartiles. ${machine}, ${when.slice(0, 10)}`,
    config: THEME,
    columns: 2,
    concat: panels,
    resolve: { scale: { x: 'independent', y: 'independent', color: 'shared' } },
  };
}

/** Validation loss in bits per character over minutes of training, one line per engine. */
export function qualityChart(curves, { machine, when }) {
  const values = curves.flatMap(({ label, curve }) =>
    curve.slice(1).map(({ seconds, bits }) => ({ label, minutes: seconds / 60, bits })),
  );
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: `Validation bits per character while training on Moby-Dick. ${machine}, ${when.slice(0, 10)}`,
    config: THEME,
    width: 640,
    height: 360,
    data: { values },
    mark: { type: 'line', point: true, strokeWidth: 2 },
    encoding: {
      x: { field: 'minutes', type: 'quantitative', title: 'minutes of training', scale: { domainMin: 0 } },
      y: { field: 'bits', type: 'quantitative', title: 'bits per character', scale: { zero: false } },
      color: {
        field: 'label',
        type: 'nominal',
        scale: { range: ['#0b6e99', '#c4601d', '#6a8f3a', '#8a5aa5'] },
        sort: null,
        legend: { title: null, orient: 'top', labelLimit: 0 },
      },
    },
  };
}
