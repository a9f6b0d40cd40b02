/** Looking inside (`unspool/inspect`): traces of whole passes as plain data. */

export type { Grid } from './grid.js';
export {
  type GateGrids,
  type LstmTrace,
  type LstmTraceGrad,
  stateBefore,
  stepAfter,
  stepBefore,
  type TracedForm,
} from './lstm-trace.js';
export { type Trace, type TraceOptions, trace } from './trace.js';
export { weightGradientByStep } from './weight-by-step.js';
