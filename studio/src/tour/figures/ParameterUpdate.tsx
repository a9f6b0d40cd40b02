import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import type { UpdateLesson } from '../../engine/lessons/parameter-update.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { useLesson } from '../useLesson.js';
import { Result, Waiting } from './parts.js';

const MAX_UPDATES = 60;

const plotOf = ({ points, learningRate }: UpdateLesson): Plot.PlotOptions => ({
  x: { label: 'gradient', grid: true },
  y: { label: 'change of the weight', grid: true, domain: [-2 * learningRate, 2 * learningRate] },
  marks: [
    Plot.ruleY([0]),
    Plot.ruleX([0]),
    Plot.ruleY([-learningRate, learningRate], { stroke: SERIES[1], strokeDasharray: '4 3' }),
    Plot.dot(points as [number, number][], { r: 1.5, fill: SERIES[2], fillOpacity: 0.7 }),
  ],
});

export function ParameterUpdate() {
  const [count, setCount] = useState(1);
  const lesson = useLesson('parameterUpdate', count);
  const options = useMemo(() => lesson && plotOf(lesson), [lesson]);
  if (!lesson || !options) return <Waiting />;
  const { update, learningRate, points, gradientNorm, loss } = lesson;
  const mean = points.reduce((sum, [, change]) => sum + Math.abs(change), 0) / points.length;
  return (
    <>
      <div class="controls">
        <button type="button" class="main" disabled={count >= MAX_UPDATES} onClick={() => setCount(count + 1)}>
          Next update
        </button>
        <button type="button" disabled={count + 10 > MAX_UPDATES} onClick={() => setCount(count + 10)}>
          Ten more
        </button>
        <button type="button" onClick={() => setCount(1)}>
          First update
        </button>
      </div>
      <dl class="facts">
        <dt>update</dt>
        <dd data-testid="lesson-update">{update}</dd>
        <dt>loss of the batch</dt>
        <dd>{loss.toPrecision(4)}</dd>
        <dt>norm of the gradient</dt>
        <dd>
          {gradientNorm.toPrecision(3)}
          {gradientNorm > 1 ? ', clipped to 1' : ', not clipped'}
        </dd>
      </dl>
      <Figure
        title={`Recurrent weights in update ${update} (dashed: ± the learning rate)`}
        label={`One point per weight. The mean absolute change is ${mean.toPrecision(2)}.`}
        options={options}
        height={260}
      />
      <Result label={`Mean absolute change with a learning rate of ${learningRate}:`} value={mean} />
    </>
  );
}
