/** A whole pass at once: what every gate and state was, how the gradient came back, and what can be asked of it. */

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Grid, LagFlow } from 'unspool/inspect';
import { look, reach, refresh, shownLayer, time, unit } from '../state.js';
import { Choosers, Tokens } from '../ui/Choosers.js';
import { css, place, table } from '../ui/colors.js';
import { Heatmap } from '../ui/Heatmap.js';
import { scheme } from '../ui/theme.js';
import { Estimators } from './Estimators.js';
import { Reach } from './Reach.js';
import { Saturation } from './Saturation.js';
import { Weights } from './Weights.js';
import './look.css';

const QUANTITIES = ['i', 'f', 'g', 'o', 'c', 'h'] as const;
type Quantity = (typeof QUANTITIES)[number];
const SAYS: Readonly<Record<Quantity, string>> = {
  i: 'i, input gate',
  f: 'f, forget gate',
  g: 'g, candidate',
  o: 'o, output gate',
  c: 'c, cell state',
  h: 'h, output',
};
const OPEN = [0, 1] as const;
const isGate = (q: Quantity): q is 'i' | 'f' | 'g' | 'o' => q !== 'c' && q !== 'h';

function gridOf(q: Quantity, gradient: boolean): Grid {
  const layer = shownLayer.value!;
  const of = gradient ? layer.grad : layer;
  return isGate(q) ? of.gates[q] : of[q];
}

function Maps() {
  const [gradient, setGradient] = useState(false);
  const layer = shownLayer.value!;
  const height = Math.min(180, Math.max(60, layer.hiddenSize * 4));
  return (
    <section aria-label="Heat maps">
      <h2>Every unit over time</h2>
      <fieldset class="controls" aria-label="What is shown">
        <button type="button" aria-pressed={!gradient} onClick={() => setGradient(false)}>
          Values
        </button>
        <button type="button" aria-pressed={gradient} onClick={() => setGradient(true)}>
          Gradients of the loss by them
        </button>
      </fieldset>
      <div class="maps">
        {QUANTITIES.map((q) => {
          const open = !gradient && isGate(q) && q !== 'g';
          return (
            <Heatmap
              key={q}
              title={gradient ? `dL/d${q}` : SAYS[q]}
              grid={gridOf(q, gradient)}
              kind={open ? 'size' : 'sign'}
              {...(open ? { range: OPEN } : {})}
              time={time.value}
              unit={unit.value}
              height={height}
              choose={(t, j) => {
                time.value = t;
                unit.value = j;
              }}
            />
          );
        })}
      </div>
    </section>
  );
}

/** The sequence, colored by a unit or by what moves one prediction. */
function Colored() {
  const [by, setBy] = useState<Quantity | 'moves'>('h');
  const [found, setFound] = useState<LagFlow | null>(null);
  const shown = look.value!;
  const layer = shownLayer.value!;
  const colors = table(by === 'moves' ? 'size' : 'sign', scheme.value);
  const t = time.value;
  useEffect(() => {
    let current = true;
    if (by === 'moves') void reach(t).then((answer) => current && setFound(answer));
    return () => {
      current = false;
    };
  }, [by, t, shown]);
  const shade = useMemo(() => {
    if (by === 'moves') {
      const most = Math.max(...(found?.x ?? [1]), 1e-30);
      return (s: number): string | undefined => {
        const strength = (found?.x[found.step - s] ?? 0) / most;
        return found && s <= found.step
          ? `color-mix(in srgb, var(--lit) ${Math.round(85 * strength)}%, var(--raised))`
          : undefined;
      };
    }
    const { data, cols } = gridOf(by, false);
    const most = isGate(by)
      ? 1
      : Math.max(...Array.from({ length: shown.trace.steps }, (_, s) => Math.abs(data[s * cols + unit.value]!)), 1e-9);
    return (s: number): string => css(colors, place(data[s * cols + unit.value]!, -most, most));
  }, [by, found, shown, layer, unit.value, colors]);
  return (
    <section aria-label="The sequence, colored">
      <h2>What was read</h2>
      <div class="controls">
        <label class="inline">
          Colored by{' '}
          <select value={by} onChange={(event) => setBy(event.currentTarget.value as Quantity | 'moves')}>
            {QUANTITIES.map((q) => (
              <option key={q} value={q}>
                {SAYS[q]} of unit {unit.value}
              </option>
            ))}
            <option value="moves">what moves the prediction of step {t}</option>
          </select>
        </label>
        <span class="hint">
          {by === 'moves'
            ? 'Click a step: the stronger the color, the more a change of that input would change the loss of the step.'
            : 'Blue is negative, orange positive; a click chooses a step.'}
        </span>
      </div>
      <div class={`colored ${by}`}>
        <Tokens shade={shade} />
      </div>
    </section>
  );
}

export default function Look() {
  useEffect(() => {
    if (!look.peek()) void refresh();
  }, []);
  if (!look.value || !shownLayer.value) return <p class="waiting">A pass is being made…</p>;
  return (
    <>
      <Choosers />
      <Colored />
      <Maps />
      <div class="pair">
        <Reach />
        <Saturation />
      </div>
      <div class="pair">
        <Estimators />
        <Weights />
      </div>
    </>
  );
}
