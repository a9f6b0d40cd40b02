import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import type { InitializationLesson, WeightChoice } from '../../engine/lessons/initialization.js';
import { GATE_COLORS, SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { useLesson } from '../useLesson.js';
import { byStep, Legend, line, type Points, Range, Result, Waiting } from './parts.js';

const TITLES: Readonly<Record<WeightChoice, string>> = {
  equal: 'all equal',
  small: 'too small',
  uniform: 'uniform, ±1/√H (the default)',
  orthogonal: 'orthogonal',
  large: 'too large',
};
const GATES = ['i', 'f', 'o'] as const;
const LEGEND = GATES.map((gate) => [gate, GATE_COLORS[gate]] as const);
const BINS = 20;

/** The share of the values in each of `BINS` bins from `low` to `high`, at the middle of the bin. */
function histogram(values: readonly number[], low: number, high: number): Points {
  const counts = new Array<number>(BINS).fill(0);
  for (const v of values) {
    counts[Math.min(BINS - 1, Math.max(0, Math.floor((BINS * (v - low)) / (high - low))))]!++;
  }
  return counts.map((count, k) => [low + ((k + 0.5) * (high - low)) / BINS, count / values.length] as const);
}

const weightsPlot = ({ weights }: InitializationLesson): Plot.PlotOptions => {
  const max = Math.max(...weights.map(Math.abs)) * 1.02;
  const bars = histogram(weights, -max, max);
  return {
    x: { label: 'weight' },
    y: { label: 'share', grid: true, tickFormat: '%' },
    marks: [
      Plot.rectY(bars as [number, number][], {
        x1: ([x]: Points[number]) => x - max / BINS,
        x2: ([x]: Points[number]) => x + max / BINS,
        y: ([, share]: Points[number]) => share,
        fill: SERIES[0],
        insetLeft: 0.5,
        insetRight: 0.5,
      }),
      Plot.ruleY([0]),
    ],
  };
};

const gatesPlot = ({ gates }: InitializationLesson): Plot.PlotOptions => ({
  x: { label: 'value of the gate', domain: [0, 1] },
  y: { label: 'share', grid: true, tickFormat: '%' },
  marks: [...GATES.map((gate) => line(histogram(gates[gate], 0, 1), GATE_COLORS[gate])), Plot.ruleY([0])],
});

const lengthsPlot = ({ lengths }: InitializationLesson): Plot.PlotOptions => ({
  x: { label: 'multiplications' },
  y: { label: 'length', type: 'log', grid: true, domain: [1e-12, 1e12], ticks: 5, tickFormat: '.0e' },
  marks: [line(byStep(lengths), SERIES[0]), Plot.ruleY([1], { strokeDasharray: '4 3' })],
});

const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;

function Choices(props: {
  choice: WeightChoice;
  forgetBias: number;
  onChoice: (choice: WeightChoice) => void;
  onForgetBias: (bias: number) => void;
}) {
  const { choice, forgetBias, onChoice, onForgetBias } = props;
  return (
    <div class="controls">
      <label class="inline">
        Weights{' '}
        <select value={choice} onChange={(event) => onChoice(event.currentTarget.value as WeightChoice)}>
          {Object.entries(TITLES).map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <Range label="Forget gate bias" min={-1} max={4} value={forgetBias} onChange={onForgetBias} />
    </div>
  );
}

const Summary = ({ lesson }: { lesson: InitializationLesson }) => (
  <dl class="facts">
    <dt>units that compute something different</dt>
    <dd data-testid="distinct">
      {lesson.distinctUnits} of {lesson.units}
    </dd>
    <dt>saturated gates (below 0.1 or above 0.9)</dt>
    <dd data-testid="saturated">{percent(lesson.saturated)}</dd>
    <dt>singular values of the recurrent weights</dt>
    <dd data-testid="singular">{lesson.singular.map((v) => Number(v.toPrecision(3))).join(' to ')}</dd>
  </dl>
);

export function Initialization() {
  const [choice, setChoice] = useState<WeightChoice>('uniform');
  const [forgetBias, setForgetBias] = useState(1);
  const lesson = useLesson('initialization', choice, forgetBias);
  const plots = useMemo(() => lesson && [weightsPlot(lesson), gatesPlot(lesson), lengthsPlot(lesson)], [lesson]);
  if (!lesson || !plots) return <Waiting />;
  const [weights, gates, lengths] = plots;
  return (
    <>
      <Choices choice={choice} forgetBias={forgetBias} onChoice={setChoice} onForgetBias={setForgetBias} />
      <Summary lesson={lesson} />
      <Figure title="Recurrent weights" label="A histogram." options={weights!} height={150} />
      <Figure title="Gates of the untrained layer, all steps" label="A histogram." options={gates!} height={170}>
        <Legend entries={LEGEND} />
      </Figure>
      <Result label="Mean of the forget gate:" value={lesson.meanForget} />
      <Figure
        title="Length of a vector, multiplied by the recurrent weights again and again"
        label={`The length after the last multiplication is ${lesson.lengths.at(-1)!.toPrecision(3)}.`}
        options={lengths!}
        height={170}
      />
    </>
  );
}
