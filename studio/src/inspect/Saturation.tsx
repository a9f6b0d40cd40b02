/** How often each gate is nearly closed or nearly open (Karpathy, Johnson & Li 2015, figure 3). */
import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { gateStatistics, type LstmTrace } from 'unspool/inspect';
import { tracedLayer, unit } from '../state.js';
import { GATE_COLORS } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';

const GATES = ['i', 'f', 'o'] as const;

interface Point {
  readonly gate: (typeof GATES)[number];
  readonly unit: number;
  readonly closed: number;
  readonly open: number;
}

const DIAGONAL = [
  [0, 1],
  [1, 0],
] as [number, number][];

function pointsOf(layer: LstmTrace): Point[] {
  return gateStatistics(layer)
    .flatMap(({ gate, closedByUnit, openByUnit }) =>
      closedByUnit.map((closed, j) => ({ gate, unit: j, closed, open: openByUnit[j]! })),
    )
    .filter((point): point is Point => point.gate !== 'g');
}

const plotOf = (points: readonly Point[], selected: number): Plot.PlotOptions => ({
  x: { label: 'share of steps below 0.1', domain: [0, 1], grid: true },
  y: { label: 'share of steps above 0.9', domain: [0, 1], grid: true },
  symbol: { domain: [...GATES], range: ['circle', 'triangle', 'square'] },
  marks: [
    Plot.line(DIAGONAL, { strokeOpacity: 0.3, strokeDasharray: '3 3' }),
    Plot.dot(points, {
      x: 'closed',
      y: 'open',
      symbol: 'gate',
      stroke: ({ gate }: Point) => GATE_COLORS[gate],
      fill: (point: Point) => (point.unit === selected ? GATE_COLORS[point.gate] : 'none'),
      r: (point: Point) => (point.unit === selected ? 6 : 4),
      title: ({ gate, unit: j, closed, open }: Point) =>
        `${gate} of unit ${j}: closed at ${Math.round(100 * closed)}% of the steps, open at ${Math.round(100 * open)}%`,
    }),
  ],
});

export function Saturation() {
  const layer = tracedLayer.value!;
  const selected = unit.value;
  const points = useMemo(() => pointsOf(layer), [layer]);
  const options = useMemo(() => plotOf(points, selected), [points, selected]);
  return (
    <section aria-label="Saturation">
      <Figure
        title="Saturated gates"
        label="Each gate of each unit, by the share of time steps at which it is nearly closed and nearly open."
        options={options}
        data={() => ({
          columns: ['gate', 'unit', 'below 0.1', 'above 0.9'],
          rows: points.map(({ gate, unit: j, closed, open }) => [gate, j, closed, open]),
        })}
      >
        <p class="key">
          {GATES.map((gate) => (
            <span key={gate}>
              <i style={{ background: GATE_COLORS[gate] }} /> {gate}
            </span>
          ))}{' '}
          · filled: unit {selected}
        </p>
      </Figure>
      <p class="hint">
        Left: rarely closed. Top: mostly open, such as a forget gate that remembers. On the line: always saturated.
      </p>
    </section>
  );
}
