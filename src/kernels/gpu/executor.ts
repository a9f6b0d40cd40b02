/** Runs recorded calls as single kernels of gpu.js, whose results stay where they were computed. */
import { UnspoolError } from '../../errors.js';
import type { Device, GpuKernel } from './device.js';
import { at, program } from './text/moves.js';
import type { Call, Piece, Program, Resident, Value } from './values.js';

/** Compiled kernels that are kept; the one that was not used for longest goes first. */
const MOST_KERNELS = 1024;

/** Indices in a kernel are 32-bit floats, which count so far and no farther. */
export const MOST_ELEMENTS = 2 ** 24;

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

  constructor(device: Device) {
    this.device = device;
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
    const kernel = this.kernel(COPY(size), false);
    this.counts.reads++;
    const numbers = (await kernel(value.resident!.handle, value.begin + shift)) as Float32Array;
    this.device.requireAlive();
    return numbers.length === size ? numbers.slice() : numbers.slice(0, size);
  }

  giveBack(value: Value): void {
    const { resident } = value;
    value.resident = null;
    if (!resident || --resident.shares > 0) return;
    this.counts.resident--;
    const handle = resident.handle as { delete?: () => void };
    handle.delete?.();
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
    const kernel = this.kernel(call.program!, true);
    this.counts.dispatches++;
    const handles = inputs.map(({ value }) => value.resident!.handle);
    const begins = inputs.map(({ value, shift }) => value.begin + shift);
    this.keep(out, await kernel(...handles, ...begins, ...scalars));
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
      if (size + numbers.length > MOST_ELEMENTS && group.length > 0) {
        await this.place(group);
        [group, size] = [[], 0];
      }
      group.push([value, numbers]);
      size += numbers.length;
    }
    if (group.length > 0) await this.place(group);
  }

  private async place(values: readonly (readonly [Value, Float32Array])[]): Promise<void> {
    const size = values.reduce((sum, [, numbers]) => sum + numbers.length, 0);
    const all = new Float32Array(size);
    let at = 0;
    for (const [value, numbers] of values) {
      all.set(numbers, at);
      value.begin = at;
      at += numbers.length;
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

  private keep(value: Value, handle: unknown): void {
    value.resident = { handle, shares: 1 };
    this.counts.resident++;
  }

  private kernel(text: Program, stays: boolean, fromHere = false): GpuKernel {
    const key = `${stays ? '' : 'read '}${fromHere ? 'upload ' : ''}${text.output.join('x')} ${text.arrays} ${text.body}`;
    const known = this.kernels.get(key);
    if (known) {
      this.kernels.delete(key); // it is now the one that was used last
      this.kernels.set(key, known);
      return known;
    }
    const [x, y = 1] = text.output;
    if (x * y > MOST_ELEMENTS) {
      const help = 'Lower the batch, the steps or hiddenSize, or use backend: wasm.';
      throw new UnspoolError({
        code: 'OUT_OF_MEMORY',
        bytes: 4 * x * y,
        inUse: null,
        capacity: 4 * MOST_ELEMENTS,
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
