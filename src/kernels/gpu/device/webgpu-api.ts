/** The parts of WebGPU that replays call themselves. */

/** Memory on the device. */
export interface GpuBuffer {
  readonly size: number;
  destroy(): void;
  mapAsync(mode: number, offset: number, size: number): Promise<void>;
  getMappedRange(offset: number, size: number): ArrayBuffer;
  unmap(): void;
}

/** A part of a buffer that a shader reads or writes. */
export interface BufferBinding {
  readonly buffer: GpuBuffer;
  readonly offset?: number;
  readonly size?: number;
}

export interface ComputePass {
  setPipeline(pipeline: object): void;
  setBindGroup(index: number, group: object): void;
  dispatchWorkgroups(x: number, y: number, z: number): void;
  end(): void;
}

export interface CommandEncoder {
  beginComputePass(): ComputePass;
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, bytes: number): void;
  finish(): object;
}

export interface GpuDevice {
  readonly limits: { readonly minUniformBufferOffsetAlignment: number };
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, offset: number, data: ArrayBufferView): void;
    submit(commands: readonly object[]): void;
  };
  createBuffer(what: { readonly size: number; readonly usage: number }): GpuBuffer;
  createBindGroup(what: {
    readonly layout: object;
    readonly entries: readonly { readonly binding: number; readonly resource: BufferBinding }[];
  }): object;
  createCommandEncoder(): CommandEncoder;
}

/** `GPUBufferUsage`, which is a global only where WebGPU is one. */
export const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, uniform: 0x40, storage: 0x80 } as const;

/** `GPUMapMode.READ`. */
export const MAP_READ = 0x1;
