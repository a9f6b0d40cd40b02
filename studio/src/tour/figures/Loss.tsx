import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import type { LossLesson } from '../../engine/lessons/loss.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { useLesson } from '../useLesson.js';
import { Result, Waiting } from './parts.js';

/** Updates before the losses are measured. */
const UPDATES = [0, 30, 100, 200];

const plotOf = ({ losses, targets, classes, mean }: LossLesson): Plot.PlotOptions => ({
  x: { label: 'target', type: 'band', domain: losses.map((_, t) => t), tickFormat: (t: number) => targets[t]! },
  y: { label: 'loss in nats', grid: true, domain: [0, Math.max(Math.log(classes), ...losses) * 1.05] },
  marks: [
    Plot.barY(losses as number[], { x: (_: number, t: number) => t, y: (v: number) => v, fill: SERIES[1] }),
    Plot.ruleY([mean], { strokeDasharray: '4 3' }),
    Plot.ruleY([Math.log(classes)], { stroke: SERIES[0], strokeWidth: 2 }),
    Plot.ruleY([0]),
  ],
});

export function Loss() {
  const [updates, setUpdates] = useState(UPDATES[1]!);
  const lesson = useLesson('loss', updates);
  const options = useMemo(() => lesson && plotOf(lesson), [lesson]);
  if (!lesson || !options) return <Waiting />;
  const best = lesson.losses.indexOf(Math.min(...lesson.losses));
  return (
    <>
      <fieldset class="controls" aria-label="Updates before the measurement">
        {UPDATES.map((count) => (
          <button key={count} type="button" aria-pressed={count === updates} onClick={() => setUpdates(count)}>
            {count === 0 ? 'untrained' : `${count} updates`}
          </button>
        ))}
      </fieldset>
      <Figure
        title="Loss per time step (dashed: the mean; blue: a random guess, ln V)"
        label={`The mean loss is ${lesson.mean.toPrecision(4)}; a random guess has ${Math.log(lesson.classes).toPrecision(4)}.`}
        options={options}
        height={230}
      />
      <p class="hint">
        Smallest loss: the target <code>{lesson.targets[best]}</code> after <code>{lesson.inputs[best]}</code> had a
        probability of {lesson.probabilities[best]!.toPrecision(3)}, and −ln{' '}
        {lesson.probabilities[best]!.toPrecision(3)} = {lesson.losses[best]!.toPrecision(3)}.
      </p>
      <Result
        label={`Mean loss; a random guess among ${lesson.classes} classes has ${Math.log(lesson.classes).toPrecision(4)}:`}
        value={lesson.mean}
      />
    </>
  );
}
