/**
 * Evaluation and the learning rate finder. Training loads the code of evaluation on demand. index.ts exports it through these constants and not directly, because a
 * bundler would otherwise put it into every page that imports index.ts.
 */
import { accumulate as accumulateCode } from './accumulate.js';
import { evaluate as evaluateCode } from './evaluate.js';
import { findLearningRate as findLearningRateCode } from './find-learning-rate.js';

/** Returns the mean loss over all targets of a source, even for a loss that sums. */
export const evaluate = evaluateCode;

/** Makes a short training with a learning rate that grows, and suggests one (Smith 2017). */
export const findLearningRate = findLearningRateCode;

/** Groups batches, so that `fit` makes one update for several of them, as for one large batch, with the memory of one. */
export const accumulate = accumulateCode;
