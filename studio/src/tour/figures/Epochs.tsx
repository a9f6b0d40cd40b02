import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { advance } from '../../actions.js';
import { losses, playing, session, update, validation } from '../../state.js';
import { SERIES } from '../../ui/colors.js';
import { Figure } from '../../ui/Figure.js';
import { Legend, line, Result } from './parts.js';

const LEGEND = [
  ['training', SERIES[0]],
  ['validation', SERIES[1]],
] as const;

export function Epochs() {
  const [trainingPoints, validationPoints] = [losses.value, validation.value];
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: { label: session.value!.lossUnit, grid: true },
      marks: [
        line(trainingPoints, SERIES[0]),
        line(validationPoints, SERIES[1]),
        Plot.dot(validationPoints as [number, number][], { fill: SERIES[1], r: 3 }),
      ],
    }),
    [trainingPoints, validationPoints],
  );
  return (
    <>
      <button type="button" class="main" disabled={playing.value} onClick={() => void advance('epoch')}>
        One epoch
      </button>
      <Figure title="Loss" label="Training loss and validation loss by update." options={options} height={220}>
        <Legend entries={LEGEND} />
      </Figure>
      <Result label="Updates so far:" value={update.value} />
    </>
  );
}
