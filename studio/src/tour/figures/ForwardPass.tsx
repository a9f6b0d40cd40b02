import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import type { ForwardLesson } from '../../engine/lessons/forward-pass.js';
import { GATE_COLORS } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { useLesson } from '../useLesson.js';
import { byStep, Legend, line, Range, Result, Waiting } from './parts.js';

const LEGEND = [
  ['i', GATE_COLORS.i],
  ['f', GATE_COLORS.f],
  ['o', GATE_COLORS.o],
  ['c (solid), h (dashed)', 'currentColor'],
] as const;

function plotOf({ inputs, units }: ForwardLesson, j: number): Plot.PlotOptions {
  const { i, f, o, c, h } = units[j]!;
  const ones = inputs.flatMap((bit, t) => (bit === 1 ? [t] : []));
  return {
    x: { label: 'time step' },
    y: { label: 'value', grid: true },
    marks: [
      Plot.ruleX(ones, { strokeOpacity: 0.25, strokeWidth: 6 }),
      line(byStep(i), GATE_COLORS.i),
      line(byStep(f), GATE_COLORS.f),
      line(byStep(o), GATE_COLORS.o),
      line(byStep(c), 'currentColor'),
      line(byStep(h), 'currentColor', '4 3'),
    ],
  };
}

export function ForwardPass() {
  const lesson = useLesson('forwardPass');
  const [chosen, setChosen] = useState<number | null>(null);
  const unit = chosen ?? lesson?.counter ?? 0;
  const options = useMemo(() => lesson && plotOf(lesson, unit), [lesson, unit]);
  if (!lesson || !options) return <Waiting />;
  return (
    <>
      <p class="hint">
        This layer was trained to count the ones in its input: <code>{lesson.inputs.join(' ')}</code>. Unit{' '}
        {lesson.counter} counts: its c moves at each one, and keeps its value in between.
      </p>
      <Range label="Unit" min={0} max={lesson.units.length - 1} value={unit} onChange={setChosen} />
      <Figure
        title={`Unit ${unit} over time (gray: the input is 1)`}
        label="The unit's gates, cell state and output at each time step."
        options={options}
        height={240}
      >
        <Legend entries={LEGEND} />
      </Figure>
      <Result label="Cell state after the last time step:" value={lesson.units[unit]!.c.at(-1)!} />
    </>
  );
}
