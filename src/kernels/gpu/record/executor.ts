/** Runs recorded calls: as one plan, or as single kernels whose results stay on the device. */

import type { Device } from '../device/device.js';
import { tooLarge } from '../device/faults.js';
import type { Replay, UploadBlock } from '../device/replay.js';
import type { Program } from '../shaders/program.js';
import { MAX_ELEMENTS, PRODUCT_BLOCKS } from '../thresholds.js';
import type { GpuCounts } from './counts.js';
import { DeviceMemory } from './device-memory.js';
import { KernelRunner } from './kernel-runner.js';
import { type PlanKind, Plans } from './plans.js';
import type { RunRecording } from './run-recording.js';
import type { Call, SizedPiece, Value } from './values.js';

/** Settings for tests. The device decides by default. */
export interface GpuTestOptions {
  /** Elements of one value on the device. Default 2^24. */
  readonly maxElements?: number;
  /** Whether the cell's kernel computes the product that it reads, on WebGPU. Default: not on a software driver. */
  readonly fusesSums?: boolean;
  /** Whether runs that recur may be plans of gpu.js. Default true. */
  readonly plans?: boolean;
  /** Whether runs that recur are replayed, on WebGPU. Default true. */
  readonly replays?: boolean;
}

/** How a run was executed. */
export type Execution = 'single kernels' | 'replay' | PlanKind;

type Release = (value: Value) => void;

/** Runs calls on a device, and has the limits that recorded calls must keep. */
export class Executor {
  /** What is on the device. */
  readonly memory = new DeviceMemory();
  readonly counts: GpuCounts;
  /** How the last run was executed. */
  lastRun: Execution = 'single kernels';
  /** Elements of one value. */
  readonly maxElements: number;
  /** Arrays of one kernel. */
  readonly maxArrays: number;
  /** Rows of a grid of threads. */
  readonly maxRows: number;
  readonly vec4: Device['vec4'];
  /** Whether the cell's kernel computes the product that it reads. */
  readonly fusesSums: boolean;
  /** Whether runs that recur are replayed. */
  readonly replays: boolean;
  private readonly device: Device;
  private readonly runner: KernelRunner;
  private readonly plans: Plans | null;

  constructor(device: Device, options: GpuTestOptions = {}) {
    const { maxElements = MAX_ELEMENTS, fusesSums = device.fusesSums, plans = true, replays = true } = options;
    const { memory } = this;
    this.counts = {
      ...{ dispatches: 0, uploads: 0, reads: 0, plans: 0, replays: 0, compiled: 0 },
      get resident() {
        return memory.size;
      },
    };
    this.device = device;
    this.plans = plans && device.planSupport ? new Plans(device.planSupport) : null;
    this.replays = replays && device.replaySupport !== null;
    this.fusesSums = fusesSums;
    this.maxElements = Math.min(maxElements, 4 * Math.floor(device.info.maxBufferBytes / 16));
    this.runner = new KernelRunner(device, memory, this.counts, this.maxElements);
    this.maxArrays = device.maxArrays;
    this.maxRows = device.maxRows;
    this.vec4 = device.vec4;
  }

  /** Why gpu.js refused to make a plan; null if it made all of them, or was not asked to. */
  get planRefused(): string | null {
    return this.plans?.refused ?? null;
  }

  /**
   * The blocks that a thread of a product computes, so that `threads` keep the device busy. They divide `rows`, if
   * given.
   */
  blocksOf(threads: number, rows = 0): number {
    const { maxBlocks, saturatingThreads } = this.device;
    const fits = (count: number): boolean =>
      count <= maxBlocks && rows % count === 0 && threads / count >= saturatingThreads;
    return PRODUCT_BLOCKS.find(fits) ?? 1;
  }

  /** Throws `OUT_OF_MEMORY` for a value that is too large for the 32-bit float indices of a kernel. */
  requireFits(size: number): void {
    if (size <= this.maxElements + 3) return; // a vec4 result may have three unused numbers
    throw tooLarge(size, this.maxElements);
  }

  /** Runs, in order, the calls whose values are still used, and then reads. */
  async run(
    calls: readonly Call[],
    reads: readonly SizedPiece[],
    release: Release,
    recording: RunRecording | null = null,
  ): Promise<Float32Array[]> {
    const left = new Set(closeUsed(calls));
    const finish = (call: Call): void => {
      left.delete(call);
      this.finish(call, release);
    };
    const act = async (): Promise<Float32Array[]> => {
      const used = [...left];
      const fitsPlan = recording !== null && (this.plans?.fits(used, this.nameOf) ?? false);
      const isPlan = used.length > 0 && (await this.runAsPlan(used, finish));
      if (used.length > 0 && !isPlan) await this.runSingly(used, finish, recording);
      const found: Float32Array[] = [];
      for (const one of reads) found.push(await this.runner.read(one));
      if (isPlan || fitsPlan) recording?.giveUp();
      else recording?.finish(this.device.replaySupport!, this.memory);
      return found;
    };
    try {
      return await this.device.watched(act);
    } finally {
      for (const call of left) this.finish(call, release); // after an error
    }
  }

  /** Finishes calls without running them. */
  cancel(calls: readonly Call[], release: Release): void {
    for (const call of closeUsed(calls)) this.finish(call, release);
  }

  /** Releases the inputs of a call that has run or was cancelled, and frees the outputs that are no longer used. */
  private finish({ outs, inputs }: Call, release: Release): void {
    for (const out of outs) out.call = null;
    for (const { value } of inputs) release(value);
    for (const out of outs) if (out.refCount === 0) this.memory.free(out);
  }

  /** Runs a replay, and reads. */
  async replay(replay: Replay, block: UploadBlock): Promise<Float32Array[]> {
    const found = await this.device.watched(() => replay.run(block));
    this.lastRun = 'replay';
    this.counts.replays++;
    this.counts.dispatches += replay.dispatches;
    this.counts.uploads++;
    this.counts.reads++;
    return found;
  }

  private async runSingly(
    calls: readonly Call[],
    finish: (call: Call) => void,
    recording: RunRecording | null,
  ): Promise<void> {
    this.lastRun = 'single kernels';
    await this.runner.upload(calls, recording);
    for (const call of calls) {
      await this.runner.run(call, recording);
      finish(call);
    }
  }

  private readonly nameOf = (program: Program): string => this.runner.kernels.nameOf(program);

  /** Returns whether the calls ran as one plan. */
  private async runAsPlan(calls: readonly Call[], finish: (call: Call) => void): Promise<boolean> {
    const { plans } = this;
    const layout = plans?.layout(calls, this.nameOf);
    if (!plans || !layout) return false;
    const numbers: Float32Array[] = [];
    for (const value of layout.externals) numbers.push(await this.toHost(value));
    const ran = await plans.run(layout, numbers);
    if (!ran) return false;
    this.lastRun = ran.kind;
    this.counts.plans++;
    this.counts.dispatches += layout.steps.length;
    this.counts.uploads++;
    this.counts.reads++;
    for (const [i, out] of layout.outs.entries()) out.host = ran.results[i]!;
    for (const call of calls) finish(call);
    return true;
  }

  /** Moves a value to host memory. */
  private async toHost(value: Value): Promise<Float32Array> {
    if (value.host) return value.host;
    const numbers = await this.runner.read({ value, shift: 0, size: value.size });
    this.memory.free(value);
    value.start = 0;
    value.host = numbers;
    return numbers;
  }

  /** Frees the kernels and everything on the device. */
  dispose(): void {
    this.memory.dispose();
    this.plans?.dispose();
    this.runner.kernels.dispose();
  }
}

/** The calls whose values are still used. From now on they are not discarded. */
function closeUsed(calls: readonly Call[]): Call[] {
  const used = calls.filter(({ closed }) => !closed);
  for (const call of used) call.closed = true;
  return used;
}
