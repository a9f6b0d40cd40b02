/** Ticks and labels of logarithmic axes. Observable Plot labels powers of ten only, and many axes have fewer than two of them. */
import { requireNumber } from '../checks.js';

/** Factors of the labeled values in each power of ten, from few to many. */
const FACTORS = [[1], [1, 3], [1, 2, 5], [1, 2, 3, 5, 7]];
/** Fewer labels than this do not show the scale of an axis. */
const MIN_TICKS = 3;

/** Powers of ten times the factors. */
function powers(low: number, high: number, factors: readonly number[], every = 1): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const exponents = Array.from({ length: last - first + 1 }, (_, i) => first + i).filter((k) => k % every === 0);
  return exponents
    .flatMap((k) => factors.map((factor) => Number(`${factor}e${k}`)))
    .filter((v) => v >= low && v <= high);
}

/** At least `MIN_TICKS` multiples of 1, 2 or 5 times a power of ten. */
function multiples(low: number, high: number): number[] {
  const rough = (high - low) / MIN_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5].findLast((factor) => factor * power <= rough)!;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/**
 * The values to label on a logarithmic axis: about `count` or fewer from `low` to `high`, evenly spread. An axis that does not begin
 * above 0 and end above its beginning gets one, `low`. Throws `INVALID_SETTING` unless all are finite numbers, `count` 1 to 1,000.
 */
export function logTicks(low: number, high: number, count: number): number[] {
  requireNumber('low', low, -Number.MAX_VALUE, Number.MAX_VALUE);
  requireNumber('high', high, -Number.MAX_VALUE, Number.MAX_VALUE);
  requireNumber('count', count, 1, 1000);
  if (!(low > 0 && high > low)) return [low];
  const decades = Math.log10(high / low);
  if (decades >= count) return powers(low, high, [1], Math.ceil(decades / count));
  const best = FACTORS.map((factors) => powers(low, high, factors)).findLast((ticks) => ticks.length <= count);
  return best && best.length >= MIN_TICKS ? best : multiples(low, high);
}

/** The label of a value on a logarithmic axis: `0.02`, `2,000`, `2e-5`. Throws `INVALID_SETTING` unless it is a finite number. */
export function logLabel(value: number): string {
  requireNumber('value', value, -Number.MAX_VALUE, Number.MAX_VALUE);
  if (value >= 1e-3 && value < 1e6) return value.toLocaleString('en', { maximumSignificantDigits: 4 });
  return String(Number(value.toPrecision(4)).toExponential()).replace('e+', 'e');
}

/** What Observable Plot calls for the values of the ticks, and the format of their labels. */
export interface LogAxis {
  readonly ticks: {
    readonly floor: (value: number) => number;
    readonly offset: (value: number) => number;
    readonly range: (low: number, high: number) => number[];
  };
  readonly tickFormat: (value: number) => string;
}

/** Options for a logarithmic axis of Observable Plot with about `count` labels. Throws `INVALID_SETTING` unless it is 1 to 1,000. */
export function logAxis(count: number): LogAxis {
  requireNumber('count', count, 1, 1000);
  const same = (value: number): number => value;
  return {
    ticks: { floor: same, offset: same, range: (low, high) => logTicks(low, high, count) },
    tickFormat: logLabel,
  };
}
