/** `unspool/gpu`: the GPU backend and its modes, the fastest backend for a model, and downloads of a tape. */
export type { BackendTiming } from '../core/backend-timing.js';
export {
  createGpu,
  type DeviceInfo,
  GPU_MODES,
  type GpuCounts,
  type GpuKernels,
  type GpuMode,
} from '../kernels/gpu/index.js';
export { fastestBackend, type MeasureOptions, measureBackends } from './fastest.js';
export { type DownloadedStep, downloadSteps } from './steps.js';
