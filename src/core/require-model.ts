import { shown } from '../checks.js';
import { invalidSetting } from '../errors.js';
import { Model } from './model.js';

/** Throws `INVALID_SETTING` for a value that is not a model on this thread, and `DISPOSED` for one that was disposed of. */
export function requireModel(value: unknown): asserts value is Model {
  if (value instanceof Model) void value.kernels;
  else throw invalidSetting('model', `must be a model that createModel() made, got ${shown(value)}.`);
}
