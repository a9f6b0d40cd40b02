/** `unspool/inspect`: traces of passes as plain data, and analyses of them. */

export { ATTRIBUTIONS, type Attribution, type AttributionOptions, attribution } from './attribution.js';
export { type LogAxis, logAxis, logLabel, logTicks } from './axes.js';
export { cellStates } from './cell-states.js';
export {
  type ColorScale,
  type ColorScheme,
  colorAt,
  isDark,
  type Rgb,
  SERIES_COLORS,
  valueRange,
} from './colors.js';
export {
  type FlowVerdict,
  type GradientFlow,
  gradientByLag,
  gradientFlow,
  type LagFlow,
  type LayerLagFlow,
} from './flow.js';
export {
  CLOSED,
  type DeadUnit,
  deadUnits,
  GATES,
  type Gate,
  type GateStatistics,
  gateStatistics,
  OPEN,
  type ParameterNorm,
  parameterNorms,
  updateRatios,
} from './gates.js';
export type { Grid } from './grid.js';
export {
  type GateGrids,
  type LstmTrace,
  type LstmTraceGrad,
  stateBefore,
  stepAfter,
  stepBefore,
  type TracedVariant,
} from './lstm-trace.js';
export { type ScijsArray, toNdarray } from './ndarray.js';
export { nearestPatterns, type PatternMatch } from './nearest-patterns.js';
export { findNonFinite, type NonFiniteReport, type TensorElement } from './non-finite.js';
export { type JacobianSpectrum, jacobianSpectrum } from './spectra.js';
export { type PreactivationTerm, preactivationTerms } from './terms.js';
export { type Feature, textFeatures } from './text-features.js';
export { type Trace, type TraceOptions, trace } from './trace.js';
export {
  type FeatureSupport,
  type UnitCorrelation,
  type UnitCorrelationOptions,
  type UnitCorrelations,
  unitCorrelations,
} from './unit-correlations.js';
export { weightGradientByStep } from './weight-by-step.js';
