/** Learning-rate schedules: the factor on the optimizer's rate at update `step` (from 1) of `steps`. */
import type { Schedule } from '../core/optimizer.js';

/** The same rate throughout. */
export const constant: Schedule = () => 1;

/** Straight down from 1 at the first update to nearly 0 at the last. */
export const linear: Schedule = (step, steps) => 1 - (step - 1) / steps;

/** Half a cosine from 1 down to nearly 0 (Loshchilov & Hutter 2017, without restarts). */
export const cosine: Schedule = (step, steps) => (1 + Math.cos((Math.PI * (step - 1)) / steps)) / 2;

export const SCHEDULES = { constant, linear, cosine } as const;
export type ScheduleName = keyof typeof SCHEDULES;
