/** `unspool/tune`: searches for the best settings, also in a page. */
export { type Importance, importance } from './importance.js';
export { type Objective, type TrialContext, type TuneOptions, type TuneResult, tune } from './search.js';
export type { Choices, NumberRange, SearchSpace, TrialSettings } from './space.js';
export type { Trial } from './trial.js';
