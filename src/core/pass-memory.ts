/** What a pass takes: its tape, laid on a backend that only counts. */
import { buildLayers, layTape, type TapeOptions } from './build.js';
import type { Kernels } from './kernels.js';
import type { PassShape } from './layer.js';
import type { LossChoice } from './losses.js';
import { MemoryMeter } from './memory-meter.js';
import type { ModelSpec } from './spec.js';
import type { Tape } from './tape.js';

export interface PassMemory extends TapeOptions {
  /** Default `crossEntropy`; null for none, as in `model.predict`. */
  readonly loss?: LossChoice | null;
  /** Throw `OUT_OF_MEMORY` where the total is beyond this. Default: tell it however large it is. */
  readonly limit?: number;
}

/** A tape with its loss, as `fit` lays them. */
export function layPass(k: Kernels, spec: ModelSpec, shape: PassShape, options: PassMemory): Tape {
  const { inputGradient = false, loss = 'crossEntropy', ...rest } = options;
  const tape = layTape(k, spec, buildLayers(spec), shape, { inputGradient, ...rest });
  if (loss !== null) tape.layLoss(loss);
  return tape;
}

/** What the last time step of all rows (of the first two, at the least) adds to a tape, and what stands before it. */
export function passBytes(
  kernels: Kernels,
  spec: ModelSpec,
  shape: PassShape,
  options: PassMemory = {},
): { readonly step: number; readonly before: number } {
  const tape = (steps: number): number => {
    const meter = new MemoryMeter(kernels, options.limit);
    layPass(meter.kernels, spec, { ...shape, steps }, options);
    return meter.allocated;
  };
  const steps = Math.max(2, shape.steps);
  const before = tape(steps - 1);
  return { step: tape(steps) - before, before };
}
