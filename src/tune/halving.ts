/**
 * Asynchronous successive halving (Li et al. 2020), with early stopping of trials at rungs: a trial continues from a rung only if it
 * is among the best 1/factor of those that have reached it.
 *
 * A decision counts only trials with lower numbers, so it does not depend on which of several workers is faster, and an interrupted
 * search that is continued makes the same decisions. A trial that must wait for slower ones leaves its worker to the next trial.
 */

/** The shares of a training at which trials are compared: 1/factor^rungs, ..., 1/factor. */
export const rungsOf = (factor: number, rungs: number): number[] =>
  Array.from({ length: rungs }, (_, i) => factor ** (i - rungs));

/** A trial as a rung sees it. */
export interface Climber {
  readonly number: number;
  /** The values at the rungs so far. */
  readonly reports: readonly number[];
  /** Whether it will report no more. */
  readonly hasEnded: boolean;
}

/** Whether all trials with lower numbers have reached the rung or ended, so that `continues` is final. */
export const canDecide = (trials: readonly Climber[], number: number, rung: number): boolean =>
  trials.every((trial) => trial.number >= number || trial.hasEnded || trial.reports.length > rung);

const orInfinity = (value: number): number => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value);

/** Whether a trial is among the best 1/factor, at least one, of the trials with lower numbers and itself at a rung. */
export function continues(trials: readonly Climber[], number: number, rung: number, factor: number): boolean {
  const own = trials.find((trial) => trial.number === number)!.reports[rung]!;
  if (!Number.isFinite(own)) return false;
  const earlier = trials.filter((trial) => trial.number < number && trial.reports.length > rung);
  const better = earlier.filter((trial) => orInfinity(trial.reports[rung]!) <= own).length;
  return better < Math.max(1, Math.floor((earlier.length + 1) / factor));
}
