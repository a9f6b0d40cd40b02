/** How much each setting of a search decides the result. */
import { shown } from '../checks.js';
import { invalidData } from '../errors.js';
import { copyOfSpace, type SearchSpace } from './space.js';
import { isTrial, ranked, type Trial } from './trial.js';

/** What a setting explains of the results of a search. */
export interface Importance {
  readonly setting: string;
  /**
   * Share of the variance of the ranks of the trials that this setting explains alone, 0 to 1: epsilon squared of a one-way analysis of
   * variance (Kelley 1935), which is 0 on average for a setting without effect. NaN if the trials are too few.
   */
  readonly share: number;
  /** Groups of trials by the value of the setting, the best one first. */
  readonly groups: readonly {
    readonly values: readonly unknown[];
    readonly trials: number;
    readonly meanRank: number;
  }[];
}

/** Number of groups that the values of a range are divided into. */
const GROUPS = 4;

interface Ranked {
  readonly value: unknown;
  readonly rank: number;
}

/** Equal for equal values. */
function keyOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return shown(value); // it is not JSON
  }
}

/** Groups of equal values, or of neighboring numbers of about equal number. */
function grouped(items: readonly Ranked[], isRange: boolean): Ranked[][] {
  const groups = new Map<string, Ranked[]>();
  const sorted = isRange ? [...items].sort((a, b) => (a.value as number) - (b.value as number)) : items;
  sorted.forEach((item, i) => {
    const first = isRange ? sorted.findIndex(({ value }) => value === item.value) : i; // equal numbers stay together
    const key = isRange ? String(Math.floor((first * GROUPS) / sorted.length)) : keyOf(item.value);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  });
  return [...groups.values()];
}

const mean = (items: readonly Ranked[]): number => items.reduce((sum, { rank }) => sum + rank, 0) / items.length;

function epsilonSquared(groups: readonly Ranked[][]): number {
  const all = groups.flat();
  const [n, g, center] = [all.length, groups.length, mean(all)];
  const total = all.reduce((sum, { rank }) => sum + (rank - center) ** 2, 0);
  const within = groups.reduce(
    (sum, group) => sum + group.reduce((s, { rank }) => s + (rank - mean(group)) ** 2, 0),
    0,
  );
  if (n <= g) return Number.NaN;
  return g === 1 ? 0 : Math.max(0, (total - within - ((g - 1) * within) / (n - g)) / total);
}

/** The trials, with a number for each range. Throws `INVALID_DATA`. */
function requireTrials(space: SearchSpace, trials: readonly Trial[]): Trial[] {
  const all: readonly Trial[] = Array.isArray(trials) ? Array.from(trials) : [];
  if (!Array.isArray(trials) || !all.every(isTrial)) {
    throw invalidData('trials', `must be trials of a search, got ${shown(trials)}.`);
  }
  for (const [name, one] of Object.entries(space)) {
    const wrong = all.findIndex(({ settings }) => 'from' in one && !Number.isFinite(settings[name]));
    if (wrong < 0) continue;
    throw invalidData(
      `trials[${wrong}].settings.${name}`,
      `must be a number, got ${shown(all[wrong]!.settings[name])}.`,
    );
  }
  return [...all];
}

/**
 * The importance of each setting, the largest first. Trials are ranked (finished ones by their value, then stopped ones by the rung that
 * they reached, then failed ones), so a diverged trial counts as bad and not as infinitely bad. The values of a range form up to four groups.
 * Throws `INVALID_SETTING` and `INVALID_DATA`.
 */
export function importance(space: SearchSpace, trials: readonly Trial[]): Importance[] {
  const settings = copyOfSpace(space);
  const ranks = ranked(requireTrials(settings, trials));
  return Object.entries(settings)
    .map(([setting, one]) => {
      const items = ranks.map((trial, rank) => ({ value: trial.settings[setting], rank: rank + 1 }));
      const groups = grouped(items, 'from' in one).sort((a, b) => mean(a) - mean(b));
      return {
        setting,
        share: epsilonSquared(groups),
        groups: groups.map((group) => ({
          values: [...new Map(group.map(({ value }) => [keyOf(value), value])).values()],
          trials: group.length,
          meanRank: mean(group),
        })),
      };
    })
    .sort((a, b) => (b.share || 0) - (a.share || 0));
}
