import type { BackendEntry } from '../shared/backend.js';
import { GPU_MODES, type GpuMode } from './device/modes.js';

/** The registry's entry of the GPU backend. Its code is loaded when it is created. */
export const gpu = {
  precisions: ['float32'],
  modes: GPU_MODES,
  create: async ({ variant }) => (await import('./index.js')).createGpu(variant as GpuMode | null),
} as const satisfies BackendEntry;
