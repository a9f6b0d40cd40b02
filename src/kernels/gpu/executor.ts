/** Runs recorded calls as single kernels of gpu.js, whose results stay where they were computed. */
import type { Device, GpuKernel } from './device.js';
import { tooLarge } from './faults.js';
import { packed } from './packed.js';
import type { PlanKind } from './plans.js';
import { copyOf, toFours } from './text/moves.js';
import type { Call, Piece, Program, Resident, Value } from './values.js';

/** Compiled kernels that are kept; the one that was not used for longest goes first. */
const MOST_KERNELS = 1024;

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

interface Compiled {
  readonly kernel: GpuKernel;
  /** Of its output, now. */
  size: string;
}

export class Executor {
  readonly counts: GpuCounts = { dispatches: 0, uploads: 0, reads: 0, plans: 0, compiled: 0, resident: 0 };
  private readonly device: Device;
  private readonly kernels = new Map<string, Compiled>();
  private readonly names = new WeakMap<Program, string>();

  /** Of one value. */
  readonly mostElements: number;

  /** Whether products that the cell reads are worked out by its kernel. */
  readonly fuses: boolean;

  constructor(device: Device, { mostElements = MOST_ELEMENTS, fuses = device.fuses }: Trial = {}) {
    this.device = device;
    this.fuses = fuses;
    this.mostElements = Math.min(mostElements, 4 * Math.floor(device.info.largestPiece / 16));
  }

  /** How the last run was run. */
  last: PlanKind | 'single kernels' = 'single kernels';

  /** Runs the calls whose values somebody still holds, in order. */
  async run(calls: readonly Call[], release: (value: Value) => void): Promise<void> {
    await this.device.watched(async () => {
      if (await this.runAsPlan(calls, release)) return;
      this.last = 'single kernels';
      await this.upload(calls);
      for (const call of calls) {
        if (call.over) continue;
        call.over = true; // from here on it is not dropped any more
        await this.runOne(call);
        this.settle(call, release);
      }
    });
  }

  /** A call has run. */
  private settle({ outs, inputs }: Call, release: (value: Value) => void): void {
    for (const out of outs) out.call = null;
    for (const { value } of inputs) release(value);
    for (const out of outs) if (out.holders === 0) this.giveBack(out);
  }

  /** Whether they were run as one plan. */
  private async runAsPlan(calls: readonly Call[], release: (value: Value) => void): Promise<boolean> {
    const { plans } = this.device;
    const layout = plans?.take(calls, (program) => this.nameOf(program));
    if (!plans || !layout) return false;
    const numbers: Float32Array[] = [];
    for (const value of layout.externals) numbers.push(await this.onThisSide(value));
    const wanted = calls.filter(({ over }) => !over);
    const ran = await plans.run(layout, numbers);
    if (!ran) return false;
    this.last = ran.kind;
    this.counts.plans++;
    this.counts.dispatches += layout.steps.length;
    this.counts.uploads++;
    this.counts.reads++;
    for (const [i, out] of layout.outs.entries()) out.host = ran.results[i]!;
    for (const call of wanted) {
      call.over = true;
      this.settle(call, release);
    }
    return true;
  }

  /** A value's numbers, which are on this side from now on. */
  private async onThisSide(value: Value): Promise<Float32Array> {
    if (value.host) return value.host;
    const numbers = await this.read({ value, shift: 0 }, value.size);
    this.giveBack(value);
    value.begin = 0;
    value.host = numbers;
    return numbers;
  }

  /** The numbers of a piece. */
  async read({ value, shift }: Piece, size: number): Promise<Float32Array> {
    this.device.requireAlive();
    if (value.host) return value.host.slice(shift, shift + size);
    const { handle } = (value.single ?? value.fours)!;
    const kernel = this.kernel(copyOf(size), { kinds: value.single ? 's' : 'f', stays: false });
    this.counts.reads++;
    const numbers = (await kernel.run([handle, value.begin + shift])) as Float32Array;
    this.device.requireAlive();
    return numbers.length === size ? numbers.slice() : numbers.slice(0, size);
  }

  giveBack(value: Value): void {
    const { single, fours } = value;
    value.single = null;
    value.fours = null;
    for (const held of [single, fours]) {
      if (!held || --held.shares > 0) continue;
      this.counts.resident--;
      const handle = held.handle as { delete?: () => void };
      handle.delete?.();
    }
  }

  get fours(): Device['fours'] {
    return this.device.fours;
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
    this.device.plans?.dispose();
    for (const { kernel } of this.kernels.values()) kernel.destroy();
    this.kernels.clear();
  }

  private async runOne({ program: text, inputs, scalars, outs }: Call): Promise<void> {
    const handles: unknown[] = [];
    const begins: number[] = [];
    let kinds = '';
    for (const [i, { value, shift }] of inputs.entries()) {
      this.requireFits(value.size);
      const byFour = isByFour(text, i);
      if (byFour) await this.needFours(value);
      handles.push((byFour ? value.fours! : (value.single ?? value.fours!)).handle);
      begins.push(byFour ? (value.begin + shift) / 4 : value.begin + shift);
      kinds += value.single && !byFour ? 's' : 'f';
    }
    const results = await this.dispatch(text, kinds, handles, begins, scalars);
    for (const [i, handle] of results.entries()) this.hold(outs[i]!, text, handle);
  }

  private hold(out: Value, text: Program, handle: unknown): void {
    const held = { handle, shares: 1 };
    if (text.wide && this.fours === 'textures') out.fours = held;
    else out.single = held;
  }

  private async dispatch(
    text: Program,
    kinds: string,
    handles: readonly unknown[],
    begins: readonly number[],
    scalars: readonly number[] = [],
  ): Promise<unknown[]> {
    const kernel = this.kernel(text, { kinds, stays: true });
    this.counts.dispatches++;
    const given = await kernel.run([...handles, ...begins, ...Object.values(text.sizes ?? {}), ...scalars]);
    const results = text.also ? (given as unknown[]) : [given];
    this.counts.resident += results.length;
    return results;
  }

  /** A value in fours besides, where it is not. */
  private async needFours(value: Value): Promise<void> {
    if (value.fours) return;
    const text = toFours(value.size);
    const [handle] = await this.dispatch(text, 's', [value.single!.handle], [value.begin]);
    this.hold(value, text, handle);
  }

  /** What this side has and a kernel needs goes over in one piece. */
  private async upload(calls: readonly Call[]): Promise<void> {
    const needed = new Map<Value, Float32Array>();
    for (const { over, inputs } of calls) {
      if (over) continue;
      for (const { value } of inputs) if (value.host) needed.set(value, value.host);
    }
    let group: [Value, Float32Array][] = [];
    let size = 0;
    for (const [value, numbers] of needed) {
      if (size + numbers.length > this.mostElements && group.length > 0) {
        await this.place(group);
        [group, size] = [[], 0];
      }
      group.push([value, numbers]);
      size += numbers.length;
    }
    if (group.length > 0) await this.place(group);
  }

  private async place(values: readonly (readonly [Value, Float32Array])[]): Promise<void> {
    const { numbers: all, begins } = packed(values.map(([, numbers]) => numbers));
    this.counts.uploads++;
    const isFours = this.fours === 'textures';
    const kernel = this.kernel(isFours ? toFours(all.length) : copyOf(all.length), { fromHere: true, stays: true });
    const resident: Resident = { handle: await kernel.run([all, 0]), shares: values.length };
    this.counts.resident++;
    for (const [i, [value]] of values.entries()) {
      value.begin = begins[i]!;
      value[isFours ? 'fours' : 'single'] = resident;
      value.host = null;
    }
  }

  /** The kernel of a text, ready for its output. `kinds`: of each array, whether it is a texture of fours or of single numbers. */
  private kernel(
    text: Program,
    how: { readonly kinds?: string; readonly fromHere?: true; readonly stays: boolean },
  ): GpuKernel {
    const { fromHere = false, stays } = how;
    const kinds = (this.fours === 'textures' && how.kinds) || '';
    const key = `${kinds}${stays ? '' : 'read '}${fromHere ? 'upload ' : ''}${this.nameOf(text)}`;
    const known = this.kernels.get(key);
    if (known) {
      this.kernels.delete(key); // it is now the one that was used last
      this.kernels.set(key, known);
      const size = text.output.join('x');
      if (known.size !== size) known.kernel.resize(text.output);
      known.size = size;
      return known.kernel;
    }
    const [x, y = 1] = text.output;
    this.requireFits(x * y * (text.wide ? 4 : 1));
    const kernel = this.device.compile(text, { stays, fromHere, kinds });
    this.counts.compiled++;
    this.kernels.set(key, { kernel, size: text.output.join('x') });
    if (this.kernels.size > MOST_KERNELS) {
      const [oldest, unused] = this.kernels.entries().next().value!;
      this.kernels.delete(oldest);
      unused.kernel.destroy();
    }
    return kernel;
  }

  /** What tells the kernels of texts apart: of one that serves every size, not the size. */
  private nameOf(text: Program): string {
    let name = this.names.get(text);
    if (name === undefined) {
      const size = text.sizes && this.device.resizes(text.output) ? text.output.length : text.output.join('x');
      name = `${size} ${text.arrays} ${text.fours ?? ''} ${text.also ?? ''} ${text.wgsl?.body ?? ''} ${text.body}`;
      this.names.set(text, name);
    }
    return name;
  }

  /** Beyond this, places can no longer be counted in the 32-bit floats of a kernel. */
  private requireFits(size: number): void {
    if (size <= this.mostElements + 3) return; // a result in fours may have three numbers that nobody reads
    throw tooLarge(size, this.mostElements);
  }
}

/** Whether a text reads its i-th array four numbers at a time. */
const isByFour = ({ fours, arrays }: Program, i: number): boolean => fours?.includes(arrays[i]!) ?? false;
