/** The registry of estimators: one line for each file of this folder. Their names are those of the exports. */
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
