/** A layer of Keras as layers of Unspool, and the weights that it takes from the file. */
import type { FloatArray } from '../../../contract/kernels.js';
import type { LayerSpec } from '../../../core/spec.js';
import type { ForeignTensor } from '../tensors.js';
import type { Version } from './activations.js';
import { type Json, type KerasLayer, own } from './config.js';

/** A weight that a layer has in Keras: its name and shape. A null size is not known from the config. */
export interface WeightShape {
  readonly name: string;
  readonly shape: readonly (number | null)[];
}

/** The numbers of a layer's parameters by what they are: `weight_ih`, `bias_ih_reverse`. */
export type Parts = Readonly<Record<string, FloatArray>>;

/** A layer of Keras as layers of Unspool. */
export interface Conversion {
  /** What it is, for lists: the class, unless that does not say that it is an LSTM. */
  readonly kind: string;
  /** Its sizes, for people. */
  readonly size: string;
  /** Layers of Unspool; none for a layer that has no effect outside of training. */
  readonly specs: readonly LayerSpec[];
  /** What is different from Keras, in sentences. */
  readonly notes: readonly string[];
  /** Its weights in Keras' order. */
  readonly weights: readonly WeightShape[];
  /** Converts the weights, which have the shapes of `weights`, to the parameters of each of `specs`. */
  convert(weights: readonly ForeignTensor[]): readonly Parts[];
}

/** Where a layer is. */
export interface Place {
  readonly version: Version;
  /** Whether no later layer has an effect on the output. */
  readonly isLast: boolean;
}

/** Converts a layer, or says why it cannot be converted, as a sentence. */
export type Convert = (layer: KerasLayer, place: Place) => Conversion | string;

const NOTHING = { size: '', specs: [], notes: [], weights: [], convert: () => [] };

/** A conversion without weights. */
export const plain = (kind: string, parts: Partial<Conversion> = {}): Conversion => {
  const { specs = [] } = parts;
  return { kind, ...NOTHING, convert: () => specs.map(() => ({})), ...parts };
};

/** A size of a config; null if it is not one. */
export function sizeIn(config: Json, key: string): number | null {
  const value = own(config, key);
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : null;
}

/** A rate of dropout in a config; 0 if it is missing. */
export const rateIn = (config: Json, key: string): number => {
  const value = own(config, key);
  return typeof value === 'number' && value > 0 && value < 1 ? value : 0;
};

/** A layer that another one wraps, as in Bidirectional and TimeDistributed. */
export function wrapped(config: Json, key: string): { className: string; config: Json } | null {
  const inner = own(config, key);
  if (typeof inner !== 'object' || inner === null) return null;
  const className = own(inner as Json, 'class_name');
  const innerConfig = own(inner as Json, 'config');
  if (typeof className !== 'string' || typeof innerConfig !== 'object' || innerConfig === null) return null;
  return { className, config: innerConfig as Json };
}
