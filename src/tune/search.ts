/** Searches for the settings with the lowest value of an objective: at random, on a grid, or with successive halving. */
import {
  requireChoice,
  requireFunction,
  requireInteger,
  requireKeys,
  requireNumber,
  requireSignal,
  shown,
} from '../checks.js';
import { invalidData, invalidSetting } from '../errors.js';
import type { StopSignal } from '../train/options.js';
import { type Climber, canDecide, continues, rungsOf } from './halving.js';
import { Slots } from './slots.js';
import { copyOfSpace, gridSettings, randomSettings, type SearchSpace, type TrialSettings } from './space.js';
import { bestTrial, isTrial, type Trial } from './trial.js';

/** What an objective can do while it computes. */
export interface TrialContext {
  /** The number of the trial, from 0. */
  readonly number: number;
  /** The shares of a whole training, below 1 and increasing, after which `report` is to be called. Empty without halving. */
  readonly rungs: readonly number[];
  /**
   * Reports the value at the next rung. Resolves to whether the trial continues; if not, the objective returns without further
   * computation, and what it returns is ignored.
   */
  report(value: number): Promise<boolean>;
  /** Aborted when the search ends early; the result of the trial is then ignored. */
  readonly signal: StopSignal;
}

/** Computes the value, to be minimized, of settings. An error that it throws makes the trial `failed`, and the search continues. */
export type Objective = (settings: TrialSettings, context: TrialContext) => Promise<number>;

/** Options of `tune`. */
export interface TuneOptions {
  /**
   * `random` draws settings independently, `grid` takes all combinations, in random order. `asha` draws settings and stops trials that are
   * not among the best at a rung (asynchronous successive halving, Li et al. 2020). Default `asha`.
   */
  readonly method?: 'random' | 'grid' | 'asha';
  /** Number of trials, from 1 to 100,000. Default 20; on a grid, all combinations. */
  readonly trials?: number;
  /** Trials that compute at the same time, from 1 to 256. The result does not depend on it. Default 1. */
  readonly workers?: number;
  /** Decides the settings of all trials. Default 1. */
  readonly seed?: number;
  /** `asha`: one of so many trials continues from each rung, from 2 to 100. Default 3. */
  readonly factor?: number;
  /** `asha`: number of rungs, at shares 1/factor^rungs, ..., 1/factor of a training, from 1 to 10. Default 3. */
  readonly rungs?: number;
  /** Trials of an earlier search with the same space and options, which are not repeated. */
  readonly done?: readonly Trial[];
  /** Ends the search; trials that are computing are lost. */
  readonly signal?: StopSignal;
  /** Called after each trial, one at a time. */
  onTrial?(trial: Trial): void | Promise<void>;
}

/** The result of a search. */
export interface TuneResult {
  /** The trials that have ended, by number. */
  readonly trials: readonly Trial[];
  /** The best of them; null if none has a value. */
  readonly best: Trial | null;
}

const OPTIONS = ['method', 'trials', 'workers', 'seed', 'factor', 'rungs', 'done', 'signal', 'onTrial'];
const METHODS = ['random', 'grid', 'asha'] as const;

function requireTuneOptions(options: TuneOptions): void {
  requireKeys('options', options, OPTIONS);
  const { method = 'asha', trials = 1, workers = 1, seed = 1, factor = 3, rungs = 3, done, signal, onTrial } = options;
  requireChoice('method', method, METHODS);
  requireInteger('trials', trials, 1, 100_000);
  requireInteger('workers', workers, 1, 256);
  requireInteger('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('factor', factor, 2, 100);
  requireInteger('rungs', rungs, 1, 10);
  if (done !== undefined && !(Array.isArray(done) && Array.from(done).every(isTrial))) {
    throw invalidData('done', `must be trials of an earlier search, got ${shown(done)}.`);
  }
  if (signal !== undefined) requireSignal('signal', signal);
  if (onTrial !== undefined) requireFunction('onTrial', onTrial);
}

interface Running extends Climber {
  readonly reports: number[];
  hasEnded: boolean;
}

/** Running trials and those that wait at a rung, for each worker: each holds memory. */
const LIVE_PER_WORKER = 3;

class Search {
  private readonly objective: Objective;
  private readonly options: TuneOptions;
  private readonly rungs: readonly number[];
  private readonly slots: Slots;
  /** Limits the trials that have begun, with those that wait at a rung. */
  private readonly live: Slots;
  private readonly running: Running[];
  private readonly ended: Trial[];
  private readonly stop = new AbortController();
  /** What trials that wait at a rung check again when another trial has reported or ended. */
  private waiting: (() => void)[] = [];
  private written: Promise<void> = Promise.resolve();
  /** What `onTrial` has thrown. */
  private failure: { readonly error: unknown } | null = null;

  constructor(objective: Objective, options: TuneOptions) {
    const { method = 'asha', factor = 3, rungs = 3, workers = 1, done = [] } = options;
    this.objective = objective;
    this.options = options;
    this.rungs = method === 'asha' ? rungsOf(factor, rungs) : [];
    this.slots = new Slots(workers);
    this.live = new Slots(LIVE_PER_WORKER * workers);
    this.ended = [...done];
    this.running = done.map(({ number, reports }) => ({ number, reports: [...reports], hasEnded: true }));
  }

  async run(all: readonly TrialSettings[]): Promise<TuneResult> {
    const { signal } = this.options;
    const abort = (): void => this.stop.abort();
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    const known = new Set(this.ended.map(({ number }) => number));
    const begun: Promise<void>[] = [];
    try {
      for (const [number, settings] of all.entries()) {
        if (known.has(number)) continue;
        await this.live.take(number);
        await this.slots.take(number);
        if (this.stop.signal.aborted) break;
        const trial: Running = { number, reports: [], hasEnded: false };
        this.running.push(trial);
        begun.push(this.one(trial, settings));
      }
      await Promise.all(begun);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    if (this.failure) throw this.failure.error;
    const trials = [...this.ended].sort((a, b) => a.number - b.number);
    return { trials, best: bestTrial(trials) };
  }

  /** Runs a trial. Never rejects. */
  private async one(trial: Running, settings: TrialSettings): Promise<void> {
    const { number, reports } = trial;
    const start = performance.now();
    const end = await this.attempt(trial, settings);
    const seconds = (performance.now() - start) / 1000;
    if (!this.stop.signal.aborted) await this.finish({ number, settings, ...end, reports, seconds });
    trial.hasEnded = true;
    this.wake();
    this.slots.give();
    this.live.give();
  }

  private async attempt(trial: Running, settings: TrialSettings): Promise<Pick<Trial, 'state' | 'value' | 'error'>> {
    const { number, reports } = trial;
    let stopped = false;
    const report = async (value: number): Promise<boolean> => {
      requireReport(value, reports.length, this.rungs.length);
      stopped = !(await this.decide(trial, value));
      return !stopped;
    };
    try {
      const value = await this.objective(settings, { number, rungs: this.rungs, report, signal: this.stop.signal });
      const result = stopped ? reports.at(-1) : value;
      if (Number.isFinite(result)) return { state: stopped ? 'stopped' : 'finished', value: result! };
      return failed(`the value was ${shown(result)}.`);
    } catch (error) {
      return failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** Whether a trial continues from the rung that it has just reached. It has no slot while it waits for others. */
  private async decide(trial: Running, value: number): Promise<boolean> {
    const rung = trial.reports.push(value) - 1;
    this.wake();
    const { number } = trial;
    if (!canDecide(this.running, number, rung)) {
      this.slots.give();
      while (!canDecide(this.running, number, rung)) await new Promise<void>((next) => this.waiting.push(next));
      await this.slots.take(number);
    }
    return continues(this.running, number, rung, this.options.factor ?? 3);
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const next of waiting) next();
  }

  /** Calls `onTrial` for one trial at a time. An error of it ends the search. */
  private async finish(trial: Trial): Promise<void> {
    this.written = this.written.then(async () => {
      if (this.failure) return;
      try {
        await this.options.onTrial?.(trial);
        this.ended.push(trial);
      } catch (error) {
        this.failure = { error };
        this.stop.abort();
      }
    });
    await this.written;
  }
}

const failed = (error: string) => ({ state: 'failed', value: null, error }) as const;

function requireReport(value: unknown, made: number, rungs: number): void {
  if (typeof value !== 'number') throw invalidData('report', `must be called with a number, got ${shown(value)}.`);
  if (made < rungs) return;
  throw invalidSetting(
    'report',
    `was called ${made + 1} times, but there are ${rungs} rungs.`,
    'Call it once for each of context.rungs.',
  );
}

/**
 * Searches for the settings with the lowest value of `objective`. The settings of each trial depend on the space, the seed and the number
 * of the trial only, and the decisions at rungs on trials with lower numbers, so the result is the same with any number of workers
 * and after a search that was interrupted is continued with the trials that it had `done`. Throws `INVALID_SETTING`, and what `onTrial`
 * throws.
 *
 * @example
 * const { best } = await tune({ lr: { from: 1e-4, to: 1e-1, scale: 'log' } }, async ({ lr }) => lossOfTrainingWith(lr), { method: 'random' });
 */
export async function tune(space: SearchSpace, objective: Objective, options: TuneOptions = {}): Promise<TuneResult> {
  const copy = copyOfSpace(space);
  requireFunction('objective', objective);
  requireTuneOptions(options);
  return new Search(objective, { ...options }).run(trialsOf(copy, options));
}

/** The settings of all trials of a search. Throws `INVALID_SETTING`. */
export function trialsOf(space: SearchSpace, { method = 'asha', trials, seed = 1 }: TuneOptions): TrialSettings[] {
  if (method === 'grid') return gridSettings(space, seed).slice(0, trials);
  return Array.from({ length: trials ?? 20 }, (_, number) => randomSettings(space, seed, number));
}
