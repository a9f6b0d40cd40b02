/**
 * The optimizer that most pages use. Training loads the same code on demand. index.ts exports it through these constants and not directly,
 * because a bundler would otherwise put it into every page that imports index.ts, even if the page only predicts.
 */
import { adam as adamCode, adamW as adamWCode } from './adam.js';
import { OptimizerRun as OptimizerRunCode } from './optimizer.js';

export type { AdamSettings } from './adam.js';
export type { Optimizer, OptimizerPass, OptimizerSettings, OptimizerSpec, OptimizerState } from './optimizer.js';

/** Adam (Kingma & Ba 2015), as torch.optim.Adam. */
export const adam = adamCode;

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019), as torch.optim.AdamW. */
export const adamW = adamWCode;

/** An optimizer at work on the parameters of a model, for custom training loops. */
export const OptimizerRun = OptimizerRunCode;
/** An optimizer at work on the parameters of a model. */
export type OptimizerRun = OptimizerRunCode;
