/**
 * The GPU backend: the same instructions as kernels of gpu.js, in float32. Calls are recorded and run when something is read;
 * weights, states and the tape stay on the device. docs/gpu.md tells of its modes and their limits.
 */
import type { BackendMemory, Kernels, MemoryRules } from '../../contract/kernels.js';
import type { Device, DeviceInfo } from './device/device.js';
import { tooLarge } from './device/faults.js';
import type { GpuMode } from './device/modes.js';
import { openDevice, openGpu } from './device/open.js';
import { cells } from './instructions/cell.js';
import { cellHalves } from './instructions/cell-halves.js';
import { elements } from './instructions/elements.js';
import { losses } from './instructions/losses.js';
import { noise } from './instructions/noise.js';
import { layerNorms } from './instructions/norm.js';
import { products } from './instructions/products.js';
import { rows } from './instructions/rows.js';
import { updates } from './instructions/updates.js';
import { Executor, type GpuCounts, type Trial } from './record/executor.js';
import type { PlanKind } from './record/plans.js';
import { Recorder } from './record/recorder.js';
import { asColumn, rowsOf, type Window, windowOf } from './record/values.js';

export type { DeviceInfo } from './device/device.js';
export { GPU_MODES, type GpuMode } from './device/modes.js';
export type { GpuCounts } from './record/executor.js';

export interface GpuKernels extends Kernels {
  readonly device: DeviceInfo;
  /** Elements of what one kernel reads or writes at the most. Larger matrices are worked at block by block, where that is possible. */
  readonly mostElements: number;
  /**
   * How the calls recorded last were run: each as a kernel whose result stays on the device, or all as one plan of gpu.js
   * (`fused-encoder` on webgpu, `fused-sync` and `fused-threaded` on webasm).
   */
  readonly executor: 'single kernels' | PlanKind;
  /** Why gpu.js would make no plan; null where it did, or was not asked. */
  readonly planRefused: string | null;
  /** What has happened so far, and what is on the device. */
  readonly counts: Readonly<GpuCounts>;
}

/**
 * Opens a mode (null: webgpu or, without it, webgl2) and gives it a memory of its own. Throws `INVALID_SETTING`, saying why,
 * where there is none of it here. `trial` is for tests.
 */
export async function createGpu(mode: GpuMode | null, trial?: Trial): Promise<GpuKernels> {
  return kernelsOver(await (mode ? openDevice(mode) : openGpu()), trial);
}

function kernelsOver(device: Device, trial?: Trial): GpuKernels {
  const executor = new Executor(device, trial);
  const rec = new Recorder(executor);
  const live = new Set<Window>();
  let inUse = 0;
  const bytes = (r: number, c: number): number => 4 * r * c;
  const alloc = (r: number, c: number): Window => {
    const made = rec.alloc(r, c);
    live.add(made);
    inUse += bytes(r, c);
    return made;
  };
  const free = (m: Window): void => {
    if (!live.delete(m)) return;
    inUse -= bytes(m.rows, m.cols);
    rec.free(m);
  };
  const rules: MemoryRules = { overhead: 0, matrix: bytes, packed: bytes, workspaces: {} };
  const memory: BackendMemory = {
    capacity: Number.POSITIVE_INFINITY,
    inUse: () => inUse,
    rules: async () => rules,
  };
  return {
    name: 'gpu',
    variant: device.info.mode,
    precision: 'float32',
    mostElements: executor.mostElements,
    requireFits(parameters) {
      for (const { name, shape } of parameters) {
        const size = shape.reduce((all, n) => all * n, 1);
        if (size > executor.mostElements) throw tooLarge(size, executor.mostElements, `${name} [${shape.join(', ')}]`);
      }
    },
    device: device.info,
    get executor() {
      return executor.last;
    },
    get planRefused() {
      return device.plans?.refused ?? null;
    },
    counts: executor.counts,
    memory,
    alloc,
    allocPacked: alloc,
    view: (of, offset, r, c): Window => {
      const { base, offset: begin } = windowOf(of);
      return { rows: r, cols: c, base, offset: begin + offset, whole: false };
    },
    free: (m) => free(m as Window),
    upload(out, data) {
      const numbers = Float32Array.from(data);
      for (const [from, to] of rec.blocks(numbers.length, 1)) {
        rec.write(rowsOf(asColumn(out), from, to), rec.host(numbers.subarray(from, to)).value);
      }
    },
    download: (a) => rec.runs.download(a),
    host: () => null,
    dispose() {
      for (const m of [...live]) free(m);
      rec.runs.end(() => {
        executor.dispose();
        device.dispose();
      });
    },
    ...products(rec),
    ...rows(rec),
    ...elements(rec),
    ...noise(rec),
    ...cells(rec),
    ...cellHalves(rec),
    ...layerNorms(rec),
    ...losses(rec),
    ...updates(rec),
  };
}
