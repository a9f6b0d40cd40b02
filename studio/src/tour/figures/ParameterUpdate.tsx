import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import { advance } from '../../actions.js';
import { playing, settings, traced } from '../../state.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { type Points, Result, recurrentWeights } from './parts.js';

/** Makes one update; returns [gradient, change] of each recurrent weight. */
async function updateOnce(): Promise<Points> {
  const before = traced.value!.trace;
  await advance('update');
  const after = traced.value!.trace;
  const name = recurrentWeights(before.parameters);
  const [old, current] = [before.parameters[name]!.data, after.parameters[name]!.data];
  const gradient = before.gradients[name]!.data;
  return Array.from(old, (v, i) => [gradient[i]!, current[i]! - v] as const);
}

export function ParameterUpdate() {
  const [changes, setChanges] = useState<Points>([]);
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'gradient of the shown sequence', grid: true },
      y: { label: 'change of the weight', grid: true },
      marks: [Plot.dot(changes as [number, number][], { r: 2, fill: SERIES[2] }), Plot.ruleY([0]), Plot.ruleX([0])],
    }),
    [changes],
  );
  const mean = changes.reduce((sum, [, v]) => sum + Math.abs(v), 0) / Math.max(1, changes.length);
  return (
    <>
      <button type="button" class="main" disabled={playing.value} onClick={async () => setChanges(await updateOnce())}>
        One update
      </button>
      <Figure
        title="Recurrent weights: gradient and change"
        label={`One point per weight. The mean absolute change is ${mean.toPrecision(2)}.`}
        options={options}
        height={240}
      />
      <Result label={`Mean absolute change with a learning rate of ${settings.value.learningRate}:`} value={mean} />
    </>
  );
}
