import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import { traced, update } from '../../state.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { Result, recurrentWeights } from './parts.js';

export function Initialization() {
  const { parameters } = traced.value!.trace;
  const [name, setName] = useState(() => recurrentWeights(parameters));
  const data = parameters[name]?.data;
  const values = useMemo(() => Array.from(data ?? [0]), [data]);
  const rms = Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'weight' },
      y: { label: 'count', grid: true },
      marks: [
        Plot.rectY(values, {
          ...Plot.binX({ y: 'count' }, { x: (v: number) => v, thresholds: 40 } as Plot.BinXInputs<Plot.RectYOptions>),
          fill: SERIES[0],
        }),
        Plot.ruleY([0]),
      ],
    }),
    [values],
  );
  return (
    <>
      <label class="inline">
        Parameter{' '}
        <select value={name} onChange={(event) => setName(event.currentTarget.value)}>
          {Object.keys(parameters).map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <Figure
        title={`Weights of ${name} after ${update.value} updates`}
        label={`A histogram. The root mean square is ${rms.toPrecision(3)}.`}
        options={options}
        height={200}
      />
      <Result label="Root mean square:" value={rms} />
    </>
  );
}
