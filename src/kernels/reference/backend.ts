import type { BackendEntry } from '../shared/backend.js';

/** The registry's entry of the reference backend. Its code is loaded when it is created. */
export const reference = {
  precisions: ['float32', 'float64'],
  modes: [],
  measuredModes: [],
  automatic: true,
  hasThreads: false,
  unavailable: () => null,
  variant: () => null,
  create: async ({ precision }) => (await import('./index.js')).createReference(precision),
} as const satisfies BackendEntry;
