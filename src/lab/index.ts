/** The gradient laboratory (`unspool/lab`): estimators of the gradient through time, and tools to compare them. */

export type { Cell, CellPoint, Readout } from '../estimators/cells/cell.js';
export { cellSystem } from '../estimators/cells/cell.js';
export { rnnCell, squaredErrorReadout } from '../estimators/cells/rnn.js';
export {
  type EstimatorCost,
  type EstimatorInfo,
  type EstimatorRun,
  type GradientEstimator,
  type UnrollResult,
  unroll,
} from '../estimators/estimator.js';
export { estimatorGradient } from '../estimators/fit.js';
export type { CheckpointOptions } from '../estimators/methods/checkpointed.js';
export { type DeerOptions, solveTrajectory, type Trajectory } from '../estimators/methods/deer.js';
export type { EvolutionOptions } from '../estimators/methods/evolution.js';
export * from '../estimators/methods/index.js';
export type { SyntheticOptions } from '../estimators/methods/synthetic.js';
export { batchToSteps } from '../estimators/model/batch-steps.js';
export { type ModelSystem, type ModelSystemOptions, modelSystem } from '../estimators/model/system.js';
export { ESTIMATORS, type EstimatorFactory, parseEstimator } from '../estimators/registry.js';
export { type BudgetOptions, optimalPlan } from '../estimators/storage/optimal.js';
export {
  everySegment,
  keepAll,
  type PlanCost,
  type PlanOrder,
  planCost,
  type StoragePlan,
} from '../estimators/storage/plan.js';
export type {
  GatedUnits,
  ParameterBlock,
  StatePart,
  StepData,
  System,
  SystemStep,
} from '../estimators/system.js';
export { gradientsByStep, type StepGradient } from './by-step.js';
export { type BlockComparison, type CompareOptions, type CompareReport, type Comparison, compare } from './compare.js';
export { hessianVector } from './hessian.js';
export { type LagSpectrum, lagSpectrum } from './lags.js';
export { lyapunovExponents, singularValues, stateJacobians } from './spectra.js';
export { type StalenessOptions, type StalenessPoint, staleness } from './staleness.js';
export {
  addingTask,
  type CopyTaskOptions,
  copyTask,
  copyWidth,
  countingText,
  delayedAddTask,
  delayedCopyTask,
  type Sequences,
  stepsToBatch,
  temporalOrderTask,
} from './tasks.js';
