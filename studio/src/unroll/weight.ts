/** The selected weight: one of those into a gate of the selected unit. */
import { computed, signal } from '@preact/signals';
import { GATES, type Gate } from 'unspool/inspect';
import type { WeightPosition } from '../engine/api.js';
import { traced, tracedLayer, unit } from '../state.js';

export interface WeightOption extends WeightPosition {
  readonly label: string;
}

export const weightGate = signal<Gate>('f');
/** Its index in `weightOptions`. */
export const weightIndex = signal(0);

export const weightOptions = computed((): WeightOption[] => {
  const layer = tracedLayer.value;
  if (!layer) return [];
  const row = GATES.indexOf(weightGate.value) * layer.hiddenSize + unit.value;
  const part = (name: string): string | undefined => layer.parameters[name];
  const list = (name: string, count: number, labelOf: (k: number) => string): WeightOption[] =>
    part(name) ? Array.from({ length: count }, (_, col) => ({ name: part(name)!, label: labelOf(col), row, col })) : [];
  const bias = part('bias_ih');
  return [
    ...list('weight_ih', layer.inputSize, (k) => `from x[${k}]`),
    ...list('weight_hh', layer.outputSize, (k) => `from h⁻[${k}]`),
    ...(bias ? [{ name: bias, label: 'bias', row: 0, col: row }] : []),
  ];
});

export const selectedWeight = computed(
  (): WeightOption | null => weightOptions.value[Math.min(weightIndex.value, weightOptions.value.length - 1)] ?? null,
);

/** The selected weight's value and gradient. */
export const selectedWeightValues = computed(() => {
  const [at, trace] = [selectedWeight.value, traced.value?.trace];
  if (!at || !trace) return null;
  const of = (grids: typeof trace.parameters): number => {
    const { data, cols } = grids[at.name]!;
    return data[at.row * cols + at.col]!;
  };
  return { value: of(trace.parameters), gradient: of(trace.gradients) };
});
