/** Windows in a batch, unless the options say otherwise. */
export const DEFAULT_BATCH_SIZE = 64;
