/** Where the gradient of a weight comes from: a bar for the part of each time step. Their sum is the library's gradient. */
import * as Plot from '@observablehq/plot';
import { useEffect, useId, useMemo, useRef } from 'preact/hooks';
import { GATES, type Gate, weightGradientByStep } from 'unspool/inspect';
import { traced } from '../state.js';
import { GATE_COLORS } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';
import { formatNumber } from './numbers.js';
import { selectedWeight, selectedWeightValues, weightGate, weightIndex, weightOptions } from './weight.js';

function WeightControls() {
  const [gateId, weightId] = [useId(), useId()];
  return (
    <div class="controls">
      <span class="inline">
        <label for={gateId}>Into gate</label>
        <select
          id={gateId}
          value={weightGate.value}
          onChange={(event) => {
            weightGate.value = event.currentTarget.value as Gate;
          }}
        >
          {GATES.map((gate) => (
            <option key={gate} value={gate}>
              {gate}
            </option>
          ))}
        </select>
      </span>
      <span class="inline">
        <label for={weightId}>Weight</label>
        <select
          id={weightId}
          value={weightIndex.value}
          onChange={(event) => {
            weightIndex.value = Number(event.currentTarget.value);
          }}
        >
          {weightOptions.value.map(({ label }, i) => (
            <option key={label} value={i}>
              {label}
            </option>
          ))}
        </select>
      </span>
    </div>
  );
}

const plotOf = (parts: ArrayLike<number>, gate: Gate): Plot.PlotOptions => ({
  x: {
    label: 'time step',
    interval: 1,
    tickFormat: (t: number) => (parts.length > 30 && t % 5 !== 0 ? '' : String(t)),
  },
  y: { label: 'part of the gradient', grid: true },
  marks: [
    Plot.barY(Array.from(parts), { x: (_: number, t: number) => t, y: (v: number) => v, fill: GATE_COLORS[gate] }),
    Plot.ruleY([0]),
  ],
});

const Sums = ({ sum, gradient }: { sum: number; gradient: number }) => (
  <p class="hint">
    Sum over all time steps:{' '}
    <b data-testid="sum-of-steps" data-value={sum}>
      {formatNumber(sum)}
    </b>
    . Gradient computed by the library:{' '}
    <b data-testid="library-gradient" data-value={gradient}>
      {formatNumber(gradient)}
    </b>
    .
  </p>
);

/** `from`: the time step that the backward pass has reached; null for all time steps. */
export function WeightSource({ from }: { from: number | null }) {
  const gate = weightGate.value;
  const { trace } = traced.value!;
  const { name, row, col } = selectedWeight.value!;
  const parts = useMemo(() => weightGradientByStep(trace, name, row, col), [trace, name, row, col]);
  const options = useMemo(() => plotOf(parts, gate), [parts, gate]);
  const section = useRef<HTMLElement>(null);
  // The bars are drawn once; steps that the backward pass has not reached are dimmed, as often as every frame.
  useEffect(() => {
    const bars = section.current?.querySelectorAll<SVGRectElement>('svg rect') ?? [];
    for (const [t, bar] of bars.entries()) {
      const opacity = from === null || t >= from ? '1' : '0.2';
      if (bar.style.opacity !== opacity) bar.style.opacity = opacity;
    }
  });
  const sum = parts.reduce((total, v) => total + v, 0);
  return (
    <section ref={section} aria-label="Gradient of a weight by time step">
      <h2>Gradient of a weight by time step</h2>
      <WeightControls />
      <Figure
        title={`dL/d ${name}[${name.includes('bias') ? col : `${row}, ${col}`}], by time step`}
        label={`One bar per time step. Their sum is ${formatNumber(sum)}.`}
        options={options}
        height={180}
        data={() => ({ columns: ['step', 'gradient'], rows: Array.from(parts, (v, t) => [t, v]) })}
      />
      <Sums sum={sum} gradient={selectedWeightValues.value!.gradient} />
    </section>
  );
}
