/** Runs kernels one by one. Their results stay on the device. */
import type { Device, GpuKernel } from '../device/device.js';
import { copyProgram, packVec4 } from '../shaders/indexing.js';
import type { Program } from '../shaders/program.js';
import type { GpuCounts } from './counts.js';
import type { DeviceMemory } from './device-memory.js';
import { KernelCache } from './kernel-cache.js';
import { packAligned, roundUpTo4 } from './packing.js';
import type { RunRecording } from './run-recording.js';
import type { Call, DeviceArray, SizedPiece, Value } from './values.js';

/** Uploads what kernels need, runs them, and reads results. */
export class KernelRunner {
  readonly kernels: KernelCache;
  private readonly vec4: Device['vec4'];
  private readonly memory: DeviceMemory;
  private readonly counts: GpuCounts;
  private readonly maxElements: number;

  constructor(device: Device, memory: DeviceMemory, counts: GpuCounts, maxElements: number) {
    this.kernels = new KernelCache(device, () => counts.compiled++);
    this.vec4 = device.vec4;
    this.memory = memory;
    this.counts = counts;
    this.maxElements = maxElements;
  }

  /** The numbers of the piece. */
  async read({ value, shift, size }: SizedPiece): Promise<Float32Array> {
    if (value.host) return value.host.slice(shift, shift + size);
    const { handle } = (value.scalar ?? value.vec4)!;
    const kernel = this.kernels.get(copyProgram(size), { kinds: value.scalar ? 's' : 'f', resident: false });
    this.counts.reads++;
    const numbers = (await kernel.run([handle, value.start + shift])) as Float32Array;
    return numbers.length === size ? numbers.slice() : numbers.slice(0, size);
  }

  /** Runs a call whose inputs are on the device. */
  async run(call: Call, recording: RunRecording | null = null): Promise<void> {
    const { program, inputs, scalars, outs } = call;
    recording?.begins(call);
    const handles: unknown[] = [];
    const starts: number[] = [];
    let kinds = '';
    for (const [i, { value, shift }] of inputs.entries()) {
      const readsVec4 = program.vec4Arrays?.includes(program.arrays[i]!) ?? false;
      if (readsVec4) await this.ensureVec4(value);
      handles.push((readsVec4 ? value.vec4! : (value.scalar ?? value.vec4!)).handle);
      starts.push(readsVec4 ? (value.start + shift) / 4 : value.start + shift);
      kinds += value.scalar && !readsVec4 ? 's' : 'f';
    }
    const kernel = this.kernels.get(program, { kinds, resident: true });
    const results = await this.dispatch(kernel, program, handles, starts, scalars);
    recording?.ran(call, kernel.encoding!());
    for (const [i, array] of results.entries()) this.assign(outs[i]!, program, array);
  }

  private assign(out: Value, program: Program, array: DeviceArray): void {
    if (program.vec4Output && this.vec4 === 'textures') out.vec4 = array;
    else out.scalar = array;
  }

  private async dispatch(
    kernel: GpuKernel,
    program: Program,
    handles: readonly unknown[],
    starts: readonly number[],
    scalars: readonly number[] = [],
  ): Promise<DeviceArray[]> {
    this.counts.dispatches++;
    const given = await kernel.run([...handles, ...starts, ...Object.values(program.sizes ?? {}), ...scalars]);
    const results = program.extraOutputs ? (given as unknown[]) : [given];
    return results.map((handle) => this.memory.add(handle));
  }

  /** Adds a vec4 copy of a value that is stored number by number. */
  private async ensureVec4(value: Value): Promise<void> {
    if (value.vec4) return;
    const program = packVec4(value.size);
    const kernel = this.kernels.get(program, { kinds: 's', resident: true });
    const [array] = await this.dispatch(kernel, program, [value.scalar!.handle], [value.start]);
    this.assign(value, program, array!);
  }

  /** Uploads what the calls read from host memory, in as few arrays as possible. */
  async upload(calls: readonly Call[], recording: RunRecording | null = null): Promise<void> {
    const needed = new Map<Value, Float32Array>();
    for (const { inputs } of calls) {
      for (const { value } of inputs) if (value.host) needed.set(value, value.host);
    }
    let group: [Value, Float32Array][] = [];
    let size = 0;
    for (const [value, numbers] of needed) {
      const aligned = roundUpTo4(numbers.length);
      if (size + aligned > this.maxElements && group.length > 0) {
        await this.uploadGroup(group, recording);
        [group, size] = [[], 0];
      }
      group.push([value, numbers]);
      size += aligned;
    }
    if (group.length > 0) await this.uploadGroup(group, recording);
  }

  private async uploadGroup(
    values: readonly (readonly [Value, Float32Array])[],
    recording: RunRecording | null,
  ): Promise<void> {
    const { numbers: all, starts } = packAligned(values.map(([, numbers]) => numbers));
    this.counts.uploads++;
    recording?.uploaded(values, starts, all.length);
    const isVec4 = this.vec4 === 'textures';
    const program = isVec4 ? packVec4(all.length) : copyProgram(all.length);
    const array = this.memory.add(
      await this.kernels.get(program, { fromHost: true, resident: true }).run([all, 0]),
      values.length,
    );
    for (const [i, [value]] of values.entries()) {
      value.start = starts[i]!;
      value[isVec4 ? 'vec4' : 'scalar'] = array;
      value.host = null;
    }
  }
}
