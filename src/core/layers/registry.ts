/** All layer kinds by the `kind` of their spec. To add one, write its file and add it here. */
import { lstm } from '../lstm/layer.js';
import { embedding } from './embedding.js';
import type { LayerKind, LayerTape } from './layer.js';
import { linear } from './linear.js';
import { activity, dropout, repeat } from './optional.js';
import type { LayerSpec } from './sizes.js';

const LAYER_KINDS = { embedding, lstm, linear, dropout, repeat, activity };

type TapeOf<K> = K extends LayerKind<infer _, infer T> ? T : never;

/** One layer's part of a tape, discriminated by `kind`. */
export type AnyLayerTape = {
  readonly [K in keyof typeof LAYER_KINDS]: TapeOf<(typeof LAYER_KINDS)[K]>;
}[LayerSpec['kind']];

/** The kind of a layer whose spec has been checked. */
export const kindOf = (spec: LayerSpec): LayerKind<LayerSpec, AnyLayerTape> =>
  LAYER_KINDS[spec.kind] satisfies LayerKind<never, LayerTape> as LayerKind<LayerSpec, AnyLayerTape>;
