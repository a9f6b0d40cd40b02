/** The gradient of one step's loss by lag, of the pass that is shown. */
import { useEffect, useRef } from 'preact/hooks';
import type { LagFlow } from 'unspool/inspect';
import { showGradientByLag } from '../actions.js';
import { traced } from '../state.js';

/** Null for `t` null, and until it is computed. While another step of the same pass is computed, the last one stays. */
export function useLagFlow(t: number | null): LagFlow | null {
  const { id, flows } = traced.value!;
  useEffect(() => (t === null ? undefined : showGradientByLag(t)), [t, id]);
  const found = flows.find(({ step }) => step === t);
  const last = useRef<{ id: number; flow: LagFlow } | null>(null);
  if (found) last.current = { id, flow: found };
  return found ?? (t !== null && last.current?.id === id ? last.current.flow : null);
}
