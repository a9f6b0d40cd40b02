/** All that is found out about one subject. */
import {
  type Attribution,
  attribution,
  type DeadUnit,
  deadUnits,
  type Forensics,
  forensics,
  type GateStatistics,
  type GradientFlow,
  gateStatistics,
  gradientByLag,
  gradientFlow,
  type JacobianSpectrum,
  jacobianSpectrum,
  type LagFlow,
  type ParameterNorm,
  parameterNorms,
  type Trace,
  type Tracking,
  textFeatures,
  trace,
  whatUnitsTrack,
} from '../../inspect/index.js';
import type { Subject } from './subject.js';

export interface LayerFindings {
  readonly name: string;
  readonly gates: readonly GateStatistics[];
  readonly dead: readonly DeadUnit[];
  readonly flow: GradientFlow;
  readonly tracks: readonly Tracking[];
}

export interface Findings {
  readonly trace: Trace;
  readonly layers: readonly LayerFindings[];
  readonly lags: LagFlow;
  readonly norms: readonly ParameterNorm[];
  readonly notFinite: Forensics;
  readonly moves: { readonly gradient: Attribution; readonly integrated: Attribution };
  /** Null for a model whose state cannot be carried step by step, or that is too large for S^3 a step. */
  readonly spectrum: JacobianSpectrum | null;
}

/** Numbers of a state beyond which the singular values of every step take too long. */
const LARGEST_STATE = 160;

export async function findingsOf({ model, batch, text }: Subject): Promise<Findings> {
  const found = await trace(model, batch);
  const features = text === null ? [] : textFeatures(text);
  const lags = await gradientByLag(model, batch);
  const { step } = lags;
  return {
    trace: found,
    layers: found.layers.map((layer) => ({
      name: layer.name,
      gates: gateStatistics(layer),
      dead: deadUnits(layer),
      flow: gradientFlow(layer),
      tracks: whatUnitsTrack(layer.c, features),
    })),
    lags,
    norms: parameterNorms(found),
    notFinite: forensics(found),
    moves: {
      gradient: await attribution(model, batch, { method: 'gradient', step }),
      integrated: await attribution(model, batch, { method: 'integratedGradients', step, points: 32 }),
    },
    spectrum: spectrumOf(found, () => jacobianSpectrum(model, batch)),
  };
}

function spectrumOf({ layers }: Trace, make: () => JacobianSpectrum): JacobianSpectrum | null {
  const size = layers.reduce((sum, { hiddenSize, outputSize }) => sum + hiddenSize + outputSize, 0);
  const carried = layers.every((layer) => !layer.reverse && !layer.lastOnly && !layer.variant.gateRecurrence);
  return carried && size <= LARGEST_STATE ? make() : null;
}
