/** The loss, the norm of the gradient, and the forecast of a validation sequence. */
import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { type Bucket, type Curve, middleOf } from '../curve.js';
import type { Sample } from '../engine/api.js';
import { gradientNormCurve, lossCurve, sample, session, validationCurve } from '../state.js';
import { SERIES } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';
import type { CsvTable } from '../ui/files.js';

/** Validations that are drawn as dots; more are drawn as a line only. */
const MAX_DOTS = 80;
/** Up to so many points are drawn as dots too: a line through one point is invisible. */
const MAX_POINT_DOTS = 30;
const MIN_UPDATES = 10;
/** Share of the targets' range above and below it. */
const FORECAST_MARGIN = 0.2;
const EMPTY = 'Nothing yet: press Play.';

type Points = [number, number][];

const pointsOf = (buckets: readonly Bucket[]): Points => buckets.map((bucket) => [middleOf(bucket), bucket.mean]);

/** The mean of each bucket, in front of the range of its points. */
const bandAndMean = (buckets: readonly Bucket[], stroke: string): Plot.Markish[] => [
  Plot.areaY(buckets, { x: middleOf, y1: 'min', y2: 'max', fill: stroke, fillOpacity: 0.25 }),
  Plot.line(pointsOf(buckets), { stroke, strokeWidth: 1.3 }),
  Plot.dot(buckets.length > MAX_POINT_DOTS ? [] : pointsOf(buckets), { fill: stroke, r: 1.8 }),
];

const positive = (buckets: readonly Bucket[]): readonly Bucket[] => buckets.filter(({ min }) => min > 0);

/** From 0 to the last update, so that the first points are at the left. */
const updateAxis = ({ last }: Curve) => ({ label: 'update', domain: [0, Math.max(MIN_UPDATES, last?.[0] ?? 0)] });

/** The columns of a curve in a CSV file. */
const tableOf = (name: string, { buckets }: Curve): CsvTable => ({
  columns: ['first update', 'last update', `mean ${name}`, 'lowest', 'highest'],
  rows: buckets.map(({ first, last, mean, min, max }) => [first, last, mean, min, max]),
});

/** What a curve with more than one update per bucket shows. */
const Thinned = ({ width }: Curve) =>
  width > 1 ? <span>line: mean of {width} updates; shaded: lowest to highest</span> : null;

export function LossChart() {
  const inBits = session.value?.lossUnit === 'bits';
  const [training, checks] = [lossCurve.value, validationCurve.value];
  const label = inBits ? 'bits per character' : 'loss';
  const options = useMemo<Plot.PlotOptions>(() => {
    const validationPoints = pointsOf(checks.buckets);
    return {
      x: updateAxis(training),
      y: { label, grid: true, ...(inBits ? { nice: true } : { type: 'log' }) },
      marks: [
        ...bandAndMean(inBits ? training.buckets : positive(training.buckets), SERIES[0]),
        Plot.line(validationPoints, { stroke: SERIES[1], strokeWidth: 2 }),
        Plot.dot(validationPoints.length > MAX_DOTS ? [] : validationPoints, { fill: SERIES[1], r: 2.5 }),
      ],
    };
  }, [training, checks, inBits]);
  const last = training.last?.[1].toPrecision(3) ?? 'none';
  return (
    <Figure
      title="Loss"
      label={`Training loss and validation loss by update, in ${label}. Last training loss: ${last}.`}
      options={options}
      height={300}
      empty={training.count === 0 ? EMPTY : null}
      data={() => tableOf('loss', training)}
    >
      <p class="key">
        <i style={{ background: SERIES[0] }} /> training <i style={{ background: SERIES[1] }} /> validation{' '}
        <Thinned {...training} />
      </p>
    </Figure>
  );
}

export function GradientNormChart() {
  const norms = gradientNormCurve.value;
  const options = useMemo<Plot.PlotOptions>(
    () => ({
      x: updateAxis(norms),
      y: { label: 'norm', type: 'log', grid: true },
      marks: bandAndMean(positive(norms.buckets), SERIES[2]),
    }),
    [norms],
  );
  return (
    <Figure
      title="Gradient norm before clipping"
      label="Norm of the gradient by update, on a logarithmic axis."
      options={options}
      height={180}
      empty={norms.count === 0 ? EMPTY : null}
      data={() => tableOf('norm', norms)}
    />
  );
}

/** The targets' range, with a margin: the axis does not move while the predictions approach them. */
function targetRange(targets: readonly number[]): [number, number] {
  const [low, high] = [Math.min(...targets), Math.max(...targets)];
  const margin = FORECAST_MARGIN * (high - low || 1);
  return [low - margin, high + margin];
}

/** Whether a sample has a chart: that of a model with one output, for a sequence with several targets. */
export const isDrawn = (one: Sample | null): boolean => (one?.forecast.length ?? 0) > 1;

/** Targets and predictions, by time step. */
export function ForecastChart() {
  const forecast = sample.value?.forecast ?? [];
  const name = session.value?.outputNames[0] ?? 'value';
  const options = useMemo<Plot.PlotOptions>(() => {
    const points = (key: 'target' | 'prediction'): Points => forecast.map((one) => [one.step, one[key]]);
    return {
      x: { label: 'time step' },
      y: { label: name, grid: true, domain: targetRange(forecast.map(({ target }) => target)) },
      marks: [
        Plot.line(points('target'), { stroke: SERIES[1], strokeWidth: 2, clip: true }),
        Plot.line(points('prediction'), { stroke: SERIES[0], strokeWidth: 2, clip: true }),
        Plot.dot(points('prediction'), { fill: SERIES[0], r: 2, clip: true }),
      ],
    };
  }, [forecast, name]);
  return (
    <Figure
      title="Predictions for a validation sequence"
      label="Targets and predictions for a validation sequence, by time step."
      options={options}
      height={200}
      data={() => ({
        columns: ['step', 'target', 'prediction'],
        rows: forecast.map(({ step, target, prediction }) => [step, target, prediction]),
      })}
    >
      <p class="key">
        <i style={{ background: SERIES[1] }} /> target <i style={{ background: SERIES[0] }} /> prediction{' '}
        <span class="figures">after update {sample.value?.update.toLocaleString('en')}</span>
      </p>
    </Figure>
  );
}
