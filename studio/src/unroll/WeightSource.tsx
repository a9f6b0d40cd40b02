/** Where a weight's gradient came from: a bar for what each step adds, and their sum, which is the library's gradient. */
import * as Plot from '@observablehq/plot';
import { useEffect, useId, useMemo, useRef } from 'preact/hooks';
import { GATES, type Gate, weightGradientByStep } from 'unspool/inspect';
import { look } from '../state.js';
import { GATE_COLORS } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';
import { short } from './moments.js';
import { weight, weightGate, weightIndex, weightNow, weights } from './weight.js';

/** `reached`: from which step on the walk back has come by; null for all of them. */
export function WeightSource({ reached }: { reached: number | null }) {
  const gate = weightGate.value;
  const [gateId, weightId] = [useId(), useId()];
  const { trace } = look.value!;
  const { name, row, col } = weight.value!;
  const parts = useMemo(() => weightGradientByStep(trace, name, row, col), [trace, name, row, col]);
  const whole = weightNow.value!.gradient;
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'step', interval: 1, tickFormat: (t: number) => (parts.length > 30 && t % 5 !== 0 ? '' : String(t)) },
      y: { label: 'adds', grid: true },
      marks: [
        Plot.barY(Array.from(parts), {
          x: (_: number, t: number) => t,
          y: (v: number) => v,
          fill: GATE_COLORS[gate],
        }),
        Plot.ruleY([0]),
      ],
    }),
    [parts, gate],
  );
  const room = useRef<HTMLElement>(null);
  // The bars are drawn once, and dimmed as the walk goes by: it may do so at every frame.
  useEffect(() => {
    const bars = room.current?.querySelectorAll<SVGRectElement>('svg rect') ?? [];
    for (const [t, bar] of bars.entries()) {
      const opacity = reached === null || t >= reached ? '1' : '0.2';
      if (bar.style.opacity !== opacity) bar.style.opacity = opacity;
    }
  });
  const sum = parts.reduce((total, v) => total + v, 0);
  return (
    <section ref={room} aria-label="Where a weight's gradient came from">
      <h2>Where the gradient of a weight came from</h2>
      <div class="controls">
        <span class="inline">
          <label for={gateId}>Into gate</label>
          <select id={gateId} value={gate} onChange={(event) => (weightGate.value = event.currentTarget.value as Gate)}>
            {GATES.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </span>
        <span class="inline">
          <label for={weightId}>Weight</label>
          <select
            id={weightId}
            value={weightIndex.value}
            onChange={(event) => (weightIndex.value = Number(event.currentTarget.value))}
          >
            {weights.value.map(({ label }, i) => (
              <option key={label} value={i}>
                {label}
              </option>
            ))}
          </select>
        </span>
      </div>
      <Figure
        title={`What each step adds to dL/d ${name}[${name.includes('bias') ? col : `${row}, ${col}`}]`}
        label={`A bar for each step; their sum is ${short(sum)}.`}
        options={options}
        height={180}
        data={() => ({ columns: ['step', 'adds'], rows: Array.from(parts, (v, t) => [t, v]) })}
      />
      <p class="hint">
        Sum of all steps{' '}
        <b data-testid="sum-of-steps" data-value={sum}>
          {short(sum)}
        </b>
        , and the library's gradient{' '}
        <b data-testid="library-gradient" data-value={whole}>
          {short(whole)}
        </b>
        .
      </p>
    </section>
  );
}
