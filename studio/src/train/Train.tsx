/** The training: play, one step, one epoch; curves, the gradient's norm, and what the model says by now. */
import * as Plot from '@observablehq/plot';
import { useMemo } from 'preact/hooks';
import { SetUp } from '../setup/SetUp.js';
import {
  advance,
  epoch,
  facts,
  gradientNorms,
  losses,
  pause,
  play,
  playing,
  reset,
  sample,
  setSpeed,
  speed,
  step,
  updatesPerSecond,
  validation,
} from '../state.js';
import { SERIES } from '../ui/colors.js';
import { Figure } from '../ui/Figure.js';

/** 0.01, 1e-5: no prefixes such as m for a thousandth. */
const shortFigure = (value: number): string => {
  const digits = Math.log10(value);
  if (Math.abs(digits - Math.round(digits)) > 1e-9) return '';
  return value < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(1)));
};

const SPEEDS = [1, 5, 25, Number.POSITIVE_INFINITY];

function Controls() {
  const ready = facts.value !== null;
  return (
    <fieldset class="controls" aria-label="Training">
      <button type="button" class="main" disabled={!ready} onClick={() => void (playing.value ? pause() : play())}>
        {playing.value ? 'Pause' : 'Play'}
      </button>
      <button type="button" disabled={!ready || playing.value} onClick={() => void advance('update')}>
        One step
      </button>
      <button type="button" disabled={!ready || playing.value} onClick={() => void advance('epoch')}>
        One epoch
      </button>
      <button type="button" disabled={!ready} onClick={() => void reset()}>
        Reset
      </button>
      <label class="inline">
        Speed{' '}
        <select value={String(speed.value)} onChange={(event) => setSpeed(Number(event.currentTarget.value))}>
          {SPEEDS.map((value) => (
            <option key={value} value={String(value)}>
              {Number.isFinite(value) ? `${value} a second` : 'as fast as it goes'}
            </option>
          ))}
        </select>
      </label>
    </fieldset>
  );
}

/** Of a task of one number: what was wanted at each step of a held-out sequence, and what the model says by now. */
function Forecast() {
  const steps = sample.value?.forecast ?? [];
  const options = useMemo<Plot.PlotOptions>(() => {
    const points = (of: 'wanted' | 'said') => steps.map((one) => [one.step, one[of]] as [number, number]);
    return {
      x: { label: 'step' },
      y: { label: 'value', grid: true },
      marks: [
        Plot.line(points('wanted'), { stroke: SERIES[1], strokeWidth: 2 }),
        Plot.line(points('said'), { stroke: SERIES[0], strokeWidth: 2 }),
        Plot.dot(points('said'), { fill: SERIES[0], r: 2 }),
      ],
    };
  }, [steps]);
  if (steps.length < 2) return null;
  return (
    <Figure
      title="Forecast"
      label="A held-out sequence, step by step: what was wanted and what the model says."
      options={options}
      height={200}
      data={() => ({
        columns: ['step', 'wanted', 'said'],
        rows: steps.map(({ step, wanted, said }) => [step, wanted, said]),
      })}
    >
      <p class="key">
        <i style={{ background: SERIES[1] }} /> wanted <i style={{ background: SERIES[0] }} /> said
      </p>
    </Figure>
  );
}

export function Train() {
  const unit = facts.value?.unit === 'bits' ? 'bits per character' : 'loss';
  const [train, held] = [losses.value, validation.value];
  const norms = gradientNorms.value;
  const curves = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: {
        label: unit,
        grid: true,
        nice: true,
        type: unit === 'loss' ? 'log' : 'linear',
        tickFormat: unit === 'loss' ? shortFigure : undefined,
      },
      marks: [
        Plot.line(train as [number, number][], { stroke: SERIES[0], strokeOpacity: 0.9, strokeWidth: 1.3 }),
        Plot.line(held as [number, number][], { stroke: SERIES[1], strokeWidth: 2 }),
        Plot.dot(held as [number, number][], { fill: SERIES[1], r: 2.5 }),
      ],
    }),
    [train, held, unit],
  );
  const sizes = useMemo<Plot.PlotOptions>(
    () => ({
      x: { label: 'update' },
      y: { label: 'norm', type: 'log', grid: true, tickFormat: shortFigure },
      marks: [Plot.line(norms.filter(([, v]) => v > 0) as [number, number][], { stroke: SERIES[2], strokeWidth: 1.3 })],
    }),
    [norms],
  );
  return (
    <div class="columns">
      <SetUp />
      <section class="stage" aria-label="Training">
        <Controls />
        <p class="counts" aria-live="off">
          <span>
            update <b data-testid="step">{step.value.toLocaleString('en')}</b>
          </span>
          <span>
            epoch <b>{epoch.value}</b>
          </span>
          <span>
            loss <b data-testid="loss">{train.at(-1)?.[1].toPrecision(4) ?? '–'}</b>
          </span>
          <span>
            held out <b data-testid="held-out">{held.at(-1)?.[1].toPrecision(4) ?? '–'}</b>
          </span>
          <span>
            <b>{playing.value ? Math.round(updatesPerSecond.value) : 0}</b> updates a second
          </span>
        </p>
        <Figure
          title="Loss"
          label={`Training loss and held-out loss by update, in ${unit}. The last: ${train.at(-1)?.[1].toPrecision(3) ?? 'none yet'}.`}
          options={curves}
          height={300}
          data={() => ({ columns: ['update', 'loss'], rows: train })}
        >
          <p class="key">
            <i style={{ background: SERIES[0] }} /> batch <i style={{ background: SERIES[1] }} /> held out
          </p>
        </Figure>
        <Figure
          title="Norm of the gradient, before clipping"
          label="Norm of the gradient by update, on a logarithmic axis."
          options={sizes}
          height={180}
          data={() => ({ columns: ['update', 'norm'], rows: norms })}
        />
        <h2>{facts.value?.readsText ? 'What it writes' : 'What it says to a held-out sequence'}</h2>
        <pre class="sample" data-testid="sample">
          {sample.value?.text || 'Nothing yet: let it train.'}
        </pre>
        <Forecast />
      </section>
    </div>
  );
}
