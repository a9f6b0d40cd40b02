/** The result of a trial. */
import { isObject } from '../checks.js';
import type { TrialSettings } from './space.js';

/** A trial that has ended. Plain JSON. */
export interface Trial {
  /** From 0, in the order of the search. */
  readonly number: number;
  readonly settings: TrialSettings;
  /** `stopped`: at a rung, because others were better there. */
  readonly state: 'finished' | 'stopped' | 'failed';
  /** The value of the objective, which is minimized; of a stopped trial, the last one that it reported; null for a failed one. */
  readonly value: number | null;
  /** What it reported at the rungs. */
  readonly reports: readonly number[];
  readonly seconds: number;
  /** The message of the error of a failed trial. */
  readonly error?: string;
}

/** Whether a value, such as a line of a file, is a trial. */
export const isTrial = (value: unknown): value is Trial =>
  isObject(value) &&
  Number.isInteger(value.number) &&
  isObject(value.settings) &&
  ['finished', 'stopped', 'failed'].includes(value.state as string) &&
  (typeof value.value === 'number' || value.state === 'failed') &&
  Array.isArray(value.reports) &&
  [...value.reports].every((report) => typeof report === 'number');

const STATES = ['finished', 'stopped', 'failed'] as const;

function compared(a: Trial, b: Trial): number {
  const states = STATES.indexOf(a.state) - STATES.indexOf(b.state);
  if (states !== 0) return states;
  const rungs = a.state === 'stopped' ? b.reports.length - a.reports.length : 0;
  return rungs || (a.value ?? 0) - (b.value ?? 0) || a.number - b.number;
}

/** The best first: finished trials by value, then stopped ones by the rung that they reached, then failed ones. */
export const ranked = (trials: readonly Trial[]): Trial[] => [...trials].sort(compared);

/** The best trial; null if none has a value. Of equal ones, the first. */
export function bestTrial(trials: readonly Trial[]): Trial | null {
  const [best] = ranked(trials);
  return best && best.state !== 'failed' ? best : null;
}
