import type { BackendEntry } from '../shared/backend.js';

/** The reference backend in the registry of backends. Creating the backend loads its code. */
export const reference = {
  precisions: ['float32', 'float64'],
  create: async ({ precision }) => (await import('./index.js')).createReference(precision),
} as const satisfies BackendEntry;
