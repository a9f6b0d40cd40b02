/** Learning-rate schedules. Each returns the factor on the learning rate at update `step` (counted from 1) of `steps`. */

import {
  isKeyOf,
  isObject,
  requireChoice,
  requireFunction,
  requireInteger,
  requireKeys,
  requireNumber,
  requireOptions,
  requireValues,
  shown,
} from '../checks.js';
import { invalidSetting } from '../errors.js';
import { PLAIN_SCHEDULES, type SCHEDULES_WITH_SETTINGS, type ScheduleName } from './names.js';
import { type Schedule, type ScheduleFunction, specified, specOf, type WatchingSchedule } from './schedule.js';

export type { ScheduleName } from './names.js';

const MAX = Number.MAX_SAFE_INTEGER;

/** A constant learning rate. */
export const constant: ScheduleFunction = /* @__PURE__ */ specified('constant', () => 1);

/** Linear decay: from 1 at the first update to 1/steps at the last. */
export const linear: ScheduleFunction = /* @__PURE__ */ specified('linear', (step, steps) => 1 - (step - 1) / steps);

/** Cosine decay from 1 to almost 0 (Loshchilov & Hutter 2017, without restarts). */
export const cosine: ScheduleFunction = /* @__PURE__ */ specified(
  'cosine',
  (step, steps) => (1 + Math.cos((Math.PI * (step - 1)) / steps)) / 2,
);

/** The spec from which `createSchedule` recreates this schedule. Null for a custom function. */
export const scheduleSpec = (schedule: Schedule): ScheduleSpec | null => specOf(schedule) as ScheduleSpec | null;

/** The settings of a schedule, none if undefined. Throws `INVALID_SETTING` for a name that is not in `names`. */
function known<T extends object>(settings: T | undefined, names: readonly (keyof T & string)[]): Partial<T> {
  requireOptions('schedule', settings, names);
  return settings ?? {};
}

/** A period: a number of updates, or one epoch. */
type Every = number | 'epoch';

/** The number of periods that have passed. */
const periods = (every: Every, step: number, epoch: number): number =>
  every === 'epoch' ? epoch - 1 : Math.floor((step - 1) / every);

/** Multiplies by `factor` after every `every` updates, or after each epoch with `every: 'epoch'` (PyTorch: StepLR). */
export function stepDown(settings: { readonly every: Every; readonly factor: number }): ScheduleFunction {
  const { every, factor } = known(settings, ['every', 'factor']);
  if (every !== 'epoch') requireInteger('schedule.every', every, 1, MAX);
  requireNumber('schedule.factor', factor, 0, Number.POSITIVE_INFINITY);
  return specified(
    { kind: 'stepDown', every, factor },
    (step, _steps, { epoch }) => factor ** periods(every, step, epoch),
  );
}

/** Multiplies by `factor` after each update, or after each epoch with `every: 'epoch'` (PyTorch: ExponentialLR). */
export function exponential(settings: { readonly factor: number; readonly every?: Every }): ScheduleFunction {
  const { factor, every = 1 } = known(settings, ['factor', 'every']);
  return stepDown({ every, factor: factor! });
}

/** Cosine decay from 1 to `min` over `steps` updates, then back up to 1 (PyTorch: CosineAnnealingLR). */
export function cosineTo(settings: { readonly steps: number; readonly min?: number }): ScheduleFunction {
  const { steps, min = 0 } = known(settings, ['steps', 'min']);
  requireInteger('schedule.steps', steps, 1, MAX);
  requireNumber('schedule.min', min, 0, 1);
  return specified(
    { kind: 'cosineTo', steps, min },
    (step) => min + ((1 - min) * (1 + Math.cos((Math.PI * (step - 1)) / steps))) / 2,
  );
}

/** Settings of `cosineRestarts`. */
export interface RestartSettings {
  readonly first: number;
  readonly mult?: number;
  readonly min?: number;
}

/**
 * Repeated cosine decay from 1 to `min`. The first cycle takes `first` updates; each later one is `mult` times as long
 * (SGDR, Loshchilov & Hutter 2017).
 */
export function cosineRestarts(settings: RestartSettings): ScheduleFunction {
  const { first, mult = 1, min = 0 } = known(settings, ['first', 'mult', 'min']);
  requireInteger('schedule.first', first, 1, MAX);
  requireInteger('schedule.mult', mult, 1, 1000);
  requireNumber('schedule.min', min, 0, 1);
  return specified({ kind: 'cosineRestarts', first, mult, min }, (step) => {
    let [at, length] = [step - 1, first];
    if (mult === 1) at %= length;
    else for (; at >= length; length *= mult) at -= length;
    return min + ((1 - min) * (1 + Math.cos((Math.PI * at) / length))) / 2;
  });
}

/**
 * One-cycle schedule: a cosine from 1/25 up to 1 in the first `share` (default 0.3) of `steps` updates (default: all of the
 * training), then a cosine down to 1/250,000 (Smith & Topin 2018; PyTorch: OneCycleLR with its defaults). The learning rate
 * of the optimizer is the maximum.
 */
export function oneCycle(settings?: { readonly steps?: number; readonly share?: number }): ScheduleFunction {
  const { steps, share = 0.3 } = known(settings, ['steps', 'share']);
  if (steps !== undefined) requireInteger('schedule.steps', steps, 2, MAX);
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
export function linearWarmup(settings: { readonly steps: number; readonly from?: number }): ScheduleFunction {
  const { steps, from = 0 } = known(settings, ['steps', 'from']);
  requireInteger('schedule.steps', steps, 1, MAX);
  requireNumber('schedule.from', from, 0, 1);
  return specified(
    { kind: 'linearWarmup', steps, from },
    (step) => from + (1 - from) * Math.min(1, (step - 1) / steps),
  );
}

/** Settings of `reduceOnPlateau`. */
export interface PlateauSettings {
  readonly factor?: number;
  readonly patience?: number;
  readonly threshold?: number;
}

/**
 * Multiplies by `factor` (default 0.1) when the validation loss has not decreased by the fraction `threshold` (default 1e-4)
 * in more than `patience` (default 10) validations (PyTorch: ReduceLROnPlateau).
 */
export function reduceOnPlateau(settings?: PlateauSettings): WatchingSchedule {
  const { factor = 0.1, patience = 10, threshold = 1e-4 } = known(settings, ['factor', 'patience', 'threshold']);
  requireNumber('schedule.factor', factor, 0, 1);
  requireInteger('schedule.patience', patience, 0, MAX);
  requireNumber('schedule.threshold', threshold, 0, 1);
  let [current, best, waited] = [1, Number.MAX_VALUE, 0];
  return specified(
    { kind: 'reduceOnPlateau', factor, patience, threshold },
    {
      factor: () => current,
      observe(loss) {
        if (typeof loss !== 'number') throw invalidSetting('loss', `must be a number, got ${shown(loss)}.`);
        if (loss < best * (1 - threshold)) [best, waited] = [loss, 0];
        else waited++;
        if (waited > patience) [current, waited] = [current * factor, 0];
      },
      get observed() {
        return [current, best, waited];
      },
      restore(observed) {
        requireValues('observed', observed);
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
  if (!Array.isArray(parts) || parts.length === 0) {
    throw invalidSetting('schedule.parts', `must be a list of schedules, got ${shown(parts)}.`);
  }
  const copies = Array.from(parts, (part: unknown, i) => {
    const path = `schedule.parts[${i}]`;
    requireKeys(path, part, ['steps', 'schedule']);
    const { steps, schedule } = part as { readonly steps?: number; readonly schedule: unknown };
    if (i < parts.length - 1 || steps !== undefined) requireInteger(`${path}.steps`, steps, 1, MAX);
    if (isObject(schedule)) throw invalidSetting('schedule.parts', 'cannot contain reduceOnPlateau.');
    requireFunction(`${path}.schedule`, schedule);
    return { ...(steps === undefined ? {} : { steps }), schedule: schedule as ScheduleFunction };
  });
  const chained: ScheduleFunction = (step, steps, time) => {
    let before = 0;
    for (const part of copies.slice(0, -1)) {
      if (step - before <= part.steps!) return part.schedule(step - before, part.steps!, time);
      before += part.steps!;
    }
    return copies.at(-1)!.schedule(step - before, Math.max(1, steps - before), time);
  };
  const described = copies.map(({ schedule, ...part }) => ({ ...part, schedule: scheduleSpec(schedule) }));
  return described.every(({ schedule }) => schedule)
    ? specified({ kind: 'chain', parts: described }, chained)
    : chained;
}

/** The schedules without settings, by name. */
export const SCHEDULES = { constant, linear, cosine } as const satisfies Readonly<Record<ScheduleName, unknown>>;

const FACTORIES = {
  stepDown,
  exponential,
  cosineTo,
  cosineRestarts,
  oneCycle,
  linearWarmup,
  reduceOnPlateau,
} as const satisfies Readonly<Record<(typeof SCHEDULES_WITH_SETTINGS)[number], unknown>>;

/** A schedule as JSON: a name, or `{kind}` with settings; `chain` has `parts: [{steps, schedule}, ...]`. */
export type ScheduleSpec =
  | ScheduleName
  | {
      readonly [K in keyof typeof FACTORIES]: { readonly kind: K } & Parameters<(typeof FACTORIES)[K]>[0];
    }[keyof typeof FACTORIES]
  | { readonly kind: 'chain'; readonly parts: readonly { readonly steps?: number; readonly schedule: ScheduleSpec }[] };

/** Creates a schedule from its spec. Throws `INVALID_SETTING`. */
export const createSchedule = (spec: ScheduleSpec): Schedule => create(spec, 0);

/** `depth`: the number of chains that contain this schedule. */
function create(spec: unknown, depth: number): Schedule {
  if (depth > 100) throw invalidSetting('schedule', 'is nested too deeply.', 'Chains may contain chains 100 times.');
  const { kind, ...settings }: Readonly<Record<string, unknown>> = isObject(spec) ? spec : { kind: spec };
  if (isKeyOf(SCHEDULES, kind)) {
    requireKeys('schedule', settings, []);
    return SCHEDULES[kind];
  }
  if (kind === 'chain') {
    requireKeys('schedule', settings, ['parts']);
    const { parts } = settings as { readonly parts?: unknown };
    const made = (part: unknown): unknown =>
      isObject(part) ? { ...part, schedule: create(part.schedule, depth + 1) } : part;
    return chain((Array.isArray(parts) ? Array.from(parts, made) : parts) as Parameters<typeof chain>[0]);
  }
  requireChoice('schedule', kind, [...PLAIN_SCHEDULES, ...Object.keys(FACTORIES), 'chain']);
  return (FACTORIES[kind as keyof typeof FACTORIES] as (settings: object) => Schedule)(settings);
}
