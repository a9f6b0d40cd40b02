/**
 * An experiment is a set of independent jobs, usually one for each estimator and seed, and a report of their results. Jobs and
 * results are plain JSON: they run in any order and in workers, and an interrupted run does not repeat finished jobs.
 */

import type { Paper } from '../papers.js';

/** One unit of work of an experiment. */
export interface Job {
  /** Unique within the experiment. */
  readonly id: string;
  /** The name of this case in the report. */
  readonly label: string;
  readonly seed: number;
}

/** The numbers that a job returns. */
export interface JobResult {
  readonly values: Readonly<Record<string, number>>;
  /** Curves by name, as points. */
  readonly curves?: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>>;
}

/** A finished job with its result. */
export interface Done<J extends Job = Job> extends JobResult {
  readonly job: J;
  readonly seconds: number;
}

/** How much of an experiment to run. */
export interface RunOptions {
  /** Number of seeds; each uses different random numbers. */
  readonly seeds: number;
  /** True runs as long as the source does; false shows the effect within minutes. */
  readonly full: boolean;
}

/** A table of a report. */
export interface Table {
  readonly title: string;
  /** How to read it. */
  readonly note?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** An axis of a plot. */
export interface Axis {
  readonly label: string;
  readonly log?: boolean;
}

/** A plot of lines or points, with one series per label. */
export interface Plot {
  readonly title: string;
  /** How to read it. */
  readonly note?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly mark: 'line' | 'dot';
  readonly series: readonly { readonly label: string; readonly points: readonly (readonly [x: number, y: number])[] }[];
}

/** A claim, what was found, and whether the claim holds. */
export interface Verdict {
  readonly claim: string;
  readonly found: string;
  readonly holds: boolean;
}

/** The results of an experiment for a reader. */
export interface Report {
  readonly tables: readonly Table[];
  readonly plots: readonly Plot[];
  readonly verdicts: readonly Verdict[];
}

/** An experiment of `unspool lab run`. */
export interface Experiment<J extends Job = Job> {
  readonly id: string;
  readonly title: string;
  /** The question it answers, in a sentence or two. */
  readonly question: string;
  /** The setup, which figures a paper reports, and the source of the figures for comparison. */
  readonly source: string;
  /** The papers that `source` names. */
  readonly papers: readonly Paper[];
  jobs(options: RunOptions): readonly J[];
  /** Runs one job. Calls `progress` from time to time with the finished share, 0 to 1. */
  run(job: J, progress: (share: number) => void): JobResult | Promise<JobResult>;
  report(done: readonly Done<J>[]): Report;
}

/** Says where the figures named "our NumPy" come from. */
export const NUMPY_NOTE =
  '"Our NumPy" figures are not from a paper: the authors of Unspool measured them earlier with a separate float64 NumPy program, which is not part of Unspool.';

/** One job per seed, from 1. `more` is appended to its id. */
export const everySeed = (label: string, seeds: number, more = ''): Job[] =>
  Array.from({ length: seeds }, (_, i) => ({ id: `${label}, seed ${i + 1}${more}`, label, seed: i + 1 }));

/** The curve `name` of the first job of each label. */
export const firstCurves = (groups: Iterable<readonly [string, readonly Done[]]>, name: string): Plot['series'] =>
  Array.from(groups, ([label, [first]]) => ({ label, points: first!.curves?.[name] ?? [] }));

/** Median, minimum and maximum over the seeds. */
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

/** A number as short text: 0.00001234 as 1.2e-5, 12.345 as 12.3. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'none' : 'diverged';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size < 1e-3 || size >= 1e5 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
}
