/** `unspool/gpu`: the GPU backend and its modes, the fastest backend for a model, and downloads of a tape. */
export type { BackendTiming } from '../core/backend-timing.js';
export { GPU_MODES, type GpuMode } from '../kernels/gpu/device/modes.js';
export { createGpu, type DeviceInfo, type GpuCounts, type GpuKernels } from '../kernels/gpu/index.js';
export { fastestBackend, type MeasureOptions, measureBackends } from './fastest.js';
export { type DownloadedStep, downloadSteps } from './steps.js';
