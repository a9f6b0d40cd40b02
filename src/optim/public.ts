/**
 * The optimizers that few pages need. Training loads the same code on demand. index.ts exports it through these
 * constants and not directly, because a bundler would otherwise put it into every page that imports index.ts.
 */
import { adadelta as adadeltaCode } from './adadelta.js';
import { adagrad as adagradCode } from './adagrad.js';
import { amsgrad as amsgradCode } from './amsgrad.js';
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

/** Adadelta (Zeiler 2012), as torch.optim.Adadelta. */
export const adadelta = adadeltaCode;

/** Adagrad (Duchi et al. 2011), as torch.optim.Adagrad. */
export const adagrad = adagradCode;

/** Adam with the largest second moment so far (Reddi et al. 2018). */
export const amsgrad = amsgradCode;

/** Combines several optimizers, one for each group of parameters. */
export const grouped = groupedCode;

/** Creates an optimizer from its name or from its name and settings; `optimizer.spec` is such a spec. */
export const createOptimizer = createOptimizerCode;

/** The functions that create optimizers, by name. */
export const OPTIMIZERS = OPTIMIZERSCode;

/** LAMB (You et al. 2020). */
export const lamb = lambCode;

/** Lion (Chen et al. 2023). */
export const lion = lionCode;

/** NAdam (Dozat 2016), as torch.optim.NAdam. */
export const nadam = nadamCode;

/** RAdam (Liu et al. 2020), as torch.optim.RAdam. */
export const radam = radamCode;

/** RMSprop (Tieleman & Hinton 2012; centered: Graves 2013), as torch.optim.RMSprop. */
export const rmsprop = rmspropCode;
