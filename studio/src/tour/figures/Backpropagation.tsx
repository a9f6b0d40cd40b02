import type * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import type { BackpropagationLesson } from '../../engine/lessons/backpropagation.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { useLesson } from '../useLesson.js';
import { byStep, Legend, line, type Points, Range, Result, Waiting } from './parts.js';

const LEGEND = [
  ['total', 'currentColor'],
  ['along c, from the next step', SERIES[0]],
  ['through this step’s output', SERIES[1]],
] as const;

/** The points that a logarithmic axis can show. */
const positive = (values: readonly number[]): Points => byStep(values).filter(([, v]) => v > 0);

const plotOf = ({ total, alongC, throughH }: BackpropagationLesson): Plot.PlotOptions => ({
  x: { label: 'time step' },
  y: { label: 'norm', type: 'log', grid: true },
  marks: [
    line(positive(total), 'currentColor'),
    line(positive(alongC), SERIES[0]),
    line(positive(throughH), SERIES[1]),
  ],
});

export function Backpropagation() {
  const [forgetBias, setForgetBias] = useState(1);
  const lesson = useLesson('backpropagation', forgetBias);
  const options = useMemo(() => lesson && plotOf(lesson), [lesson]);
  if (!lesson || !options) return <Waiting />;
  const { total, meanForget } = lesson;
  return (
    <>
      <p class="hint">Only the last time step has a loss. How much of its gradient reaches the first?</p>
      <Range label="Forget gate bias" min={-2} max={5} value={forgetBias} onChange={setForgetBias} />
      <dl class="facts">
        <dt>mean of the forget gate</dt>
        <dd data-testid="mean-forget">{meanForget.toPrecision(3)}</dd>
        <dt>norm at the first step, compared with the last</dt>
        <dd>{(total[0]! / total.at(-1)!).toPrecision(2)}</dd>
      </dl>
      <Figure
        title="Norm of dL/dc over time, and its two parts"
        label="Norms by time step, on a logarithmic axis."
        options={options}
        height={240}
      >
        <Legend entries={LEGEND} />
      </Figure>
      <Result label="Norm at the first time step:" value={total[0]!} />
    </>
  );
}
