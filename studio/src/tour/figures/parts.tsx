/** What the tour's figures share. */
import * as Plot from '@observablehq/plot';
import type { Grid } from 'unspool/inspect';

type Marks = NonNullable<Plot.PlotOptions['marks']>;
export type Points = readonly (readonly [number, number])[];

export const line = (points: Points, stroke: string, dash = ''): Marks[number] =>
  Plot.line(points as [number, number][], { stroke, strokeWidth: 2, strokeDasharray: dash });

export const byStep = (values: ArrayLike<number>): Points => Array.from(values, (v, t) => [t, v] as const);

/** Column `j` of a grid, over the time steps. */
export const column = ({ rows, cols, data }: Grid, j: number): number[] =>
  Array.from({ length: rows }, (_, t) => data[t * cols + j]!);

/** The name of the first recurrent weight matrix. */
export const recurrentWeights = (parameters: object): string =>
  Object.keys(parameters).find((name) => name.includes('weight_hh'))!;

export const Legend = ({ entries }: { entries: readonly (readonly [name: string, color: string])[] }) => (
  <p class="key">
    {entries.map(([name, color]) => (
      <span key={name}>
        <i style={{ background: color }} /> {name}
      </span>
    ))}
  </p>
);

/** Below this size, numbers are written with an exponent. */
const SMALL = 1e-3;
const format = (value: number): string =>
  value !== 0 && Math.abs(value) < SMALL
    ? value.toExponential(2)
    : value.toLocaleString('en', { maximumSignificantDigits: 5 });

/** The figure's main number. Tests read it from `data-value`. */
export const Result = ({ label, value }: { label: string; value: number }) => (
  <p class="hint">
    {label}{' '}
    <b data-testid="result" data-value={value}>
      {format(value)}
    </b>
  </p>
);

export const Waiting = () => <p class="waiting">Computing…</p>;

interface RangeProps {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

export const Range = ({ label, min, max, value, onChange }: RangeProps) => (
  <label class="inline">
    {label}{' '}
    <input
      type="range"
      min={min}
      max={max}
      value={value}
      onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
    />{' '}
    {value}
  </label>
);
