/** The gradient laboratory (`unspool/lab`): every way to train through time behind one interface. */

export { ESTIMATORS, estimatorOf } from '../estimators/by-name.js';
export type { Cell, CellPoint, Readout } from '../estimators/cells/cell.js';
export { cellSystem } from '../estimators/cells/cell.js';
export { firstElement, influenceBalancing } from '../estimators/cells/linear.js';
export { rnnCell, squaredErrorReadout } from '../estimators/cells/rnn.js';
export {
  type Cost,
  type EstimatorRun,
  type GradientEstimator,
  type Unrolled,
  unroll,
} from '../estimators/estimator.js';
export { estimated } from '../estimators/fit.js';
export { adaptiveTbptt } from '../estimators/methods/adaptive.js';
export { artbp, bptt, hDetach, tbptt } from '../estimators/methods/backwards.js';
export { type CheckpointOptions, checkpointed } from '../estimators/methods/checkpointed.js';
export { type DeerOptions, deer, quasiDeer, solveTrajectory, type Trajectory } from '../estimators/methods/deer.js';
export { type EvolutionOptions, evolution, pes } from '../estimators/methods/evolution.js';
export { forwardGradient } from '../estimators/methods/forward-gradient.js';
export { ok } from '../estimators/methods/kronecker-sum.js';
export { eprop, rflo, snap } from '../estimators/methods/local.js';
export { kfRtrl, uoro } from '../estimators/methods/rank-one.js';
export { rtrl } from '../estimators/methods/rtrl.js';
export { type SyntheticOptions, syntheticGradients } from '../estimators/methods/synthetic.js';
export { randomizedTelescope } from '../estimators/methods/telescope.js';
export { sequenceOf } from '../estimators/model/batch-steps.js';
export { type ModelSystem, type ModelSystemOptions, modelSystem } from '../estimators/model/system.js';
export { type BudgetOptions, optimalPlan } from '../estimators/storage/optimal.js';
export {
  everySegment,
  keepAll,
  type Order,
  type PlanCost,
  planCost,
  type StoragePlan,
} from '../estimators/storage/plan.js';
export type { Block, StatePart, StepData, System, SystemStep, Units } from '../estimators/system.js';
export { gradientsByStep, type StepGradient } from './by-step.js';
export { type BlockComparison, type CompareOptions, type CompareReport, type Comparison, compare } from './compare.js';
export {
  type Done,
  type Experiment,
  figure,
  type Job,
  type JobResult,
  type Plot,
  type Report,
  type RunOptions,
  type Table,
  type Verdict,
} from './experiments/experiment.js';
export { EXPERIMENTS } from './experiments/index.js';
export { hessianVector } from './hessian.js';
export { type LagSpectrum, lagSpectrum } from './lags.js';
export { lyapunovExponents, singularValues, stateJacobians } from './spectra.js';
export { type StalenessOptions, type StalenessPoint, staleness } from './staleness.js';
export {
  adding,
  type CopyShape,
  copy,
  copyWidth,
  countingText,
  delayedAdd,
  delayedCopy,
  oneHot,
  type Sequences,
  sequencesBatch,
  temporalOrder,
} from './tasks.js';
