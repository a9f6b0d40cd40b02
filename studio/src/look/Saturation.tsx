/** Units by how often their gates are nearly closed and nearly open (Karpathy, Johnson & Li 2015, figure 3). */
import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { gateStatistics } from 'unspool/inspect';
import { shownLayer, unit } from '../state.js';
import { GATE_COLORS } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';

const GATES = ['i', 'f', 'o'] as const;

interface Point {
  readonly gate: (typeof GATES)[number];
  readonly unit: number;
  readonly closed: number;
  readonly open: number;
}

export function Saturation() {
  const layer = shownLayer.value!;
  const chosen = unit.value;
  const points = useMemo<Point[]>(
    () =>
      gateStatistics(layer)
        .flatMap(({ gate, closedByUnit, openByUnit }) =>
          closedByUnit.map((closed, j) => ({ gate, unit: j, closed, open: openByUnit[j]! })),
        )
        .filter((point): point is Point => point.gate !== 'g'),
    [layer],
  );
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'share of steps under 0.1', domain: [0, 1], grid: true },
      y: { label: 'share of steps over 0.9', domain: [0, 1], grid: true },
      symbol: { domain: [...GATES], range: ['circle', 'triangle', 'square'] },
      marks: [
        Plot.line(
          [
            [0, 1],
            [1, 0],
          ],
          { strokeOpacity: 0.3, strokeDasharray: '3 3' },
        ),
        Plot.dot(points, {
          x: 'closed',
          y: 'open',
          symbol: 'gate',
          stroke: ({ gate }: Point) => GATE_COLORS[gate],
          fill: (point: Point) => (point.unit === chosen ? GATE_COLORS[point.gate] : 'none'),
          r: (point: Point) => (point.unit === chosen ? 6 : 4),
          title: (point: Point) =>
            `${point.gate} of unit ${point.unit}: ${Math.round(100 * point.closed)} % closed, ${Math.round(100 * point.open)} % open`,
        }),
      ],
    }),
    [points, chosen],
  );
  return (
    <section aria-label="Saturation">
      <Figure
        title="Saturated gates"
        label="Each gate of each unit by the share of steps in which it is nearly closed, and nearly open."
        options={options}
        data={() => ({
          columns: ['gate', 'unit', 'under 0.1', 'over 0.9'],
          rows: points.map((p) => [p.gate, p.unit, p.closed, p.open]),
        })}
      >
        <p class="key">
          {GATES.map((gate) => (
            <span key={gate}>
              <i style={{ background: GATE_COLORS[gate] }} /> {gate}
            </span>
          ))}{' '}
          · filled: unit {chosen}
        </p>
      </Figure>
      <p class="hint">
        At the left: seldom closed. At the top: a forget gate that remembers. On the line: one or the other, always.
      </p>
    </section>
  );
}
