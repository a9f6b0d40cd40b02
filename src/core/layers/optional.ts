/** Layer kinds whose code is loaded when a spec has them: without parameters, and with the width of their input. */
import type { ActivitySpec, ActivityTape } from './activity.js';
import type { DropoutSpec, DropoutTape } from './dropout.js';
import { type LayerKind, type LayerTape, type OptionalLayers, requireVariants } from './layer.js';
import type { RepeatSpec, RepeatTape } from './repeat.js';

const optional = <S extends { readonly name?: string }, T extends LayerTape>(
  kind: keyof OptionalLayers,
): LayerKind<S, T> => ({
  build(spec, names) {
    const name = names.unique(spec.name ?? kind);
    return {
      name,
      parameters: [],
      tape(context, input) {
        const Tape = requireVariants(context.variants, name).layers[kind];
        return new Tape(context, name, spec as never, input) as LayerTape as T;
      },
    };
  },
});

export const dropout = /* @__PURE__ */ optional<DropoutSpec, DropoutTape>('dropout');
export const activity = /* @__PURE__ */ optional<ActivitySpec, ActivityTape>('activity');
export const repeat = /* @__PURE__ */ optional<RepeatSpec, RepeatTape>('repeat');
