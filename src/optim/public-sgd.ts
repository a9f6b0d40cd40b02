/** SGD for index.ts: see public-common.ts. */
import { sgd as sgdCode } from './sgd.js';

export type { SgdSettings } from './sgd.js';

/** Stochastic gradient descent, with momentum as torch.optim.SGD. */
export const sgd = sgdCode;
