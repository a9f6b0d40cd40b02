/**
 * What an experiment is: independent jobs (an estimator with a seed, mostly), and a report over what they found. Jobs and results
 * are plain JSON, so that they run in any order, in workers, and are not run again after an interruption.
 */
export interface Job {
  /** Different for every job of an experiment. */
  readonly id: string;
  /** What runs, as the report calls it. */
  readonly label: string;
  readonly seed: number;
}

export interface JobResult {
  readonly values: Readonly<Record<string, number>>;
  /** Points of curves by name. */
  readonly curves?: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>>;
}

export interface Done<J extends Job = Job> extends JobResult {
  readonly job: J;
  readonly seconds: number;
}

export interface RunOptions {
  /** Different random numbers each. */
  readonly seeds: number;
  /** As long as the source has it; else what shows the effect in minutes. */
  readonly full: boolean;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Axis {
  readonly label: string;
  readonly log?: boolean;
}

/** Lines or points, one series a label. */
export interface Plot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly mark: 'line' | 'dot';
  readonly series: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

/** What is claimed, what was found, and whether the one holds by the other. */
export interface Verdict {
  readonly claim: string;
  readonly found: string;
  readonly holds: boolean;
}

export interface Report {
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
  readonly verdicts: readonly Verdict[];
}

export interface Experiment<J extends Job = Job> {
  readonly id: string;
  readonly title: string;
  /** What it asks, in a sentence or two. */
  readonly question: string;
  /** Papers, and where the figures come from that ours are held against. */
  readonly source: string;
  jobs(options: RunOptions): readonly J[];
  /** `progress` is called now and then with the share that is done, 0 to 1. */
  run(job: J, progress: (share: number) => void): JobResult | Promise<JobResult>;
  report(done: readonly Done<J>[]): Report;
}

/** A job for each seed from 1 on. `more` stands behind the seed in its id: what else tells it from others. */
export const everySeed = (label: string, seeds: number, more = ''): Job[] =>
  Array.from({ length: seeds }, (_, i) => ({ id: `${label}, seed ${i + 1}${more}`, label, seed: i + 1 }));

/** Of each label, the curve `name` of its first job. */
export const firstCurves = (groups: Iterable<readonly [string, readonly Done[]]>, name: string): Plot['series'] =>
  Array.from(groups, ([label, [first]]) => ({ label, points: first!.curves?.[name] ?? [] }));

/** Of several seeds: the middle one, and the ends. */
export function spread(values: readonly number[]): { median: number; low: number; high: number } {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: sorted[sorted.length >> 1] ?? Number.NaN,
    low: sorted[0] ?? Number.NaN,
    high: sorted.at(-1) ?? Number.NaN,
  };
}

/** The results of each label, in the order of the jobs. */
export function byLabel<J extends Job>(done: readonly Done<J>[]): Map<string, Done<J>[]> {
  const groups = new Map<string, Done<J>[]>();
  for (const one of done) groups.set(one.job.label, [...(groups.get(one.job.label) ?? []), one]);
  return groups;
}

/** 0.00001234 as 1.2e-5, 12.345 as 12.3. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'none' : 'diverged';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}
