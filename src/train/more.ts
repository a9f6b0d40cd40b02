/**
 * What only some trainings need, loaded on demand. One module for all of it: each module that is loaded on demand makes bundlers
 * cut the code that it shares with a page into more files.
 */
export { createOptimizer } from '../optim/index.js';
export { createSchedule } from '../optim/schedules.js';
export { Average } from './averaging.js';
export { EarlyStopping } from './early-stopping.js';
export { evaluate } from './evaluate.js';
export { beginGradient, requireSameBatches, requireSameSettings, settingsOf } from './fingerprint.js';
export { gradientNoise } from './gradient-noise.js';
export { applyOrUndo } from './guard.js';
export { notFinite, notFiniteError, notFiniteIn, notFiniteLoss } from './not-finite.js';
export { restoreState, weightsHash } from './restore.js';
