/** Defaults of the settings of a task's training. */

/** Passes over the training part. */
export const DEFAULT_EPOCHS = 20;
export const DEFAULT_LEARNING_RATE = 0.005;

/** Units of a forecaster's LSTM layers. */
export const DEFAULT_HIDDEN_SIZE = 48;

/** Windows in a batch of a forecaster. */
export { DEFAULT_BATCH_SIZE } from '../data/series/defaults.js';
