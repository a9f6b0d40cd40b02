/** Runs recorded calls: as a plan, or as single kernels of gpu.js, whose results stay where they were computed. */

import type { Device } from '../device/device.js';
import { tooLarge } from '../device/faults.js';
import { copyOf, toFours } from '../shaders/indexing.js';
import type { Program } from '../shaders/program.js';
import { CompiledKernels } from './compiled.js';
import { packed, roundedUp } from './packed.js';
import type { PlanKind } from './plans.js';
import type { Call, Resident, Sized, Value } from './values.js';

/** Indices in a kernel are 32-bit floats, which count so far and no farther. */
const MOST_ELEMENTS = 2 ** 24;

/** Blocks of rows that one thread of a product may work at, besides one. */
const BLOCKS = [8, 4, 2] as const;

/** What has happened so far, for tests, tables and whoever wonders. */
export interface GpuCounts {
  dispatches: number;
  uploads: number;
  reads: number;
  /** Runs that were one plan; its kernels count as dispatches. */
  plans: number;
  /** Kernels that were compiled, those of plans not counted. */
  compiled: number;
  /** Results that are on the device now. */
  resident: number;
}

/** What tests decide, and else the device. */
export interface Trial {
  /** Of one value on the device; default 2^24. */
  readonly mostElements?: number;
  /** Whether products that the cell reads are worked out by its kernel, on WebGPU; by default not on a software driver. */
  readonly fuses?: boolean;
}

export class Executor {
  readonly counts: GpuCounts = { dispatches: 0, uploads: 0, reads: 0, plans: 0, compiled: 0, resident: 0 };
  private readonly device: Device;
  private readonly kernels: CompiledKernels;
  /** What is on the device. */
  private readonly held = new Set<Resident>();

  /** Of one value. */
  readonly mostElements: number;

  /** Whether products that the cell reads are worked out by its kernel. */
  readonly fuses: boolean;

  constructor(device: Device, { mostElements = MOST_ELEMENTS, fuses = device.fuses }: Trial = {}) {
    this.device = device;
    this.kernels = new CompiledKernels(device, () => this.counts.compiled++);
    this.fuses = fuses;
    this.mostElements = Math.min(mostElements, 4 * Math.floor(device.info.largestPiece / 16));
  }

  /** How the last run was run. */
  last: PlanKind | 'single kernels' = 'single kernels';

  /** Runs the calls whose values somebody still holds, in order, and reads. */
  async run(calls: readonly Call[], reads: readonly Sized[], release: (value: Value) => void): Promise<Float32Array[]> {
    const left = new Set(begun(calls));
    const settle = (call: Call): void => {
      left.delete(call);
      this.settle(call, release);
    };
    const act = async (): Promise<Float32Array[]> => {
      const wanted = [...left];
      if (wanted.length > 0 && !(await this.runAsPlan(wanted, settle))) await this.runSingly(wanted, settle);
      const found: Float32Array[] = [];
      for (const one of reads) found.push(await this.read(one));
      return found;
    };
    try {
      return await this.device.watched(act);
    } finally {
      for (const call of left) this.settle(call, release); // of a run that failed
    }
  }

  /** Lets go of calls that will not be run. */
  leave(calls: readonly Call[], release: (value: Value) => void): void {
    for (const call of begun(calls)) this.settle(call, release);
  }

  /** A call has run, or never will. */
  private settle({ outs, inputs }: Call, release: (value: Value) => void): void {
    for (const out of outs) out.call = null;
    for (const { value } of inputs) release(value);
    for (const out of outs) if (out.holders === 0) this.giveBack(out);
  }

  private async runSingly(calls: readonly Call[], settle: (call: Call) => void): Promise<void> {
    this.last = 'single kernels';
    await this.upload(calls);
    for (const call of calls) {
      await this.runOne(call);
      settle(call);
    }
  }

  /** Whether they were run as one plan. */
  private async runAsPlan(calls: readonly Call[], settle: (call: Call) => void): Promise<boolean> {
    const { plans } = this.device;
    const layout = plans?.take(calls, (program) => this.kernels.nameOf(program));
    if (!plans || !layout) return false;
    const numbers: Float32Array[] = [];
    for (const value of layout.externals) numbers.push(await this.onThisSide(value));
    const ran = await plans.run(layout, numbers);
    if (!ran) return false;
    this.last = ran.kind;
    this.counts.plans++;
    this.counts.dispatches += layout.steps.length;
    this.counts.uploads++;
    this.counts.reads++;
    for (const [i, out] of layout.outs.entries()) out.host = ran.results[i]!;
    for (const call of calls) settle(call);
    return true;
  }

  /** A value's numbers, which are on this side from now on. */
  private async onThisSide(value: Value): Promise<Float32Array> {
    if (value.host) return value.host;
    const numbers = await this.read({ value, shift: 0, size: value.size });
    this.giveBack(value);
    value.begin = 0;
    value.host = numbers;
    return numbers;
  }

  /** The numbers of a piece. */
  private async read({ value, shift, size }: Sized): Promise<Float32Array> {
    if (value.host) return value.host.slice(shift, shift + size);
    const { handle } = (value.single ?? value.fours)!;
    const kernel = this.kernels.of(copyOf(size), { kinds: value.single ? 's' : 'f', stays: false });
    this.counts.reads++;
    const numbers = (await kernel.run([handle, value.begin + shift])) as Float32Array;
    return numbers.length === size ? numbers.slice() : numbers.slice(0, size);
  }

  giveBack(value: Value): void {
    const { single, fours } = value;
    value.single = null;
    value.fours = null;
    for (const held of [single, fours]) {
      if (held && --held.shares === 0) this.remove(held);
    }
  }

  private add(handle: unknown, shares = 1): Resident {
    const held = { handle, shares };
    this.held.add(held);
    this.counts.resident = this.held.size;
    return held;
  }

  private remove(held: Resident): void {
    this.held.delete(held);
    this.counts.resident = this.held.size;
    (held.handle as { delete?: () => void }).delete?.();
  }

  get fours(): Device['fours'] {
    return this.device.fours;
  }

  /** Rows of a grid of threads. */
  get mostRows(): number {
    return this.device.mostRows;
  }

  /** The most arrays of one kernel. */
  get mostArrays(): number {
    return this.device.mostArrays;
  }

  /** How many blocks a thread of a product may work at, so that of `threads` enough are left; they divide `rows`, where told. */
  blocksOf(threads: number, rows = 0): number {
    const { mostBlocks, atOnce } = this.device;
    return BLOCKS.find((count) => count <= mostBlocks && rows % count === 0 && threads / count >= atOnce) ?? 1;
  }

  /** Kernels, and whatever is on the device. */
  dispose(): void {
    for (const held of this.held) this.remove(held);
    this.device.plans?.dispose();
    this.kernels.dispose();
  }

  private async runOne({ program: text, inputs, scalars, outs }: Call): Promise<void> {
    const handles: unknown[] = [];
    const begins: number[] = [];
    let kinds = '';
    for (const [i, { value, shift }] of inputs.entries()) {
      const byFour = isByFour(text, i);
      if (byFour) await this.needFours(value);
      handles.push((byFour ? value.fours! : (value.single ?? value.fours!)).handle);
      begins.push(byFour ? (value.begin + shift) / 4 : value.begin + shift);
      kinds += value.single && !byFour ? 's' : 'f';
    }
    const results = await this.dispatch(text, kinds, handles, begins, scalars);
    for (const [i, held] of results.entries()) this.hold(outs[i]!, text, held);
  }

  private hold(out: Value, text: Program, held: Resident): void {
    if (text.wide && this.fours === 'textures') out.fours = held;
    else out.single = held;
  }

  private async dispatch(
    text: Program,
    kinds: string,
    handles: readonly unknown[],
    begins: readonly number[],
    scalars: readonly number[] = [],
  ): Promise<Resident[]> {
    const kernel = this.kernels.of(text, { kinds, stays: true });
    this.counts.dispatches++;
    const given = await kernel.run([...handles, ...begins, ...Object.values(text.sizes ?? {}), ...scalars]);
    const results = text.also ? (given as unknown[]) : [given];
    return results.map((handle) => this.add(handle));
  }

  /** A value in fours besides, where it is not. */
  private async needFours(value: Value): Promise<void> {
    if (value.fours) return;
    const text = toFours(value.size);
    const [held] = await this.dispatch(text, 's', [value.single!.handle], [value.begin]);
    this.hold(value, text, held!);
  }

  /** What this side has and a kernel needs goes over in one piece. */
  private async upload(calls: readonly Call[]): Promise<void> {
    const needed = new Map<Value, Float32Array>();
    for (const { inputs } of calls) {
      for (const { value } of inputs) if (value.host) needed.set(value, value.host);
    }
    let group: [Value, Float32Array][] = [];
    let size = 0;
    for (const [value, numbers] of needed) {
      const room = roundedUp(numbers.length);
      if (size + room > this.mostElements && group.length > 0) {
        await this.place(group);
        [group, size] = [[], 0];
      }
      group.push([value, numbers]);
      size += room;
    }
    if (group.length > 0) await this.place(group);
  }

  private async place(values: readonly (readonly [Value, Float32Array])[]): Promise<void> {
    const { numbers: all, begins } = packed(values.map(([, numbers]) => numbers));
    this.counts.uploads++;
    const isFours = this.fours === 'textures';
    const kernel = this.kernels.of(isFours ? toFours(all.length) : copyOf(all.length), { fromHere: true, stays: true });
    const resident = this.add(await kernel.run([all, 0]), values.length);
    for (const [i, [value]] of values.entries()) {
      value.begin = begins[i]!;
      value[isFours ? 'fours' : 'single'] = resident;
      value.host = null;
    }
  }

  /** Throws `OUT_OF_MEMORY`: beyond this, places can no longer be counted in the 32-bit floats of a kernel. */
  requireFits(size: number): void {
    if (size <= this.mostElements + 3) return; // a result in fours may have three numbers that nobody reads
    throw tooLarge(size, this.mostElements);
  }
}

/** Those that are still wanted; from here on they are not dropped any more. */
function begun(calls: readonly Call[]): Call[] {
  const wanted = calls.filter(({ over }) => !over);
  for (const call of wanted) call.over = true;
  return wanted;
}

/** Whether a text reads its i-th array four numbers at a time. */
const isByFour = ({ fours, arrays }: Program, i: number): boolean => fours?.includes(arrays[i]!) ?? false;
