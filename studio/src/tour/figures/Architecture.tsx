import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import { tracedLayer } from '../../state.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { line, Range, Result } from './parts.js';

/** Parameters of a layer of H units over D inputs, with one bias per row. */
const parameterCount = (D: number, H: number): number => 4 * H * (D + H + 1);

export function Architecture() {
  const { hiddenSize, inputSize: D } = tracedLayer.value!;
  const [units, setUnits] = useState(hiddenSize);
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'units H' },
      y: { label: 'parameters', grid: true },
      marks: [
        line(
          Array.from({ length: 64 }, (_, i) => [4 * (i + 1), parameterCount(D, 4 * (i + 1))] as const),
          SERIES[0],
        ),
        Plot.dot([[units, parameterCount(D, units)]], { fill: SERIES[1], r: 5 }),
      ],
    }),
    [units, D],
  );
  const count = parameterCount(D, units);
  return (
    <>
      <Range label="Units" min={1} max={256} value={units} onChange={setUnits} />
      <Figure
        title={`Parameters of an LSTM layer with ${D} inputs`}
        label={`The number of parameters grows with the square of the units: ${count} for ${units}.`}
        options={options}
        height={200}
      />
      <Result label={`Parameters with ${units} units:`} value={count} />
    </>
  );
}
