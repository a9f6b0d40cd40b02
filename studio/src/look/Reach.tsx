/** How far the gradient of one step's loss reaches back: its norm by lag, on a logarithmic axis. */
import * as Plot from '@observablehq/plot';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { FlowVerdict, LagFlow, LagFlowOfLayer } from 'unspool/inspect';
import { layer, look, reach, time } from '../state.js';
import { SERIES } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';

const SAYS: Readonly<Record<FlowVerdict, string>> = {
  vanishes: 'it vanishes',
  fades: 'it fades',
  'is carried': 'it is carried',
  explodes: 'it explodes',
  'too short to tell': 'too short to tell',
};

const NOTHING: LagFlowOfLayer = { h: [], c: [], factor: null, verdict: 'too short to tell' };

export function Reach() {
  const shown = look.value!;
  const [from, setFrom] = useState<number | null>(null);
  const [found, setFound] = useState<LagFlow | null>(null);
  const last = Math.max(0, shown.wanted.findLastIndex(Boolean));
  const t = Math.min(from ?? last, shown.trace.steps - 1);
  useEffect(() => {
    let current = true;
    void reach(t).then((answer) => current && setFound(answer));
    return () => {
      current = false;
    };
  }, [t, shown]);
  const own = found?.layers[Math.min(layer.value, found.layers.length - 1)];
  const byLag = own ?? NOTHING;
  const options = useMemo<Plot.PlotOptions>(() => {
    const line = (norms: readonly number[], stroke: string) => [
      Plot.line(norms.flatMap((v, lag) => (v > 0 ? [[lag, v]] : [])) as [number, number][], { stroke, strokeWidth: 2 }),
      Plot.dot(norms.flatMap((v, lag) => (v > 0 ? [[lag, v]] : [])) as [number, number][], { fill: stroke, r: 2 }),
    ];
    return {
      x: { label: 'lag, steps back' },
      y: {
        type: 'log',
        label: 'norm',
        grid: true,
        tickFormat: (v: number) => (Number.isInteger(Math.round(Math.log10(v) * 1e6) / 1e6) ? v.toExponential(0) : ''),
      },
      marks: [...line(byLag.c, SERIES[0]), ...line(byLag.h, SERIES[1])],
    };
  }, [byLag]);
  const { factor, verdict } = byLag;
  return (
    <section aria-label="Gradient by lag">
      <Figure
        title={`How the loss of step ${t} reaches back`}
        label={`Norm of dL/dc and dL/dh by lag${factor === null ? '' : `: dL/dc changes by a factor of ${factor.toPrecision(2)} a step`}.`}
        options={options}
        data={() => ({ columns: ['lag', 'dL/dc', 'dL/dh'], rows: byLag.c.map((v, lag) => [lag, v, byLag.h[lag]!]) })}
      >
        <p class="key">
          <i style={{ background: SERIES[0] }} /> |dL/dc| <i style={{ background: SERIES[1] }} /> |dL/dh|
        </p>
      </Figure>
      <p class="hint">
        {factor !== null && (
          <>
            Along c the gradient changes by a factor of <b>{factor.toPrecision(2)}</b> a step: {SAYS[verdict]}.{' '}
          </>
        )}
        <button type="button" onClick={() => setFrom(time.value)}>
          The loss of step {time.value} instead
        </button>
      </p>
    </section>
  );
}
