/**
 * A fixed sequence of dispatches on WebGPU, with buffers and bind groups that are made once. gpu.js has compiled the
 * kernels and owns the device; this encodes its pipelines, which takes a tenth of the time of calling its kernels.
 */
import { concatenate } from '../record/packing.js';
import {
  type BufferBinding,
  type CommandEncoder,
  type GpuBuffer,
  type GpuDevice,
  MAP_READ,
  USAGE,
} from './webgpu-api.js';

/** What gpu.js encoded when it last ran a kernel. */
export interface KernelEncoding {
  readonly pipeline: object;
  readonly layout: object;
  /** The uniforms of the kernel. */
  readonly params: Uint8Array;
  /** Where its scalars are in the uniforms, in bytes. */
  readonly scalarOffsets: readonly number[];
  readonly groups: readonly [number, number, number];
  readonly resultBytes: number;
}

/** Where an array is: in a buffer, or in what is uploaded with each replay. */
export type Place = GpuBuffer | 'upload';

/** One dispatch. */
export interface ReplayStep {
  readonly encoding: KernelEncoding;
  readonly arrays: readonly Place[];
  readonly result: GpuBuffer;
}

/** A part of an array, in numbers. */
export interface PlaceRange {
  readonly place: Place;
  readonly start: number;
  readonly size: number;
}

interface BufferCopy {
  readonly from: GpuBuffer;
  readonly to: GpuBuffer;
}

/** What a replay does: the upload, the moves, the steps, the reads and the copies, each in order. */
export interface ReplayPlan {
  /** Values of the run before that take another place. */
  readonly moves: readonly BufferCopy[];
  readonly steps: readonly ReplayStep[];
  readonly reads: readonly PlaceRange[];
  /** Results that a later replay reads where their predecessors are. */
  readonly copies: readonly BufferCopy[];
}

/** Buffers of a replay: uniforms that never change, what is uploaded, and what is read. */
interface Buffers {
  readonly fixed: GpuBuffer;
  readonly upload: UploadBuffer;
  readonly staging: GpuBuffer;
}

/** The buffer of an upload: the uniforms of kernels with scalars, and then the numbers. */
export interface UploadBuffer {
  readonly buffer: GpuBuffer;
  /** Bytes before the numbers. */
  readonly dataOffset: number;
}

/** Bytes of the uniforms of one kernel in a buffer of many. */
const strideOf = (device: GpuDevice, steps: readonly KernelEncoding[]): number => {
  const align = device.limits.minUniformBufferOffsetAlignment;
  return align * Math.max(1, ...steps.map(({ params }) => Math.ceil(params.length / align)));
};

const hasScalars = ({ scalarOffsets }: KernelEncoding): boolean => scalarOffsets.length > 0;

/** A buffer for the uniforms and the `size` numbers of an upload, in which values can start at `dataOffset / 4`. */
export function uploadBuffer(device: GpuDevice, encodings: readonly KernelEncoding[], size: number): UploadBuffer {
  const dataOffset = strideOf(device, encodings) * encodings.filter(hasScalars).length;
  const usage = USAGE.uniform | USAGE.storage | USAGE.copySource | USAGE.copyTarget;
  return { buffer: device.createBuffer({ size: Math.max(16, dataOffset + 4 * size), usage }), dataOffset };
}

/** The dispatches, ready to be submitted any number of times. */
export class Replay {
  /** What is uploaded with the next replay: uniforms, then numbers. It may change until `run` begins. */
  readonly dispatches: number;
  private readonly device: GpuDevice;
  private readonly buffers: Buffers;
  private readonly plan: ReplayPlan;
  private readonly groups: readonly object[];
  /** Uniforms of the steps with scalars, as they were recorded. */
  private readonly uniforms: Uint8Array;
  /** Where the uniforms of each step are in the upload; null for steps without scalars. */
  private readonly uniformsAt: readonly (number | null)[];
  private readonly staging: readonly { readonly offset: number; readonly bytes: number }[];
  private readonly stagingBytes: number;
  private readonly freeBlocks: Uint8Array<ArrayBuffer>[] = [];

  constructor(device: GpuDevice, plan: ReplayPlan, upload: UploadBuffer) {
    this.device = device;
    this.plan = plan;
    this.dispatches = plan.steps.length;
    const encodings = plan.steps.map(({ encoding }) => encoding);
    const stride = strideOf(device, encodings);
    const fixed = new Uint8Array(Math.max(16, stride * encodings.filter((one) => !hasScalars(one)).length));
    this.uniforms = new Uint8Array(upload.dataOffset);
    let [atFixed, atUpload, read] = [0, 0, 0];
    this.staging = plan.reads.map(({ size }) => {
      const offset = read;
      read += 4 * size;
      return { offset, bytes: 4 * size };
    });
    this.stagingBytes = read;
    this.buffers = {
      fixed: device.createBuffer({ size: fixed.length, usage: USAGE.uniform | USAGE.copyTarget }),
      upload,
      staging: device.createBuffer({ size: Math.max(16, read), usage: USAGE.mapRead | USAGE.copyTarget }),
    };
    const uniformsAt: (number | null)[] = [];
    this.groups = plan.steps.map((step) => {
      const { params } = step.encoding;
      const varies = hasScalars(step.encoding);
      const offset = varies ? atUpload : atFixed;
      (varies ? this.uniforms : fixed).set(params, offset);
      uniformsAt.push(varies ? offset : null);
      if (varies) atUpload += stride;
      else atFixed += stride;
      return this.bind(step, { buffer: varies ? upload.buffer : this.buffers.fixed, offset, size: params.length });
    });
    this.uniformsAt = uniformsAt;
    device.queue.writeBuffer(this.buffers.fixed, 0, fixed);
  }

  private bind({ encoding, arrays, result }: ReplayStep, uniforms: BufferBinding): object {
    const { buffer, dataOffset } = this.buffers.upload;
    const data = { buffer, offset: dataOffset, size: buffer.size - dataOffset };
    const all = [
      uniforms,
      ...arrays.map((place) => (place === 'upload' ? data : { buffer: place })),
      { buffer: result },
    ];
    const entries = all.map((resource, binding) => ({ binding, resource }));
    return this.device.createBindGroup({ layout: encoding.layout, entries });
  }

  /** A block for the next upload, with the uniforms as they were recorded. */
  takeBlock(): UploadBlock {
    const bytes = this.freeBlocks.pop() ?? new Uint8Array(this.buffers.upload.buffer.size);
    bytes.set(this.uniforms);
    return new UploadBlock(bytes, this.buffers.upload.dataOffset, (step, scalar) => {
      const at = this.uniformsAt[step];
      return at == null ? null : at + this.plan.steps[step]!.encoding.scalarOffsets[scalar]!;
    });
  }

  /** Uploads a block, runs all steps, and returns what is read. */
  async run({ bytes }: UploadBlock): Promise<Float32Array[]> {
    const { device, plan, buffers } = this;
    device.queue.writeBuffer(buffers.upload.buffer, 0, bytes);
    this.freeBlocks.push(bytes);
    const encoder = device.createCommandEncoder();
    for (const { from, to } of plan.moves) encoder.copyBufferToBuffer(from, 0, to, 0, to.size);
    this.encode(encoder);
    for (const [i, { place, start }] of plan.reads.entries()) {
      const { offset, bytes: count } = this.staging[i]!;
      const [from, begin] = place === 'upload' ? [buffers.upload.buffer, buffers.upload.dataOffset] : [place, 0];
      encoder.copyBufferToBuffer(from, begin + 4 * start, buffers.staging, offset, count);
    }
    for (const { from, to } of plan.copies) encoder.copyBufferToBuffer(from, 0, to, 0, to.size);
    device.queue.submit([encoder.finish()]);
    return this.read();
  }

  private encode(encoder: CommandEncoder): void {
    const { steps } = this.plan;
    const pass = encoder.beginComputePass();
    let last: object | null = null;
    for (let i = 0; i < steps.length; i++) {
      const { pipeline, groups } = steps[i]!.encoding;
      if (pipeline !== last) {
        pass.setPipeline(pipeline);
        last = pipeline;
      }
      pass.setBindGroup(0, this.groups[i]!);
      pass.dispatchWorkgroups(groups[0], groups[1], groups[2]);
    }
    pass.end();
  }

  private async read(): Promise<Float32Array[]> {
    const { staging } = this.buffers;
    if (this.stagingBytes === 0) return [];
    await staging.mapAsync(MAP_READ, 0, this.stagingBytes);
    const all = concatenate([new Float32Array(staging.getMappedRange(0, this.stagingBytes))]);
    staging.unmap();
    return this.staging.map(({ offset, bytes }) => all.slice(offset / 4, (offset + bytes) / 4));
  }

  /** Destroys the buffers that only this replay uses. The upload buffer is not one of them: values may be in it. */
  destroy(): void {
    this.buffers.fixed.destroy();
    this.buffers.staging.destroy();
  }
}

/** What one replay uploads. */
export class UploadBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  private readonly numbers: Float32Array;
  private readonly view: DataView;
  private readonly placeOf: (step: number, scalar: number) => number | null;

  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    dataOffset: number,
    placeOf: (step: number, scalar: number) => number | null,
  ) {
    this.bytes = bytes;
    this.numbers = new Float32Array(bytes.buffer, dataOffset);
    this.view = new DataView(bytes.buffer);
    this.placeOf = placeOf;
  }

  /** Writes numbers from `start` on, and returns the part that has them. */
  setNumbers(start: number, numbers: ArrayLike<number>): Float32Array {
    this.numbers.set(numbers, start);
    return this.numbers.subarray(start, start + numbers.length);
  }

  setScalars(step: number, scalars: readonly number[]): void {
    for (const [i, scalar] of scalars.entries()) this.view.setFloat32(this.placeOf(step, i)!, scalar, true);
  }
}
