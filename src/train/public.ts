/**
 * Evaluation. Training loads the same code on demand. index.ts exports it through these constants and not directly, because a
 * bundler would otherwise put it into every page that imports index.ts.
 */
import { evaluate as evaluateCode } from './evaluate.js';

/** Returns the mean loss over all targets of a source, even for a loss that sums. */
export const evaluate = evaluateCode;
