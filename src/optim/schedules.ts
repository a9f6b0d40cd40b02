/** Learning-rate schedules. Each returns the factor on the learning rate at update `step` (counted from 1) of `steps`. */

import { isKeyOf, requireInteger, requireNumber } from '../checks.js';
import { invalidSetting, type UnspoolError } from '../errors.js';
import type { Schedule, ScheduleFunction, WatchingSchedule } from './schedule.js';

/** A constant learning rate. */
export const constant: ScheduleFunction = () => 1;

/** Linear decay: from 1 at the first update to 1/steps at the last. */
export const linear: ScheduleFunction = (step, steps) => 1 - (step - 1) / steps;

/** Cosine decay from 1 to almost 0 (Loshchilov & Hutter 2017, without restarts). */
export const cosine: ScheduleFunction = (step, steps) => (1 + Math.cos((Math.PI * (step - 1)) / steps)) / 2;

/** The specs of schedules that a function of this file created from settings. */
const specs = new WeakMap<Schedule, ScheduleSpec>();

function specified<S extends Schedule>(spec: ScheduleSpec, schedule: S): S {
  specs.set(schedule, spec);
  return schedule;
}

/** The spec from which `createSchedule` recreates this schedule. Null for a custom function. */
export function scheduleSpec(schedule: Schedule): ScheduleSpec | null {
  const named = Object.entries(SCHEDULES).find(([, candidate]) => candidate === schedule);
  return named ? (named[0] as ScheduleName) : (specs.get(schedule) ?? null);
}

/** A period: a number of updates, or one epoch. */
type Every = number | 'epoch';

/** The number of periods that have passed. */
const periods = (every: Every, step: number, epoch: number): number =>
  every === 'epoch' ? epoch - 1 : Math.floor((step - 1) / every);

function requireEvery(path: string, every: unknown): void {
  if (every !== 'epoch') requireInteger(path, every as number, 1, Number.MAX_SAFE_INTEGER);
}

/** Multiplies by `factor` after every `every` updates, or after each epoch with `every: 'epoch'` (PyTorch: StepLR). */
export function stepDown({ every, factor }: { readonly every: Every; readonly factor: number }): ScheduleFunction {
  requireEvery('schedule.every', every);
  requireNumber('schedule.factor', factor, 0, Number.POSITIVE_INFINITY);
  return specified(
    { kind: 'stepDown', every, factor },
    (step, _steps, { epoch }) => factor ** periods(every, step, epoch),
  );
}

/** Multiplies by `factor` after each update, or after each epoch with `every: 'epoch'` (PyTorch: ExponentialLR). */
export function exponential({
  factor,
  every = 1,
}: {
  readonly factor: number;
  readonly every?: Every;
}): ScheduleFunction {
  return stepDown({ every, factor });
}

/** Cosine decay from 1 to `min` over `steps` updates, then back up to 1 (PyTorch: CosineAnnealingLR). */
export function cosineTo({ steps, min = 0 }: { readonly steps: number; readonly min?: number }): ScheduleFunction {
  requireInteger('schedule.steps', steps, 1, Number.MAX_SAFE_INTEGER);
  requireNumber('schedule.min', min, 0, 1);
  return specified(
    { kind: 'cosineTo', steps, min },
    (step) => min + ((1 - min) * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2,
  );
}

/**
 * Repeated cosine decay from 1 to `min`. The first cycle takes `first` updates; each later one is `mult` times as long
 * (SGDR, Loshchilov & Hutter 2017).
 */
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
 * One-cycle schedule: a cosine from 1/25 up to 1 in the first `share` (default 0.3) of `steps` updates (default: all of the
 * training), then a cosine down to 1/250,000 (Smith & Topin 2018; PyTorch: OneCycleLR with its defaults). The learning rate
 * of the optimizer is the maximum.
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

/** Linear warmup: from `from` (default 0) to 1 over `steps` updates, then constant (PyTorch: LinearLR). */
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
 * Multiplies by `factor` (default 0.1) when the validation loss has not decreased by the fraction `threshold` (default 1e-4)
 * in more than `patience` (default 10) validations (PyTorch: ReduceLROnPlateau).
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
  let [current, best, waited] = [1, Number.MAX_VALUE, 0];
  return specified(
    { kind: 'reduceOnPlateau', factor, patience, threshold },
    {
      factor: () => current,
      observe(loss) {
        if (loss < best * (1 - threshold)) [best, waited] = [loss, 0];
        else waited++;
        if (waited > patience) [current, waited] = [current * factor, 0];
      },
      get observed() {
        return [current, best, waited];
      },
      restore(observed) {
        [current = 1, best = Number.MAX_VALUE, waited = 0] = observed;
      },
    },
  );
}

/**
 * Runs schedules one after another, each for its number of `steps`; the last one runs until the end. Each counts its
 * updates from 1.
 */
export function chain(
  parts: readonly { readonly steps?: number; readonly schedule: ScheduleFunction }[],
): ScheduleFunction {
  if (parts.length === 0) throw wrong('parts', 'must be a list of schedules.');
  parts.slice(0, -1).forEach(({ steps }, i) => {
    requireInteger(`schedule.parts[${i}].steps`, steps as number, 1, Number.MAX_SAFE_INTEGER);
  });
  const chained: ScheduleFunction = (step, steps, time) => {
    let before = 0;
    for (const part of parts.slice(0, -1)) {
      if (step - before <= part.steps!) return part.schedule(step - before, part.steps!, time);
      before += part.steps!;
    }
    return parts.at(-1)!.schedule(step - before, Math.max(1, steps - before), time);
  };
  const described = parts.map(({ schedule, ...part }) => ({ ...part, schedule: scheduleSpec(schedule)! }));
  return described.every(({ schedule }) => schedule)
    ? specified({ kind: 'chain', parts: described }, chained)
    : chained;
}

/** The schedules without settings, by name. */
export const SCHEDULES = { constant, linear, cosine } as const;
/** The name of a schedule without settings. */
export type ScheduleName = keyof typeof SCHEDULES;

const FACTORIES = { stepDown, exponential, cosineTo, cosineRestarts, oneCycle, linearWarmup, reduceOnPlateau } as const;

/** A schedule as JSON: a name, or `{kind}` with settings; `chain` has `parts: [{steps, schedule}, ...]`. */
export type ScheduleSpec =
  | ScheduleName
  | {
      readonly [K in keyof typeof FACTORIES]: { readonly kind: K } & Parameters<(typeof FACTORIES)[K]>[0];
    }[keyof typeof FACTORIES]
  | { readonly kind: 'chain'; readonly parts: readonly { readonly steps?: number; readonly schedule: ScheduleSpec }[] };

const wrong = (path: string, problem: string): UnspoolError => {
  const help = `Use one of ${[...Object.keys(SCHEDULES), ...Object.keys(FACTORIES), 'chain'].join(', ')}.`;
  return invalidSetting(`schedule.${path}`.replace(/\.$/, ''), problem, help);
};

/** Creates a schedule from its spec. Throws `INVALID_SETTING`. */
export function createSchedule(spec: ScheduleSpec): Schedule {
  if (typeof spec === 'string') {
    if (isKeyOf(SCHEDULES, spec)) return SCHEDULES[spec];
    return createSchedule({ kind: spec } as unknown as ScheduleSpec);
  }
  if (spec?.kind === 'chain') {
    if (!Array.isArray(spec.parts)) throw wrong('parts', 'must be a list of schedules.');
    const parts = spec.parts.map((part) => ({ ...part, schedule: createSchedule(part?.schedule) }));
    if (parts.some(({ schedule }) => typeof schedule !== 'function')) {
      throw wrong('parts', 'cannot contain reduceOnPlateau.');
    }
    return chain(parts as Parameters<typeof chain>[0]);
  }
  if (typeof spec !== 'object' || spec === null || !isKeyOf(FACTORIES, spec.kind)) {
    throw wrong('', `is unknown: ${JSON.stringify(spec)}.`);
  }
  const { kind, ...settings } = spec;
  return (FACTORIES[kind] as (settings: object) => Schedule)(settings);
}
