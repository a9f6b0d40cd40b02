/** How far the gradient of one step's loss reaches back: its norm by lag, on a logarithmic axis. */
import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import type { FlowVerdict, LayerLagFlow } from 'unspool/inspect';
import { layer, time, traced } from '../state.js';
import { SERIES } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';
import { useLagFlow } from './useLagFlow.js';

const VERDICTS: Readonly<Record<FlowVerdict, string>> = {
  vanishes: 'it vanishes',
  fades: 'it fades',
  persists: 'it persists',
  explodes: 'it explodes',
  'too short': 'the sequence is too short to judge',
};

const EMPTY: LayerLagFlow = { h: [], c: [], factor: null, verdict: 'too short' };

function curve(norms: readonly number[], stroke: string) {
  const points = norms.flatMap((v, lag) => (v > 0 ? [[lag, v]] : [])) as [number, number][];
  return [Plot.line(points, { stroke, strokeWidth: 2 }), Plot.dot(points, { fill: stroke, r: 2 })];
}

const plotOf = ({ c, h }: LayerLagFlow): Plot.PlotOptions => ({
  x: { label: 'lag in time steps' },
  y: { type: 'log', label: 'norm', grid: true },
  marks: [...curve(c, SERIES[0]), ...curve(h, SERIES[1])],
});

export function GradientByLag() {
  const { targetLabels, trace } = traced.value!;
  const [chosen, setChosen] = useState<number | null>(null);
  const last = Math.max(0, targetLabels.findLastIndex(Boolean));
  const lags = useLagFlow(Math.min(chosen ?? last, trace.steps - 1));
  const flow = lags?.layers[Math.min(layer.value, lags.layers.length - 1)] ?? EMPTY;
  const { c, h, factor, verdict } = flow;
  const options = useMemo(() => plotOf(flow), [flow]);
  return (
    <section aria-label="Gradient by lag">
      <Figure
        title={`Gradient of the loss at step ${lags?.step ?? '…'}, by lag`}
        label={`Norm of dL/dc and dL/dh by lag${factor === null ? '' : `: dL/dc changes by a factor of ${factor.toPrecision(2)} per step`}.`}
        options={options}
        empty={lags ? null : '…'}
        data={() => ({ columns: ['lag', 'dL/dc', 'dL/dh'], rows: c.map((v, lag) => [lag, v, h[lag]!]) })}
      >
        <p class="key">
          <i style={{ background: SERIES[0] }} /> |dL/dc| <i style={{ background: SERIES[1] }} /> |dL/dh|
        </p>
      </Figure>
      <p class="hint">
        {factor !== null && (
          <>
            Along c, the gradient changes by a factor of <b>{factor.toPrecision(2)}</b> per step: {VERDICTS[verdict]}.{' '}
          </>
        )}
        <button type="button" onClick={() => setChosen(time.value)}>
          Show the loss at step {time.value}
        </button>
      </p>
    </section>
  );
}
