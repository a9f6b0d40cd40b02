import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { traced } from '../../state.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { Result } from './parts.js';

export function Loss() {
  const { trace, targetLabels } = traced.value!;
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'time step', tickFormat: (t: number) => (t % 5 === 0 ? String(t) : '') },
      y: { label: 'loss', grid: true },
      marks: [
        Plot.barY(Array.from(trace.lossByStep ?? []), {
          x: (_: number, t: number) => t,
          y: (v: number, t: number) => (targetLabels[t] ? v : 0),
          fill: SERIES[1],
        }),
        Plot.ruleY([trace.loss], { strokeDasharray: '4 3' }),
        Plot.ruleY([0]),
      ],
    }),
    [trace, targetLabels],
  );
  return (
    <>
      <Figure
        title="Loss per time step (dashed: the mean)"
        label={`The mean loss is ${trace.loss.toPrecision(4)}.`}
        options={options}
        height={220}
      />
      <Result label="Loss of this sequence:" value={trace.loss} />
    </>
  );
}
