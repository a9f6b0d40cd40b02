/** A model's description: plain JSON, checked once before a model is built (spec-check.ts). */
import { isKeyOf, isObject } from '../checks.js';
import type { LayerSpec } from './layers/sizes.js';
import { requireCarries } from './lstm/spec.js';
import { MAX_LAYERS, MAX_SIZE } from './sizes.js';

export type { ActivitySpec } from './layers/activity.js';
export type { DropoutSpec } from './layers/dropout.js';
export type { EmbeddingSpec } from './layers/embedding.js';
export type { LinearSpec } from './layers/linear.js';
export type { RepeatSpec } from './layers/repeat.js';
export type { LayerSpec } from './layers/sizes.js';
export type { LstmSpec } from './lstm/spec.js';

/** A model's layers, from input to output. Plain JSON, unless an initializer is a function. */
export interface ModelSpec {
  /** Seed of the initial parameters. Default 1. */
  readonly seed?: number;
  /** Width of the input's rows. Required unless the first layer is an embedding. */
  readonly inputSize?: number;
  readonly layers: readonly LayerSpec[];
}

const isSize = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_SIZE;

/** The settings of plain layers; each is a size. */
const SIZES = { lstm: ['hiddenSize'], linear: ['size'], embedding: ['size', 'width'] };

/** Whether the spec has only sizes and is valid, so that the code of `requireSpec` need not be loaded. */
export function isSimpleSpec(spec: unknown): boolean {
  if (!isObject(spec)) return false;
  const { seed = 1, inputSize, layers, ...others } = spec;
  if (Object.keys(others).length > 0 || !Number.isSafeInteger(seed) || (seed as number) < 0) return false;
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) return false;
  const isSimple = (layer: unknown, i: number): boolean => {
    if (!isObject(layer) || !isKeyOf(SIZES, layer.kind) || (layer.kind === 'embedding' && i > 0)) return false;
    const sizes = SIZES[layer.kind];
    return Object.keys(layer).length === sizes.length + 1 && sizes.every((key) => isSize(layer[key]));
  };
  const first: unknown = layers[0];
  const startsWithTokens = isObject(first) && first.kind === 'embedding';
  return (
    layers.every(isSimple) &&
    layers.some((layer: LayerSpec) => layer.kind === 'lstm') &&
    (startsWithTokens ? inputSize === undefined : isSize(inputSize))
  );
}

/** Throws `INVALID_SETTING` where a layer cannot carry its state from one batch or step to the next. */
export function requireCarriedState({ layers }: ModelSpec): void {
  layers.forEach((layer, i) => {
    if (layer.kind === 'lstm') requireCarries(`layers[${i}]`, layer, (layer.direction ?? 'forward') !== 'forward');
  });
}
