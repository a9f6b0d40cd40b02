/**
 * The GPU backend: the instructions as kernels of gpu.js, in float32. Calls are recorded, and run when something is
 * read. Weights, states and the tape stay on the device. docs/gpu.md describes the modes and their limits.
 */
import { requireChoice, requireInteger, requireOptional, requireOptions } from '../../checks.js';
import type { Kernels } from '../../contract/kernels.js';
import type { Device, DeviceInfo } from './device/device.js';
import { tooLarge } from './device/faults.js';
import { GPU_MODES, type GpuMode } from './device/modes.js';
import { openDevice, openGpu } from './device/open.js';
import { computing } from './instructions/computing.js';
import { memory } from './instructions/memory.js';
import type { GpuCounts } from './record/counts.js';
import { type Execution, Executor, type GpuTestOptions } from './record/executor.js';
import { Recorder } from './record/recorder.js';
import { MAX_ELEMENTS } from './thresholds.js';
import { traced, tracerOf } from './traced.js';

export type { DeviceInfo } from './device/device.js';
export type { GpuMode } from './device/modes.js';
export type { GpuCounts } from './record/counts.js';

/** The GPU backend, with what it reports about its device and its runs. */
export interface GpuKernels extends Kernels {
  readonly device: DeviceInfo;
  /**
   * Elements that one kernel can read or write. Larger matrices are processed in blocks if the instruction allows it.
   */
  readonly maxElements: number;
  /**
   * How the last run was executed: as single kernels, whose results stay on the device; as a replay of such a run, on
   * webgpu; or as one plan of gpu.js (`fused-encoder` on webgpu, `fused-sync` and `fused-threaded` on webasm).
   */
  readonly executor: Execution;
  /** Why gpu.js refused to make a plan; null if it made all of them, or was not asked to. */
  readonly planRefused: string | null;
  /** What has run so far, and what is on the device. */
  readonly counts: Readonly<GpuCounts>;
}

/**
 * Opens a mode, with its own memory; null opens webgpu or, if it is not available, webgl2. Throws `INVALID_SETTING`,
 * with the reason, if the mode is not available. `options` are for tests.
 */
export async function createGpu(mode: GpuMode | null, options?: GpuTestOptions): Promise<GpuKernels> {
  if (mode !== null) requireChoice('mode', mode, GPU_MODES);
  requireOptions('options', options, ['maxElements', 'fusesSums', 'plans', 'replays']);
  if (options?.maxElements !== undefined) requireInteger('maxElements', options.maxElements, 1, MAX_ELEMENTS);
  for (const name of ['fusesSums', 'plans', 'replays'] as const) requireOptional(name, options?.[name], 'boolean');
  return kernelsOver(await (mode ? openDevice(mode) : openGpu()), options);
}

function kernelsOver(device: Device, options?: GpuTestOptions): GpuKernels {
  const executor = new Executor(device, options);
  const rec = new Recorder(executor);
  const { instructions, freeAll } = memory(rec);
  const all = { ...instructions, ...computing(rec) };
  const tracer = executor.replays ? tracerOf(rec, all) : null;
  return {
    name: 'gpu',
    variant: device.info.mode,
    precision: 'float32',
    maxElements: executor.maxElements,
    requireFits(parameters) {
      for (const { name, shape } of parameters) {
        const size = shape.reduce((all, n) => all * n, 1);
        if (size > executor.maxElements) throw tooLarge(size, executor.maxElements, `${name} [${shape.join(', ')}]`);
      }
    },
    device: device.info,
    get executor() {
      return executor.lastRun;
    },
    get planRefused() {
      return executor.planRefused;
    },
    counts: executor.counts,
    dispose() {
      tracer?.dispose();
      freeAll();
      rec.runs.close(() => {
        executor.dispose();
        device.dispose();
      });
    },
    ...all,
    ...(tracer && traced(tracer, all)),
  };
}
