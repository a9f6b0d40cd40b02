import * as Plot from '@observablehq/plot';
import { useMemo, useState } from 'preact/hooks';
import type { DataLesson, StreamPart } from '../../engine/lessons/data-preparation.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { useLesson } from '../useLesson.js';
import { byStep, Legend, line, Range, Result, Waiting } from './parts.js';

const LEGEND = [
  ['training', SERIES[0]],
  ['validation', SERIES[1]],
] as const;

/** The text of each stream; the characters of the selected batch are marked. */
const Streams = ({ streams, steps, batch }: { streams: DataLesson['streams']; steps: number; batch: number }) => (
  <dl class="streams">
    {streams.map((characters, n) => (
      <div key={n}>
        <dt>stream {n}</dt>
        <dd>
          <code>
            {characters.slice(0, batch * steps).join('')}
            <mark>{characters.slice(batch * steps, (batch + 1) * steps).join('')}</mark>
            {characters.slice((batch + 1) * steps).join('')}
          </code>
        </dd>
      </div>
    ))}
  </dl>
);

const Row = ({ title, cells, part }: { title: string; cells: readonly (string | number)[]; part: string }) => (
  <tr data-row={part}>
    <th scope="row">{title}</th>
    {cells.map((cell, t) => (
      <td key={`${t}-${cell}`}>{cell}</td>
    ))}
  </tr>
);

const BatchTable = ({ parts, steps }: { parts: readonly StreamPart[]; steps: number }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: the table scrolls sideways, which must work with the keyboard
  <div class="wide" tabIndex={0}>
    <table class="batch">
      <thead>
        <tr>
          <th scope="col">time step</th>
          {Array.from({ length: steps }, (_, t) => (
            <th key={t} scope="col">
              {t}
            </th>
          ))}
        </tr>
      </thead>
      {parts.map(({ inputs, tokens, targets }, n) => (
        <tbody key={n}>
          <Row title={`stream ${n}: input`} cells={inputs} part="input" />
          <Row title="token" cells={tokens} part="token" />
          <Row title="target" cells={targets} part="target" />
        </tbody>
      ))}
    </table>
  </div>
);

function Measurements({ measurements }: Pick<DataLesson, 'measurements'>) {
  const { values, standardized, cut, mean, std } = measurements;
  const [before, after] = useMemo(() => {
    const plotOf = (points: readonly number[], label: string, center: number): Plot.PlotOptions => ({
      x: { label: 'time step' },
      y: { label, grid: true, ticks: 4 },
      marks: [
        Plot.ruleY([center], { strokeDasharray: '4 3' }),
        line(byStep(points).slice(0, cut), SERIES[0]),
        line(byStep(points).slice(cut - 1), SERIES[1]),
      ],
    });
    return [plotOf(values, '°C', mean), plotOf(standardized, 'standard deviations', 0)];
  }, [measurements]);
  const label = `Mean ${mean.toFixed(2)} and standard deviation ${std.toFixed(2)} of the training data.`;
  return (
    <>
      <Figure title="Temperatures (dashed: the training mean)" label={label} options={before} height={180}>
        <Legend entries={LEGEND} />
      </Figure>
      <Figure title="The same, standardized" label="Mean 0 and standard deviation 1." options={after} height={180} />
      <p class="hint">
        Training data: mean <b>{mean.toFixed(2)} °C</b>, standard deviation <b>{std.toFixed(2)} °C</b>. Standardized,
        they are 0 and 1. The validation data are shifted and scaled by the same two numbers.
      </p>
    </>
  );
}

export function DataPreparation() {
  const data = useLesson('dataPreparation');
  const [batch, setBatch] = useState(0);
  if (!data) return <Waiting />;
  const { batches, streams, steps, vocabulary, measurements } = data;
  return (
    <>
      <h3>A text, in {streams.length} streams</h3>
      <Streams streams={streams} steps={steps} batch={batch} />
      <Range label="Batch" min={0} max={batches.length - 1} value={batch} onChange={setBatch} />
      <BatchTable parts={batches[batch]!} steps={steps} />
      <p class="hint">
        The last target of each stream is its first input in the next batch. Tokens are the positions in the sorted list
        of characters, from 0: <code>{vocabulary.join('')}</code>
      </p>
      <Result label="Distinct characters:" value={vocabulary.length} />
      <h3>Measurements</h3>
      <Measurements measurements={measurements} />
    </>
  );
}
