/** The loss, the norm of the gradient, and the forecast of a validation sequence. */
import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { gradientNorms, losses, sample, session, validation } from '../state.js';
import { SERIES } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';

type Points = [number, number][];

/** Labels for powers of ten only: 0.01, 1e-5. */
function powerOfTen(value: number): string {
  const exponent = Math.log10(value);
  if (Math.abs(exponent - Math.round(exponent)) > 1e-9) return '';
  return value < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(1)));
}

export function LossChart() {
  const inBits = session.value?.lossUnit === 'bits';
  const [trainingPoints, validationPoints] = [losses.value, validation.value];
  const label = inBits ? 'bits per character' : 'loss';
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: {
        label,
        grid: true,
        nice: true,
        type: inBits ? 'linear' : 'log',
        tickFormat: inBits ? undefined : powerOfTen,
      },
      marks: [
        Plot.line(trainingPoints as Points, { stroke: SERIES[0], strokeOpacity: 0.9, strokeWidth: 1.3 }),
        Plot.line(validationPoints as Points, { stroke: SERIES[1], strokeWidth: 2 }),
        Plot.dot(validationPoints as Points, { fill: SERIES[1], r: 2.5 }),
      ],
    }),
    [trainingPoints, validationPoints, inBits],
  );
  const last = trainingPoints.at(-1)?.[1].toPrecision(3) ?? 'none';
  return (
    <Figure
      title="Loss"
      label={`Training loss and validation loss by update, in ${label}. Last training loss: ${last}.`}
      options={options}
      height={300}
      data={() => ({ columns: ['update', 'loss'], rows: trainingPoints })}
    >
      <p class="key">
        <i style={{ background: SERIES[0] }} /> training <i style={{ background: SERIES[1] }} /> validation
      </p>
    </Figure>
  );
}

export function GradientNormChart() {
  const norms = gradientNorms.value;
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: { label: 'norm', type: 'log', grid: true, tickFormat: powerOfTen },
      marks: [Plot.line(norms.filter(([, v]) => v > 0) as Points, { stroke: SERIES[2], strokeWidth: 1.3 })],
    }),
    [norms],
  );
  return (
    <Figure
      title="Gradient norm before clipping"
      label="Norm of the gradient by update, on a logarithmic axis."
      options={options}
      height={180}
      data={() => ({ columns: ['update', 'norm'], rows: norms })}
    />
  );
}

/** Targets and predictions of a model with one output; nothing for other models. */
export function ForecastChart() {
  const forecast = sample.value?.forecast ?? [];
  const options = useMemo<Plot.PlotOptions>(() => {
    const points = (key: 'target' | 'prediction'): Points => forecast.map((one) => [one.step, one[key]]);
    return {
      x: { label: 'time step' },
      y: { label: 'value', grid: true },
      marks: [
        Plot.line(points('target'), { stroke: SERIES[1], strokeWidth: 2 }),
        Plot.line(points('prediction'), { stroke: SERIES[0], strokeWidth: 2 }),
        Plot.dot(points('prediction'), { fill: SERIES[0], r: 2 }),
      ],
    };
  }, [forecast]);
  if (forecast.length < 2) return null;
  return (
    <Figure
      title="Forecast"
      label="Targets and predictions for a validation sequence, by time step."
      options={options}
      height={200}
      data={() => ({
        columns: ['step', 'target', 'prediction'],
        rows: forecast.map(({ step, target, prediction }) => [step, target, prediction]),
      })}
    >
      <p class="key">
        <i style={{ background: SERIES[1] }} /> target <i style={{ background: SERIES[0] }} /> prediction
      </p>
    </Figure>
  );
}
