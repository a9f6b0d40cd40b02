/** What units track: the features of a text that their values follow, beyond what chance explains. */
import { requireInteger, requireNumber, requireOptions, shown } from '../checks.js';
import { invalidData } from '../errors.js';
import { requireGrids } from './checks.js';
import { type Grid, requireNumbers, requireObject } from './grid.js';
import { type AtShifts, ShiftTest, stepDownPValues } from './shift-test.js';
import type { Feature } from './text-features.js';

/** A unit and the feature that it follows most closely. */
export interface UnitCorrelation {
  /** The name of the layer. */
  readonly layer: string;
  /** The index of the unit in its layer. */
  readonly unit: number;
  /** The name of the feature. */
  readonly feature: string;
  /** The partial correlation of unit and feature, given the position in the sequence (1, t and t^2); -1 to 1. */
  readonly correlation: number;
  /** How many events of the feature the sequence has. */
  readonly support: number;
  /** What the events are, as in `sentence ends`. */
  readonly event: string;
  /** How often chance gives a correlation like this one in any unit and feature: the p-value, corrected for their number. */
  readonly pValue: number;
}

/** Whether a feature was tested, and on how many events. */
export interface FeatureSupport {
  readonly feature: string;
  readonly event: string;
  /** The number of events in the sequence. */
  readonly support: number;
  /** `constant`: the position in the sequence explains the feature. */
  readonly status: 'tested' | 'too few events' | 'too few steps' | 'constant';
  /** How many steps like these have enough events; null if that cannot be estimated, because there are none. */
  readonly stepsNeeded: number | null;
}

/** The result of `unitCorrelations`. */
export interface UnitCorrelations {
  /** The units that follow a feature, by the size of the correlation. Empty if chance explains all correlations. */
  readonly findings: readonly UnitCorrelation[];
  readonly features: readonly FeatureSupport[];
  /** The number of steps that were compared: those given, without the last few. */
  readonly steps: number;
  /** The number of shifts that the p-values come from; the smallest possible p-value is 1 / shifts. */
  readonly shifts: number;
  /** The fewest steps with which a correlation can be found. */
  readonly minSteps: number;
  /** The correlation that a unit needs with these data to become a finding, for the median pair; null without a test. */
  readonly detectable: number | null;
}

/** Options of `unitCorrelations`. */
export interface UnitCorrelationOptions {
  /** The largest p-value of a finding, which is the share of unrelated data that has any findings. Default 0.01. */
  readonly significance?: number;
  /** The fewest events of a feature that is tested. Default 20. */
  readonly minEvents?: number;
}

/** A shift must move the features by at least this many steps. */
const MIN_SHIFT = 16;
const MAX_SHIFTS = 512;

/** The largest power of two that is at most `limit`. */
const powerOfTwo = (limit: number): number => 2 ** Math.floor(Math.log2(limit));

/**
 * Finds the features that units follow, of all units and features whose correlation chance does not explain. It compares partial
 * correlations, given the position in the sequence, with those after up to 512 circular shifts of the features, relative to
 * their root mean square over the shifts. The p-values hold for all units and features together (Westfall & Young 1993). The
 * sequence needs 2048 steps at the default significance. Units and features that are constant are left out. The result is
 * deterministic. Throws `INVALID_DATA` for grids of different lengths and for features that are shorter.
 *
 * @param values the values of the units by layer, each [T, units]; for example what `cellStates` returns, or `{ lstm: layer.h }`.
 * @param features what they are compared with, such as `textFeatures(text)`.
 */
export function unitCorrelations(
  values: Readonly<Record<string, Grid>>,
  features: readonly Feature[],
  options: UnitCorrelationOptions = {},
): UnitCorrelations {
  requireOptions('options', options ?? null, ['significance', 'minEvents']);
  const { significance = 0.01, minEvents = 20 } = options;
  requireNumber('significance', significance, 1 / MAX_SHIFTS, 1);
  requireInteger('minEvents', minEvents, 1, Number.MAX_SAFE_INTEGER);
  const given = requireSameRows(values);
  requireFeatures(features, given);
  const shifts = given < MIN_SHIFT ? 0 : Math.min(MAX_SHIFTS, powerOfTwo(given / MIN_SHIFT));
  const steps = shifts === 0 ? 0 : given - (given % shifts);
  const isLongEnough = shifts * significance >= 1;
  const minSteps = MIN_SHIFT * 2 ** Math.ceil(Math.log2(1 / significance));
  const supports = features.map((feature) => supportOf(feature, given, minEvents, isLongEnough));
  const chosen = features.filter((_, f) => supports[f]!.status === 'tested');
  const test =
    chosen.length > 0
      ? new ShiftTest(
          chosen.map((feature) => column(feature.values, 1, 0, steps)),
          shifts,
        )
      : null;
  const varying = new Set(chosen.filter((_, f) => test!.varies[f]));
  const statuses = supports.map((one, f) =>
    one.status === 'tested' && !varying.has(features[f]!) ? ({ ...one, status: 'constant' } as const) : one,
  );
  const pairs = test === null ? [] : pairsOf(values, test, chosen);
  const p = stepDownPValues(pairs.map(({ statistic }) => statistic));
  const support = new Map(statuses.map((one) => [one.feature, one]));
  const findings = pairs.flatMap(({ layer, unit, feature, correlation }, i) => {
    const { support: count, event } = support.get(feature)!;
    return p[i]! <= significance ? [{ layer, unit, feature, correlation, support: count, event, pValue: p[i]! }] : [];
  });
  return {
    findings: bestOfUnits(findings),
    features: statuses,
    ...{ steps, shifts, minSteps },
    detectable: detectable(pairs, shifts, significance),
  };
}

/** A unit and a feature, with the test statistic at each shift. */
interface Pair {
  readonly layer: string;
  readonly unit: number;
  readonly feature: string;
  readonly correlation: number;
  /** |r| relative to its root mean square over the shifts. */
  readonly statistic: AtShifts;
  readonly scale: number;
}

function pairsOf(values: Readonly<Record<string, Grid>>, test: ShiftTest, features: readonly Feature[]): Pair[] {
  const { steps, shifts } = test;
  return Object.entries(values).flatMap(([layer, { data, cols }]) =>
    Array.from({ length: cols }, (_, unit) => {
      const all = test.correlations(column(data, cols, unit, steps));
      if (!all) return [];
      return features.flatMap(({ name }, f): Pair[] => {
        const r = all.subarray(f * shifts, (f + 1) * shifts);
        const scale = Math.sqrt(r.reduce((sum, v) => sum + v * v, 0) / shifts);
        if (!(scale > 0)) return [];
        const statistic = Float32Array.from(r, (v) => Math.abs(v) / scale);
        return [{ layer, unit, feature: name, correlation: r[0]!, statistic, scale }];
      });
    }).flat(),
  );
}

/** The largest correlation of each unit, largest first. */
function bestOfUnits(findings: readonly UnitCorrelation[]): UnitCorrelation[] {
  const best = new Map<string, UnitCorrelation>();
  const size = ({ correlation }: UnitCorrelation): number => Math.abs(correlation);
  for (const one of findings) {
    const key = `${one.unit} ${one.layer}`;
    const other = best.get(key);
    if (!other || size(one) > size(other)) best.set(key, one);
  }
  return [...best.values()].sort((a, b) => size(b) - size(a));
}

/** The |r| at which the largest statistic of a shift is exceeded at no more than the significant share of shifts. */
function detectable(pairs: readonly Pair[], shifts: number, significance: number): number | null {
  if (pairs.length === 0) return null;
  const largest = Array.from({ length: shifts }, (_, m) =>
    pairs.reduce((max, { statistic }) => Math.max(max, statistic[m]!), 0),
  );
  const [, ...byChance] = largest; // without the shift 0
  const limit = byChance.sort((a, b) => b - a)[Math.floor(significance * shifts) - 1]!;
  const scales = pairs.map(({ scale }) => scale).sort((a, b) => a - b);
  return Math.min(1, limit * scales[scales.length >> 1]!);
}

/** Column `at` of the first `rows` rows. */
function column(data: ArrayLike<number>, cols: number, at: number, rows: number): Float64Array {
  const out = new Float64Array(rows);
  for (let t = 0; t < rows; t++) out[t] = data[t * cols + at]!;
  return out;
}

function supportOf(feature: Feature, steps: number, minEvents: number, isLongEnough: boolean): FeatureSupport {
  const { name, event = 'rises above the mean' } = feature;
  const events = feature.events ?? risesAboveMean(feature.values, steps);
  let support = 0;
  for (let t = 0; t < steps; t++) if (events[t]! > 0) support++;
  const isRare = support < minEvents;
  return {
    ...{ feature: name, event, support },
    status: isRare ? 'too few events' : isLongEnough ? 'tested' : 'too few steps',
    stepsNeeded: support === 0 ? null : Math.ceil((steps * minEvents) / support),
  };
}

function risesAboveMean(values: readonly number[], steps: number): number[] {
  const used = Array.from(values).slice(0, steps);
  const mean = used.reduce((a, b) => a + b, 0) / steps;
  return used.map((v, t) => (v > mean && !(used[t - 1]! > mean) ? 1 : 0));
}

/** The common number of rows. Throws `INVALID_DATA`. */
function requireSameRows(values: unknown): number {
  requireGrids('values', values);
  const grids = Object.entries(values);
  const [first] = grids;
  if (!first) throw invalidData('values', 'must have at least one layer.', 'Pass { lstm: grid }.');
  for (const [name, { rows }] of grids) {
    if (rows !== first[1].rows)
      throw invalidData(`values.${name}`, `must have ${first[1].rows} rows, as ${first[0]} has, got ${rows}.`);
  }
  return first[1].rows;
}

function requireFeatures(features: unknown, steps: number): asserts features is readonly Feature[] {
  if (!Array.isArray(features)) throw invalidData('features', `must be a list, got ${shown(features)}.`);
  for (const [i, feature] of features.entries()) {
    const at = `features[${i}]`;
    requireObject(at, feature);
    const { name, event } = feature;
    if (typeof name !== 'string') throw invalidData(`${at}.name`, `must be a string, got ${shown(name)}.`);
    if (features.findIndex((other) => other?.name === name) < i)
      throw invalidData(`${at}.name`, `"${name}" is the name of an earlier feature.`, 'Give each another name.');
    if (event !== undefined && typeof event !== 'string')
      throw invalidData(`${at}.event`, `must be a string, got ${shown(event)}.`);
    for (const key of feature.events === undefined ? ['values'] : ['values', 'events']) {
      const list = feature[key];
      requireNumbers(`${at}.${key}`, list);
      if (list.length < steps)
        throw invalidData(`${at}.${key}`, `must have a number for each of the ${steps} steps, got ${list.length}.`);
    }
  }
}
