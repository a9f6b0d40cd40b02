/** Runs every analysis of `unspool/inspect` on one subject. */
import {
  type Attribution,
  attribution,
  type DeadUnit,
  deadUnits,
  findNonFinite,
  type GateStatistics,
  type GradientFlow,
  gateStatistics,
  gradientByLag,
  gradientFlow,
  type JacobianSpectrum,
  jacobianSpectrum,
  type LagFlow,
  type NonFiniteReport,
  type ParameterNorm,
  parameterNorms,
  type Trace,
  trace,
} from '../../inspect/index.js';
import type { Subject } from './subject.js';
import { type Tracking, trackingOf } from './tracking.js';

export interface LayerFindings {
  readonly name: string;
  readonly gates: readonly GateStatistics[];
  readonly dead: readonly DeadUnit[];
  readonly flow: GradientFlow;
}

export interface Findings {
  readonly trace: Trace;
  readonly layers: readonly LayerFindings[];
  /** What units track; null for a model that reads numbers. */
  readonly tracking: Tracking | null;
  readonly lags: LagFlow;
  readonly norms: readonly ParameterNorm[];
  readonly notFinite: NonFiniteReport;
  readonly attributions: { readonly gradient: Attribution; readonly integrated: Attribution };
  /** Null for a model whose state is not carried from step to step, or is too large for O(S^3) work per step. */
  readonly spectrum: JacobianSpectrum | null;
}

/** Largest size S of a state for which the singular values are computed, which takes O(S^3) per step. */
const MAX_STATE_SIZE = 160;

export async function findingsOf({ file, model, batch, tracked }: Subject): Promise<Findings> {
  const found = await trace(model, batch);
  const lags = await gradientByLag(model, batch);
  const { step } = lags;
  return {
    trace: found,
    layers: found.layers.map((layer) => ({
      name: layer.name,
      gates: gateStatistics(layer),
      dead: deadUnits(layer),
      flow: gradientFlow(layer),
    })),
    tracking: tracked && (await trackingOf(file, tracked)),
    lags,
    norms: parameterNorms(found),
    notFinite: findNonFinite(found),
    attributions: {
      gradient: await attribution(model, batch, { method: 'gradient', step }),
      integrated: await attribution(model, batch, { method: 'integratedGradients', step, points: 32 }),
    },
    spectrum: spectrumOf(found, () => jacobianSpectrum(model, batch)),
  };
}

function spectrumOf({ layers }: Trace, make: () => JacobianSpectrum): JacobianSpectrum | null {
  const size = layers.reduce((sum, { hiddenSize, outputSize }) => sum + hiddenSize + outputSize, 0);
  const carried = layers.every((layer) => !layer.reverse && !layer.lastOnly && !layer.variant.gateRecurrence);
  return carried && size <= MAX_STATE_SIZE ? make() : null;
}
