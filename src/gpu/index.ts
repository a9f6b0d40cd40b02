/** `unspool/gpu`: the GPU's modes, which backend is fastest for a model, and the tape brought back. */
export type { BackendTiming as MeasuredBackend } from '../core/measured.js';
export {
  createGpu,
  type DeviceInfo,
  GPU_MODES,
  type GpuCounts,
  type GpuKernels,
  type GpuMode,
} from '../kernels/gpu/index.js';
export { type MeasureOptions, measureBackends, measuring } from './fastest.js';
export { type DownloadedStep, downloadSteps } from './steps.js';
