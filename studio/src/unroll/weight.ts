/** The weight that one looks at: one of those into a gate of the chosen unit. */
import { computed, signal } from '@preact/signals';
import { GATES, type Gate } from 'unspool/inspect';
import type { Place } from '../engine/api.js';
import { look, shownLayer, unit } from '../state.js';

export interface Source extends Place {
  readonly label: string;
}

export const weightGate = signal<Gate>('f');
/** Which of them. */
export const weightIndex = signal(0);

export const weights = computed((): Source[] => {
  const layer = shownLayer.value;
  if (!layer) return [];
  const row = GATES.indexOf(weightGate.value) * layer.hiddenSize + unit.value;
  const part = (name: string): string | undefined => layer.parameters[name];
  const list = (name: string, count: number, say: (k: number) => string): Source[] =>
    part(name) ? Array.from({ length: count }, (_, col) => ({ name: part(name)!, label: say(col), row, col })) : [];
  const bias = part('bias_ih');
  return [
    ...list('weight_ih', layer.inputSize, (k) => `from x[${k}]`),
    ...list('weight_hh', layer.outputSize, (k) => `from h⁻[${k}]`),
    ...(bias ? [{ name: bias, label: 'bias', row: 0, col: row }] : []),
  ];
});

export const weight = computed(
  (): Source | null => weights.value[Math.min(weightIndex.value, weights.value.length - 1)] ?? null,
);

/** Its value and its gradient in the pass that is shown. */
export const weightNow = computed(() => {
  const [at, trace] = [weight.value, look.value?.trace];
  if (!at || !trace) return null;
  const of = (grids: typeof trace.parameters): number => {
    const { data, cols } = grids[at.name]!;
    return data[at.row * cols + at.col]!;
  };
  return { value: of(trace.parameters), gradient: of(trace.gradients) };
});
