/** The names that settings of `unspool train` had in 0.1. */
export const FORMER_SETTINGS = {
  hiddenSize: 'hidden',
  embeddingSize: 'embedding',
  batchSize: 'batch',
  validationSplit: 'heldOut',
  maxUpdates: 'maxSteps',
  clipNorm: 'clip',
} as const;
