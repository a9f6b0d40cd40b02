/** Runs recorded calls as single kernels of gpu.js, whose results stay where they were computed. */
import { UnspoolError } from '../../errors.js';
import type { Device, GpuKernel } from './device.js';
import { at, fromFours, program, toFours } from './text/moves.js';
import type { Call, Piece, Program, Resident, Value } from './values.js';

/** Compiled kernels that are kept; the one that was not used for longest goes first. */
const MOST_KERNELS = 1024;

/** Indices in a kernel are 32-bit floats, which count so far and no farther. */
const MOST_ELEMENTS = 2 ** 24;

/** What has happened so far, for tests, tables and whoever wonders. */
export interface GpuCounts {
  dispatches: number;
  uploads: number;
  reads: number;
  /** Kernels that were compiled. */
  compiled: number;
  /** Results that are on the device now. */
  resident: number;
}

export class Executor {
  readonly counts: GpuCounts = { dispatches: 0, uploads: 0, reads: 0, compiled: 0, resident: 0 };
  private readonly device: Device;
  private readonly kernels = new Map<string, GpuKernel>();

  /** Of one value. */
  readonly mostElements: number;

  constructor(device: Device, mostElements = MOST_ELEMENTS) {
    this.device = device;
    this.mostElements = mostElements;
  }

  /** Runs the calls whose values somebody still holds, in order. */
  async run(calls: readonly Call[], release: (value: Value) => void): Promise<void> {
    await this.device.watched(async () => {
      await this.upload(calls);
      for (const call of calls) {
        if (call.over) continue;
        call.over = true; // from here on it is not dropped any more
        await this.runOne(call);
        call.out.call = null;
        for (const { value } of call.inputs) release(value);
        if (call.out.holders === 0) this.giveBack(call.out);
      }
    });
  }

  /** The numbers of a piece. */
  async read({ value, shift }: Piece, size: number): Promise<Float32Array> {
    this.device.requireAlive();
    if (value.host) return value.host.slice(shift, shift + size);
    const handle = await this.single(value);
    const kernel = this.kernel(COPY(size), false, false, this.device.kindsOf([handle]));
    this.counts.reads++;
    const numbers = (await kernel(handle, value.begin + shift)) as Float32Array;
    this.device.requireAlive();
    return numbers.length === size ? numbers.slice() : numbers.slice(0, size);
  }

  giveBack(value: Value): void {
    const { resident, fours } = value;
    value.resident = null;
    value.fours = null;
    for (const held of [resident, fours]) {
      if (!held || --held.shares > 0) continue;
      this.counts.resident--;
      const handle = held.handle as { delete?: () => void };
      handle.delete?.();
    }
  }

  get fours(): Device['fours'] {
    return this.device.fours;
  }

  /** Kernels, and whatever is on the device. */
  dispose(): void {
    for (const kernel of this.kernels.values()) kernel.destroy();
    this.kernels.clear();
  }

  private async runOne(call: Call): Promise<void> {
    if (call.onHost) {
      const numbers: Float32Array[] = [];
      for (const [i, input] of call.inputs.entries()) numbers.push(await this.read(input, call.sizes[i]!));
      await this.place([[call.out, call.onHost(numbers)]]);
      return;
    }
    const { inputs, scalars, out } = call;
    const text = call.program!;
    const handles: unknown[] = [];
    const begins: number[] = [];
    for (const [i, { value, shift }] of inputs.entries()) {
      const inFours = text.fours?.includes(text.arrays[i]!) ?? false;
      handles.push(inFours ? await this.inFours(value) : await this.single(value));
      begins.push(inFours ? shift / 4 : value.begin + shift);
    }
    const result = await this.dispatch(text, handles, begins, scalars);
    const held = { handle: result, shares: 1 };
    if (text.wide && this.fours === 'textures') out.fours = held;
    else out.resident = held;
  }

  private dispatch(
    text: Program,
    handles: readonly unknown[],
    begins: readonly number[],
    scalars: readonly number[] = [],
  ): unknown {
    const kernel = this.kernel(text, true, false, this.device.kindsOf(handles));
    this.counts.dispatches++;
    this.counts.resident++;
    return kernel(...handles, ...begins, ...scalars);
  }

  /** The handle of a value's single numbers. */
  private async single(value: Value): Promise<unknown> {
    if (!value.resident) {
      const handle = await this.dispatch(fromFours(value.size), [value.fours!.handle], [0]);
      value.resident = { handle, shares: 1 };
      value.begin = 0;
    }
    return value.resident.handle;
  }

  /** The handle of a value in fours. */
  private async inFours(value: Value): Promise<unknown> {
    if (!value.fours) {
      const handle = await this.dispatch(toFours(value.size), [value.resident!.handle], [value.begin]);
      value.fours = { handle, shares: 1 };
    }
    return value.fours.handle;
  }

  /** What this side has and a kernel needs goes over in one piece. */
  private async upload(calls: readonly Call[]): Promise<void> {
    const needed = new Map<Value, Float32Array>();
    for (const { over, onHost, inputs } of calls) {
      if (over || onHost) continue;
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
    const padded = (numbers: Float32Array): number => 4 * Math.ceil(numbers.length / 4);
    const size = values.reduce((sum, [, numbers]) => sum + padded(numbers), 0);
    const all = new Float32Array(size);
    let at = 0;
    for (const [value, numbers] of values) {
      all.set(numbers, at);
      value.begin = at;
      at += padded(numbers);
    }
    this.counts.uploads++;
    const kernel = this.kernel(COPY(size), true, true);
    const resident: Resident = { handle: await kernel(all, 0), shares: values.length };
    this.counts.resident++;
    for (const [value] of values) {
      value.resident = resident;
      value.host = null;
    }
  }

  private kernel(text: Program, stays: boolean, fromHere = false, kinds = ''): GpuKernel {
    const key = `${kinds}${stays ? '' : 'read '}${fromHere ? 'upload ' : ''}${text.output.join('x')} ${text.arrays} ${text.fours ?? ''} ${text.body}`;
    const known = this.kernels.get(key);
    if (known) {
      this.kernels.delete(key); // it is now the one that was used last
      this.kernels.set(key, known);
      return known;
    }
    const [x, y = 1] = text.output;
    const size = x * y * (text.wide ? 4 : 1);
    if (size > this.mostElements) {
      const help = 'Lower the batch, the steps or hiddenSize, or use backend: wasm.';
      throw new UnspoolError({
        code: 'OUT_OF_MEMORY',
        bytes: 4 * size,
        inUse: null,
        capacity: 4 * this.mostElements,
        help,
      });
    }
    const made = this.device.compile(text, { stays, fromHere });
    this.counts.compiled++;
    this.kernels.set(key, made);
    if (this.kernels.size > MOST_KERNELS) {
      const [oldest, unused] = this.kernels.entries().next().value!;
      this.kernels.delete(oldest);
      unused.destroy();
    }
    return made;
  }
}

/** The numbers as they are, from where they begin: what brings them over, and back. */
const COPY = (size: number): Program => program([size], ['a'], `return ${at('a', 'x')};`);
