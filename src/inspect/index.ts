/** Looking inside (`unspool/inspect`): traces of whole passes as plain data, and what can be told from them. */

export { ATTRIBUTIONS, type Attribution, type AttributionOptions, attribution } from './attribution.js';
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
  type LagFlowOfLayer,
} from './flow.js';
export { type Forensics, forensics, type Suspect } from './forensics.js';
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
export { type JacobianSpectrum, jacobianSpectrum } from './spectra.js';
export { type PreactivationTerm, preactivationTerms } from './terms.js';
export { type Trace, type TraceOptions, trace } from './trace.js';
export {
  type Feature,
  type Match,
  nearestPatterns,
  type Tracking,
  textFeatures,
  whatUnitsTrack,
} from './tracking.js';
export { weightGradientByStep } from './weight-by-step.js';
