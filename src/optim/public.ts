/**
 * The optimizers that few pages need. Training loads the same code on demand. index.ts exports it through these constants and not directly, because a
 * bundler would otherwise put it into every page that imports index.ts.
 */
import { adadelta as adadeltaCode } from './adadelta.js';
import { adagrad as adagradCode } from './adagrad.js';
import { grouped as groupedCode } from './grouped.js';
import { createOptimizer as createOptimizerCode, OPTIMIZERS as OPTIMIZERSCode } from './index.js';
import { lamb as lambCode } from './lamb.js';
import { lion as lionCode } from './lion.js';
import { nadam as nadamCode } from './nadam.js';
import { radam as radamCode } from './radam.js';
import { rmsprop as rmspropCode } from './rmsprop.js';

export type { AdadeltaSettings } from './adadelta.js';
export type { AdagradSettings } from './adagrad.js';
export type { GroupedSettings, ParameterGroup } from './grouped.js';
export type { OptimizerKind } from './index.js';
export type { LambSettings } from './lamb.js';
export type { LionSettings } from './lion.js';
export type { NadamSettings } from './nadam.js';
export type { RadamSettings } from './radam.js';
export type { RmspropSettings } from './rmsprop.js';

/** Adadelta (Zeiler 2012), as torch.optim.Adadelta: v = rho v + (1-rho) g^2; d = sqrt(u + eps) / sqrt(v + eps) g; u = rho u + (1-rho) d^2; w -= learningRate d Throws `INVALID_SETTING`. */
export const adadelta = adadeltaCode;

/** Adagrad (Duchi et al. */
export const adagrad = adagradCode;

/** Combines several optimizers, one for each group of parameters. */
export const grouped = groupedCode;

/** Creates an optimizer from its name or from its name and settings; `optimizer.spec` is such a spec. */
export const createOptimizer = createOptimizerCode;

/** The functions that create optimizers, by name. */
export const OPTIMIZERS = OPTIMIZERSCode;

/** LAMB (You et al. */
export const lamb = lambCode;

/** Lion (Chen et al. */
export const lion = lionCode;

/** NAdam (Dozat 2016), as torch.optim.NAdam since 2.0: m and v as in Adam; mu_t = b1 (1 - 0.96^(t momentumDecay) / 2); s = sqrt(v / (1-b2^t)) + eps w -= learningRate ((1-mu_t) / (1 - mu_1..mu_t) g + mu_{t+1} / (1 - mu_1..mu_{t+1}) m) / s Throws `INVALID_SETTING`. */
export const nadam = nadamCode;

/** RAdam (Liu et al. */
export const radam = radamCode;

/** RMSprop (Tieleman & Hinton 2012; centered: Graves 2013), as torch.optim.RMSprop: v = a v + (1-a) g^2; centered: m = a m + (1-a) g, s = sqrt(v - m^2) + eps; else s = sqrt(v) + eps w -= learningRate g / s; with momentum: u = momentum u + g / s; w -= learningRate u Throws `INVALID_SETTING`. */
export const rmsprop = rmspropCode;
