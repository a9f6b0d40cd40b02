import type * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { gradientFlow } from 'unspool/inspect';
import { tracedLayer } from '../../state.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { byStep, Legend, line, type Points, Result } from './parts.js';

const LEGEND = [
  ['total', 'currentColor'],
  ['along c, from the next step', SERIES[0]],
  ['through this step’s output', SERIES[1]],
] as const;

/** The points that a logarithmic axis can show. */
const positive = (values: readonly number[]): Points => byStep(values).filter(([, v]) => v > 0);

export function Backpropagation() {
  const layer = tracedLayer.value!;
  const flow = useMemo(() => gradientFlow(layer), [layer]);
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'time step' },
      y: { label: 'norm', type: 'log', grid: true },
      marks: [
        line(positive(flow.c), 'currentColor'),
        line(positive(flow.cFromNext), SERIES[0]),
        line(positive(flow.cFromH), SERIES[1]),
      ],
    }),
    [flow],
  );
  return (
    <>
      <Figure
        title="Norm of dL/dc over time, and its two parts"
        label="Norms by time step, on a logarithmic axis."
        options={options}
        height={240}
      >
        <Legend entries={LEGEND} />
      </Figure>
      <Result label="Norm at the first time step:" value={flow.c[0]!} />
    </>
  );
}
