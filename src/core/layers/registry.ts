/** All layer kinds by the `kind` of their spec. To add one, write its file and add it here. */
import { lstm } from '../lstm/layer.js';
import { embedding } from './embedding.js';
import type { LayerKind, LayerTape } from './layer.js';
import { linear } from './linear.js';
import { activity, dropout, repeat } from './optional.js';

export const LAYER_KINDS = { embedding, lstm, linear, dropout, repeat, activity };

type Kinds = typeof LAYER_KINDS;
type SpecOf<K> = K extends LayerKind<infer S, infer _> ? S : never;
type TapeOf<K> = K extends LayerKind<infer _, infer T> ? T : never;

/** One layer of a `ModelSpec`, discriminated by `kind`. */
export type LayerSpec = { readonly [K in keyof Kinds]: SpecOf<Kinds[K]> }[keyof Kinds];

/** One layer's part of a tape, discriminated by `kind`. */
export type AnyLayerTape = { readonly [K in keyof Kinds]: TapeOf<Kinds[K]> }[keyof Kinds];

/** The kind of a layer whose spec has been checked. */
export const kindOf = (spec: LayerSpec): LayerKind<LayerSpec, AnyLayerTape> =>
  LAYER_KINDS[spec.kind] satisfies LayerKind<never, LayerTape> as LayerKind<LayerSpec, AnyLayerTape>;

/** Time steps of the output of `layers` over an input of `steps`. */
export const outputStepsOf = (layers: readonly LayerSpec[], steps: number): number =>
  layers.reduce((left, layer) => kindOf(layer).outputSteps?.(layer, left) ?? left, steps);
