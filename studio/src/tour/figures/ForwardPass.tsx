import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { time, tracedLayer, unit } from '../../state.js';
import { GATE_COLORS } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { byStep, column, Legend, line, Range, Result } from './parts.js';

const LEGEND = [
  ['i', GATE_COLORS.i],
  ['f', GATE_COLORS.f],
  ['o', GATE_COLORS.o],
  ['c (solid), h (dashed)', 'currentColor'],
] as const;

export function ForwardPass() {
  const layer = tracedLayer.value!;
  const j = unit.value;
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'time step' },
      y: { label: 'value', grid: true },
      marks: [
        line(byStep(column(layer.gates.i, j)), GATE_COLORS.i),
        line(byStep(column(layer.gates.f, j)), GATE_COLORS.f),
        line(byStep(column(layer.gates.o, j)), GATE_COLORS.o),
        line(byStep(column(layer.c, j)), 'currentColor'),
        line(byStep(column(layer.h, j)), 'currentColor', '4 3'),
        Plot.ruleX([time.value], { strokeOpacity: 0.3 }),
      ],
    }),
    [layer, j, time.value],
  );
  return (
    <>
      <Range
        label="Unit"
        min={0}
        max={layer.hiddenSize - 1}
        value={j}
        onChange={(value) => {
          unit.value = value;
        }}
      />
      <Figure
        title={`Unit ${j} over time`}
        label="The unit's gates, cell state and output at each time step."
        options={options}
        height={240}
      >
        <Legend entries={LEGEND} />
      </Figure>
      <Result label="Cell state after the last time step:" value={column(layer.c, j).at(-1)!} />
    </>
  );
}
