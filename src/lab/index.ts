/** The gradient laboratory (`unspool/lab`): every way to train through time behind one interface. */

export { adaptiveTbptt } from '../estimators/adaptive.js';
export { artbp, bptt, hDetach, tbptt } from '../estimators/backwards.js';
export { sequenceOf } from '../estimators/batch-steps.js';
export { ESTIMATORS, estimatorOf } from '../estimators/by-name.js';
export type { Cell, CellPoint, Readout } from '../estimators/cells/cell.js';
export { cellSystem } from '../estimators/cells/cell.js';
export { firstElement, influenceBalancing } from '../estimators/cells/linear.js';
export { rnnCell, squaredErrorReadout } from '../estimators/cells/rnn.js';
export { type CheckpointOptions, checkpointed } from '../estimators/checkpointed.js';
export { type DeerOptions, deer, quasiDeer, solveTrajectory, type Trajectory } from '../estimators/deer.js';
export {
  type Cost,
  type EstimatorRun,
  type GradientEstimator,
  type Unrolled,
  unroll,
} from '../estimators/estimator.js';
export { type EvolutionOptions, evolution, pes } from '../estimators/evolution.js';
export { forwardGradient } from '../estimators/forward-gradient.js';
export { ok } from '../estimators/kronecker-sum.js';
export { eprop, rflo, snap } from '../estimators/local.js';
export { type ModelSystem, type ModelSystemOptions, modelSystem } from '../estimators/model-system.js';
export { kfRtrl, uoro } from '../estimators/rank-one.js';
export { rtrl } from '../estimators/rtrl.js';
export { everySegment, keepAll, type Order, type PlanCost, planCost, type StoragePlan } from '../estimators/storage.js';
export { type BudgetOptions, optimalPlan } from '../estimators/storage-optimal.js';
export { type SyntheticOptions, syntheticGradients } from '../estimators/synthetic.js';
export type { Block, StatePart, StepData, System, SystemStep, Units } from '../estimators/system.js';
export { randomizedTelescope } from '../estimators/telescope.js';
export { estimated } from '../estimators/training.js';
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
