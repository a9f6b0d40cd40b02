/** Ticks and labels of logarithmic axes. Observable Plot labels powers of ten only, and many axes have fewer than two of them. */

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

/** At most about `count` values from `low` to `high`, evenly spread over a logarithmic axis. */
export function logTicks(low: number, high: number, count: number): number[] {
  if (!(low > 0 && high > low)) return [low];
  const decades = Math.log10(high / low);
  if (decades >= count) return powers(low, high, [1], Math.ceil(decades / count));
  const best = FACTORS.map((factors) => powers(low, high, factors)).findLast((ticks) => ticks.length <= count);
  return best && best.length >= MIN_TICKS ? best : multiples(low, high);
}

/** 0.02, 2,000, 2e-5. */
export function logLabel(value: number): string {
  if (value >= 1e-3 && value < 1e6) return value.toLocaleString('en', { maximumSignificantDigits: 4 });
  return String(Number(value.toPrecision(4)).toExponential()).replace('e+', 'e');
}

/** Options for an axis of Observable Plot with about `count` labels. Plot calls `range` of an interval for the values of its ticks. */
export const logAxis = (count: number) => ({
  ticks: {
    floor: (v: number) => v,
    offset: (v: number) => v,
    range: (low: number, high: number) => logTicks(low, high, count),
  },
  tickFormat: logLabel,
});
