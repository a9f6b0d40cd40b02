/** Scalers: fitted on the rows of the training part, applied to all, inverted for predictions. */
import { isObject } from '../../checks.js';
import { invalidData } from '../../errors.js';
import { SCALES, type ScaleKind } from './options.js';

/** A fitted scaler as plain data: scaled = (f(value) - offset) / factor, where f is the square root or the logarithm, or nothing. */
export interface Scaler {
  readonly kind: ScaleKind;
  readonly offset: number;
  readonly factor: number;
}

/** What is done to a value before it is scaled; NaN for one that is not possible. */
const mappedBy = (kind: ScaleKind, value: number): number => {
  if (kind === 'log') return value > 0 ? Math.log(value) : Number.NaN;
  return kind === 'sqrt' ? Math.sqrt(value) : value;
};

/** Fits a scaler on values of the training part; NaN is ignored. `what` names the column in an error. */
export function fitScaler(kind: ScaleKind, values: ArrayLike<number>, what: string): Scaler {
  const given = Array.from(values).filter((value) => !Number.isNaN(value));
  if (kind === 'none') return { kind, offset: 0, factor: 1 };
  if (given.length === 0) throw invalidData(what, 'has no value in the training part.', 'Give more rows.');
  const mapped = given.map((value) => mappedBy(kind, value));
  const bad = mapped.findIndex(Number.isNaN);
  if (bad >= 0) {
    const needed = kind === 'log' ? 'positive values' : 'values of at least 0';
    throw invalidData(
      what,
      `has the value ${given[bad]}; scale "${kind}" needs ${needed}.`,
      'Set scale to "standard".',
    );
  }
  if (kind === 'minMax') {
    const [min, max] = mapped.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity] as [
      number,
      number,
    ]);
    return { kind, offset: min, factor: max - min || 1 };
  }
  const mean = mapped.reduce((sum, value) => sum + value, 0) / mapped.length;
  const variance = mapped.reduce((sum, value) => sum + (value - mean) ** 2, 0) / mapped.length;
  const std = Math.sqrt(variance);
  const isConstant = std <= 1e-12 * Math.abs(mean);
  return { kind, offset: mean, factor: isConstant ? 1 : std };
}

/** A value in the units of the model; NaN for one that has no square root or logarithm. */
export const scaled = ({ kind, offset, factor }: Scaler, value: number): number =>
  (mappedBy(kind, value) - offset) / factor;

/** A value of the model in the units of the column. */
export function unscaled({ kind, offset, factor }: Scaler, value: number): number {
  const mapped = value * factor + offset;
  if (kind === 'log') return Math.exp(mapped);
  return kind === 'sqrt' ? Math.max(0, mapped) ** 2 : mapped; // a root is at least 0
}

/** Whether a value is a scaler, as JSON of a model file has it. */
export const isScaler = (value: unknown): value is Scaler =>
  isObject(value) &&
  SCALES.includes(value.kind as ScaleKind) &&
  Number.isFinite(value.offset) &&
  Number.isFinite(value.factor) &&
  (value.factor as number) > 0;
