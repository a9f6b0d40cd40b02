/** The names that layers have by default. */
import type { LayerSpec } from '../core/spec.js';

/** The name of the first layer of a kind; an LSTM's parameters have its level in addition. */
export const defaultName = (kind: LayerSpec['kind']): string => (kind === 'linear' ? 'head' : kind);
