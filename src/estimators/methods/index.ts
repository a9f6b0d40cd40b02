/** The registry of estimators: one line per file of this folder. An estimator's name is the name of its export. */
export { adaptiveTbptt } from './adaptive.js';
export { artbp, bptt, hDetach, tbptt } from './backwards.js';
export { checkpointed } from './checkpointed.js';
export { deer, quasiDeer } from './deer.js';
export { evolution, pes } from './evolution.js';
export { forwardGradient } from './forward-gradient.js';
export { ok } from './kronecker-sum.js';
export { eprop, rflo, snap } from './local.js';
export { kfRtrl, uoro } from './rank-one.js';
export { rtrl } from './rtrl.js';
export { syntheticGradients } from './synthetic.js';
export { randomizedTelescope } from './telescope.js';
