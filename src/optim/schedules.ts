/** Learning-rate schedules: the factor on the optimizer's rate at update `step` (from 1) of `steps`. */

import { invalidSetting, isKeyOf, requireInteger, requireNumber, type UnspoolError } from '../errors.js';
import type { Schedule, ScheduleFunction, WatchingSchedule } from './schedule.js';

/** The same rate throughout. */
export const constant: ScheduleFunction = () => 1;

/** Straight down from 1 at the first update to nearly 0 at the last. */
export const linear: ScheduleFunction = (step, steps) => 1 - (step - 1) / steps;

/** Half a cosine from 1 down to nearly 0 (Loshchilov & Hutter 2017, without restarts). */
export const cosine: ScheduleFunction = (step, steps) => (1 + Math.cos((Math.PI * (step - 1)) / steps)) / 2;

/** What the schedules that were made here with settings were made from. */
const specs = new WeakMap<Schedule, ScheduleSpec>();

function specified<S extends Schedule>(spec: ScheduleSpec, schedule: S): S {
  specs.set(schedule, spec);
  return schedule;
}

/** The spec that `createSchedule` makes this schedule of again; null for a function that was not made here. */
export function scheduleSpec(schedule: Schedule): ScheduleSpec | null {
  const named = Object.entries(SCHEDULES).find(([, known]) => known === schedule);
  return named ? (named[0] as ScheduleName) : (specs.get(schedule) ?? null);
}

/** Counted in updates, or in epochs. */
type Every = number | 'epoch';

/** How many periods are over. */
const periods = (every: Every, step: number, epoch: number): number =>
  every === 'epoch' ? epoch - 1 : Math.floor((step - 1) / every);

function requireEvery(path: string, every: unknown): void {
  if (every !== 'epoch') requireInteger(path, every as number, 1, Number.MAX_SAFE_INTEGER);
}

/** Times `factor` after each `every` updates, or each epoch (torch's StepLR). */
export function stepDown({ every, factor }: { readonly every: Every; readonly factor: number }): ScheduleFunction {
  requireEvery('schedule.every', every);
  requireNumber('schedule.factor', factor, 0, Number.POSITIVE_INFINITY);
  return specified(
    { kind: 'stepDown', every, factor },
    (step, _steps, { epoch }) => factor ** periods(every, step, epoch),
  );
}

/** Times `factor` after each update, or each epoch with `every: 'epoch'` (torch's ExponentialLR). */
export function exponential({
  factor,
  every = 1,
}: {
  readonly factor: number;
  readonly every?: Every;
}): ScheduleFunction {
  return stepDown({ every, factor });
}

/** Half a cosine from 1 to `min` over `steps` updates, and back up after them (torch's CosineAnnealingLR). */
export function cosineTo({ steps, min = 0 }: { readonly steps: number; readonly min?: number }): ScheduleFunction {
  requireInteger('schedule.steps', steps, 1, Number.MAX_SAFE_INTEGER);
  requireNumber('schedule.min', min, 0, 1);
  return specified(
    { kind: 'cosineTo', steps, min },
    (step) => min + ((1 - min) * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2,
  );
}

/** Half cosines from 1 to `min`, the first over `first` updates, each `mult` times as long as the one before (SGDR, 2017). */
export function cosineRestarts({
  first,
  mult = 1,
  min = 0,
}: {
  readonly first: number;
  readonly mult?: number;
  readonly min?: number;
}): ScheduleFunction {
  requireInteger('schedule.first', first, 1, Number.MAX_SAFE_INTEGER);
  requireInteger('schedule.mult', mult, 1, 1000);
  requireNumber('schedule.min', min, 0, 1);
  return specified({ kind: 'cosineRestarts', first, mult, min }, (step) => {
    let [at, length] = [step - 1, first];
    for (; at >= length; length *= mult) at -= length;
    return min + ((1 - min) * (1 + Math.cos((Math.PI * at) / length))) / 2;
  });
}

/**
 * Up from 1/25 to 1 in the first `share` (0.3) of `steps` (default: all that are planned) and down to 1/250,000 in the
 * rest, in half cosines (Smith & Topin 2018; torch's OneCycleLR with its defaults). The optimizer's rate is the largest.
 */
export function oneCycle({
  steps,
  share = 0.3,
}: {
  readonly steps?: number;
  readonly share?: number;
} = {}): ScheduleFunction {
  if (steps !== undefined) requireInteger('schedule.steps', steps, 2, Number.MAX_SAFE_INTEGER);
  requireNumber('schedule.share', share, 0, 1);
  const [low, end] = [1 / 25, 1 / 25e4];
  const ease = (from: number, to: number, part: number): number =>
    to + ((from - to) * (1 + Math.cos(Math.PI * part))) / 2;
  return specified({ kind: 'oneCycle', share, ...(steps === undefined ? {} : { steps }) }, (step, planned) => {
    const total = steps ?? planned;
    const [top, at] = [share * total - 1, Math.min(step, total) - 1];
    return at <= top ? ease(low, 1, top > 0 ? at / top : 1) : ease(1, end, (at - top) / (total - 1 - top));
  });
}

/** Straight up from `from` to 1 over `steps` updates, and 1 from then on (torch's LinearLR). */
export function linearWarmup({
  steps,
  from = 0,
}: {
  readonly steps: number;
  readonly from?: number;
}): ScheduleFunction {
  requireInteger('schedule.steps', steps, 1, Number.MAX_SAFE_INTEGER);
  requireNumber('schedule.from', from, 0, 1);
  return specified(
    { kind: 'linearWarmup', steps, from },
    (step) => from + (1 - from) * Math.min(1, (step - 1) / steps),
  );
}

/**
 * Times `factor` whenever the held-out loss has not fallen by the share `threshold` for more than `patience` measurements
 * (torch's ReduceLROnPlateau).
 */
export function reduceOnPlateau({
  factor = 0.1,
  patience = 10,
  threshold = 1e-4,
}: {
  readonly factor?: number;
  readonly patience?: number;
  readonly threshold?: number;
} = {}): WatchingSchedule {
  requireNumber('schedule.factor', factor, 0, 1);
  requireInteger('schedule.patience', patience, 0, Number.MAX_SAFE_INTEGER);
  requireNumber('schedule.threshold', threshold, 0, 1);
  let [now, best, waited] = [1, Number.MAX_VALUE, 0];
  return specified(
    { kind: 'reduceOnPlateau', factor, patience, threshold },
    {
      factor: () => now,
      observe(loss) {
        if (loss < best * (1 - threshold)) [best, waited] = [loss, 0];
        else waited++;
        if (waited > patience) [now, waited] = [now * factor, 0];
      },
      get observed() {
        return [now, best, waited];
      },
      restore([was = 1, lowest = Number.MAX_VALUE, count = 0]) {
        [now, best, waited] = [was, lowest, count];
      },
    },
  );
}

/** One schedule after another: each but the last for so many updates; each counts its updates from 1. */
export function chain(
  parts: readonly { readonly steps?: number; readonly schedule: ScheduleFunction }[],
): ScheduleFunction {
  if (parts.length === 0) throw wrong('parts', 'should be a list of schedules.');
  parts.slice(0, -1).forEach(({ steps }, i) => {
    requireInteger(`schedule.parts[${i}].steps`, steps as number, 1, Number.MAX_SAFE_INTEGER);
  });
  const made: ScheduleFunction = (step, steps, time) => {
    let before = 0;
    for (const part of parts.slice(0, -1)) {
      if (step - before <= part.steps!) return part.schedule(step - before, part.steps!, time);
      before += part.steps!;
    }
    return parts.at(-1)!.schedule(step - before, Math.max(1, steps - before), time);
  };
  const described = parts.map(({ schedule, ...part }) => ({ ...part, schedule: scheduleSpec(schedule)! }));
  return described.every(({ schedule }) => schedule) ? specified({ kind: 'chain', parts: described }, made) : made;
}

/** The schedules that need no settings. */
export const SCHEDULES = { constant, linear, cosine } as const;
export type ScheduleName = keyof typeof SCHEDULES;

const MAKERS = { stepDown, exponential, cosineTo, cosineRestarts, oneCycle, linearWarmup, reduceOnPlateau } as const;

/** A schedule as JSON: a name alone, or with its settings; `chain` has `parts: [{steps, schedule}, ...]`. */
export type ScheduleSpec =
  | ScheduleName
  | {
      readonly [K in keyof typeof MAKERS]: { readonly kind: K } & Parameters<(typeof MAKERS)[K]>[0];
    }[keyof typeof MAKERS]
  | { readonly kind: 'chain'; readonly parts: readonly { readonly steps?: number; readonly schedule: ScheduleSpec }[] };

const wrong = (path: string, problem: string): UnspoolError => {
  const help = `Use one of ${[...Object.keys(SCHEDULES), ...Object.keys(MAKERS), 'chain'].join(', ')}.`;
  return invalidSetting(`schedule.${path}`.replace(/\.$/, ''), problem, help);
};

/** The schedule that a spec describes. Throws `INVALID_SETTING`. */
export function createSchedule(spec: ScheduleSpec): Schedule {
  if (typeof spec === 'string') {
    if (isKeyOf(SCHEDULES, spec)) return SCHEDULES[spec];
    return createSchedule({ kind: spec } as unknown as ScheduleSpec);
  }
  if (spec?.kind === 'chain') {
    if (!Array.isArray(spec.parts)) throw wrong('parts', 'should be a list of schedules.');
    const made = spec.parts.map((part) => ({ ...part, schedule: createSchedule(part?.schedule) }));
    if (made.some(({ schedule }) => typeof schedule !== 'function')) {
      throw wrong('parts', 'cannot hold reduceOnPlateau.');
    }
    return chain(made as Parameters<typeof chain>[0]);
  }
  if (typeof spec !== 'object' || spec === null || !isKeyOf(MAKERS, spec.kind)) {
    throw wrong('', `${JSON.stringify(spec)} is no schedule.`);
  }
  const { kind, ...settings } = spec;
  return (MAKERS[kind] as (settings: object) => Schedule)(settings);
}
