/** The settings of `unspool gradcheck`, in its config file. */
import type { LossChoice, ModelSpec } from '../../index.js';
import { integer, number, setting } from '../settings.js';

/** A layer of each main kind, all of different sizes, so that no mistake can cancel out by symmetry. */
const MODEL: ModelSpec = {
  seed: 1,
  layers: [
    { kind: 'embedding', size: 11, width: 4 },
    { kind: 'lstm', hiddenSize: 5 },
    { kind: 'lstm', hiddenSize: 6 },
    { kind: 'linear', size: 7 },
  ],
};

export const GRADCHECK_CONFIG = {
  model: setting<ModelSpec>({ type: 'object', default: MODEL, help: 'the model' }),
  steps: integer({ default: 8, min: 1, help: 'time steps of the random batch' }),
  batchSize: integer({ default: 3, min: 1, help: 'rows of the random batch' }),
  loss: setting<LossChoice | undefined>({ type: 'text', mayBeObject: true, help: 'the loss' }),
  epsilon: number({ help: 'distance of the finite differences' }),
  tolerance: number({ help: 'largest relative error that passes' }),
};
