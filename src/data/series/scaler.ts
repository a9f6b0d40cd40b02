/** Scalers: fitted on the rows of the training part, applied to all, inverted for predictions. */
import { isObject } from '../../checks.js';
import { invalidData } from '../../errors.js';
import type { ScaleKind } from './options.js';

/** A fitted scaler as plain data: scaled = (f(value) - offset) / factor, where f is the logarithm for `log`, else nothing. */
export interface Scaler {
  readonly kind: ScaleKind;
  readonly offset: number;
  readonly factor: number;
}

/** Fits a scaler on values of the training part; NaN is ignored. `what` names the column in an error. */
export function fitScaler(kind: ScaleKind, values: ArrayLike<number>, what: string): Scaler {
  const given = Array.from(values).filter((value) => !Number.isNaN(value));
  if (kind === 'none') return { kind, offset: 0, factor: 1 };
  if (given.length === 0) throw invalidData(what, 'has no value in the training part.', 'Give more rows.');
  if (kind === 'log') {
    const bad = given.find((value) => value <= 0);
    if (bad !== undefined) {
      throw invalidData(what, `has the value ${bad}; scale "log" needs positive values.`, 'Set scale to "standard".');
    }
  }
  const mapped = kind === 'log' ? given.map(Math.log) : given;
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

/** A value in the units of the model. The logarithm of a value that is not positive is NaN. */
export const scaled = ({ kind, offset, factor }: Scaler, value: number): number =>
  ((kind === 'log' ? (value > 0 ? Math.log(value) : Number.NaN) : value) - offset) / factor;

/** A value of the model in the units of the column. */
export const unscaled = ({ kind, offset, factor }: Scaler, value: number): number =>
  kind === 'log' ? Math.exp(value * factor + offset) : value * factor + offset;

/** Whether a value is a scaler, as JSON of a model file has it. */
export const isScaler = (value: unknown): value is Scaler =>
  isObject(value) &&
  ['standard', 'log', 'minMax', 'none'].includes(value.kind as string) &&
  Number.isFinite(value.offset) &&
  Number.isFinite(value.factor) &&
  (value.factor as number) > 0;
