/**
 * A WebGPU device in JavaScript, strict as one is, for replays: buffers with usages, copies, bind groups and dispatches. The GPU
 * backend runs over it as over gpu.js on WebGPU, so what records, repeats and frees is tested without a driver.
 */
import type { Kernels } from '../../src/contract/kernels.js';
import { kernelSource } from '../../src/kernels/gpu/device/compile.js';
import type { Device, GpuKernel, PlanSupport } from '../../src/kernels/gpu/device/device.js';
import type { GpuInstance, Pipeline as GpuPlan } from '../../src/kernels/gpu/device/gpu-js.js';
import type {
  BufferBinding,
  CommandEncoder,
  ComputePass,
  GpuBuffer,
  GpuDevice,
} from '../../src/kernels/gpu/device/webgpu-api.js';
import { computing } from '../../src/kernels/gpu/instructions/computing.js';
import { memory } from '../../src/kernels/gpu/instructions/memory.js';
import { Executor, type GpuTestOptions } from '../../src/kernels/gpu/record/executor.js';
import { Recorder } from '../../src/kernels/gpu/record/recorder.js';
import type { Program } from '../../src/kernels/gpu/shaders/program.js';
import { traced, tracerOf } from '../../src/kernels/gpu/traced.js';
import { compiled } from './interpreted.js';

const [MAP_READ, COPY_SOURCE, COPY_TARGET, UNIFORM, STORAGE] = [1, 4, 8, 0x40, 0x80] as const;
/** What gpu.js gives its results: they cannot be copied to. */
const OF_RESULTS = STORAGE | COPY_SOURCE;
const UNIFORM_ALIGNMENT = 256;

function require(holds: boolean, what: string): void {
  if (!holds) throw new Error(`WebGPU: ${what}`);
}

class Buffer implements GpuBuffer {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly usage: number;
  destroyed = false;
  mapped = false;
  private readonly alive: Set<Buffer>;

  constructor(size: number, usage: number, alive: Set<Buffer>) {
    require(size >= 4 && size % 4 === 0, `a buffer of ${size} bytes`);
    this.bytes = new Uint8Array(size);
    this.usage = usage;
    this.alive = alive;
    alive.add(this);
  }

  get size(): number {
    return this.bytes.length;
  }

  get numbers(): Float32Array {
    return new Float32Array(this.bytes.buffer);
  }

  /** The buffer, which must be usable for this. */
  for(usage: number, what: string): this {
    require(!this.destroyed, `a destroyed buffer is ${what}`);
    require(!this.mapped, `a mapped buffer is ${what}`);
    require((this.usage & usage) === usage, `a buffer of usage ${this.usage} is ${what}`);
    return this;
  }

  destroy(): void {
    require(!this.destroyed, 'a buffer is destroyed twice');
    this.destroyed = true;
    this.alive.delete(this);
  }

  async mapAsync(mode: number, offset: number, size: number): Promise<void> {
    this.for(MAP_READ, 'mapped');
    require(mode === 1 && offset === 0 && size > 0 && size <= this.size, `mapping ${offset} to ${offset + size}`);
    await new Promise(setImmediate);
    this.mapped = true;
  }

  getMappedRange(offset: number, size: number): ArrayBuffer {
    require(this.mapped && offset + size <= this.size, 'a range that is not mapped');
    return this.bytes.buffer.slice(offset, offset + size);
  }

  unmap(): void {
    require(this.mapped, 'a buffer is unmapped that is not mapped');
    this.mapped = false;
  }
}

/** A result of a kernel. */
interface Result {
  readonly buffer: Buffer;
  delete(): void;
}

/** A program as gpu.js compiles it. It serves all output sizes. */
class Pipeline {
  private readonly body: ReturnType<typeof compiled>;
  readonly program: Program;

  constructor(program: Program) {
    this.program = program;
    this.body = compiled(kernelSource(program, 'columns and rows'), 0, () => {});
  }

  get lanes(): number {
    return this.program.vec4Output ? 4 : 1;
  }

  run([width, height]: readonly number[], args: readonly unknown[]): Float32Array<ArrayBuffer> {
    const result = new Float32Array(width! * height! * this.lanes);
    const self = { thread: { x: 0, y: 0 } };
    for (let at = 0; at < width! * height!; at++) {
      self.thread.x = at % width!;
      self.thread.y = Math.floor(at / width!);
      const found = this.body.apply(self, args as unknown[]);
      result.set(typeof found === 'number' ? [found] : found, at * this.lanes);
    }
    return result;
  }
}

interface Group {
  readonly layout: object;
  readonly resources: readonly BufferBinding[];
}

/** What the device has done. */
export interface DeviceCounts {
  dispatches: number;
  pipelines: number;
  copies: number;
  submits: number;
}

class FakeDevice implements GpuDevice {
  readonly limits = { minUniformBufferOffsetAlignment: UNIFORM_ALIGNMENT };
  readonly alive = new Set<Buffer>();
  readonly counts: DeviceCounts = { dispatches: 0, pipelines: 0, copies: 0, submits: 0 };
  readonly queue = {
    writeBuffer: (buffer: GpuBuffer, offset: number, data: ArrayBufferView) => {
      const to = (buffer as Buffer).for(COPY_TARGET, 'written');
      require(offset + data.byteLength <= to.size, 'more is written than a buffer has');
      to.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    },
    submit: (commands: readonly object[]) => {
      this.counts.submits++;
      for (const command of commands) (command as () => void)();
    },
  };

  createBuffer({ size, usage }: { readonly size: number; readonly usage: number }): Buffer {
    return new Buffer(size, usage, this.alive);
  }

  createBindGroup({ layout, entries }: Parameters<GpuDevice['createBindGroup']>[0]): Group {
    require(entries.every(({ binding }, i) => binding === i), 'bindings out of order');
    const resources = entries.map(({ resource }) => resource);
    const [uniforms, ...arrays] = resources;
    (uniforms!.buffer as Buffer).for(UNIFORM, 'bound as uniforms');
    require(uniforms!.offset! % UNIFORM_ALIGNMENT === 0, `uniforms at ${uniforms!.offset}`);
    for (const { buffer, offset = 0, size = buffer.size - offset } of resources) {
      require(size > 0 && offset + size <= buffer.size, 'a binding beyond its buffer');
    }
    for (const { buffer, offset = 0 } of arrays) {
      (buffer as Buffer).for(STORAGE, 'bound as an array');
      require(offset % UNIFORM_ALIGNMENT === 0, `an array at ${offset}`);
    }
    const result = resources.at(-1)!;
    require(!resources.slice(0, -1).some(({ buffer }) => buffer === result.buffer), 'a result that is read as well');
    return { layout, resources };
  }

  createCommandEncoder(): CommandEncoder {
    const commands: (() => void)[] = [];
    let ended = true;
    return {
      copyBufferToBuffer: (from, fromOffset, to, toOffset, bytes) => {
        require(ended, 'a copy in a pass');
        require(from !== to, 'a copy within a buffer');
        commands.push(() => {
          this.counts.copies++;
          const source = (from as Buffer).for(COPY_SOURCE, 'copied');
          const target = (to as Buffer).for(COPY_TARGET, 'copied to');
          require(fromOffset + bytes <= source.size && toOffset + bytes <= target.size, 'a copy beyond a buffer');
          target.bytes.set(source.bytes.subarray(fromOffset, fromOffset + bytes), toOffset);
        });
      },
      beginComputePass: () => {
        ended = false;
        return this.pass(commands, () => {
          ended = true;
        });
      },
      finish: () => {
        require(ended, 'a pass that does not end');
        return () => {
          for (const command of commands) command();
        };
      },
    };
  }

  private pass(commands: (() => void)[], end: () => void): ComputePass {
    let [pipeline, group]: [Pipeline | null, Group | null] = [null, null];
    return {
      setPipeline: (next) => {
        this.counts.pipelines++;
        pipeline = next as Pipeline;
      },
      setBindGroup: (index, next) => {
        require(index === 0, `group ${index}`);
        group = next as Group;
      },
      dispatchWorkgroups: (x, y, z) => {
        require(z === 1, 'a third dimension');
        const [of, own] = [pipeline!, group!];
        commands.push(() => this.dispatch(of, own, [x, y]));
      },
      end,
    };
  }

  private dispatch(pipeline: Pipeline, { layout, resources }: Group, groups: readonly number[]): void {
    this.counts.dispatches++;
    require(layout === pipeline, 'a group of another pipeline');
    const [uniforms, ...bound] = resources.map(({ buffer, offset = 0, size = buffer.size - offset }) =>
      (buffer as Buffer).for(0, 'used').bytes.subarray(offset, offset + size),
    );
    const arrays = bound
      .slice(0, -1)
      .map((bytes) => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4));
    const params = new Float32Array(uniforms!.slice().buffer);
    require(groups[0] === params[0] && groups[1] === params[1], 'groups of another size');
    const found = pipeline.run(groups, [...arrays, ...params.subarray(2)]);
    bound.at(-1)!.set(new Uint8Array(found.buffer));
  }
}

/** What gpu.js makes of plans: it runs them, or refuses to. */
export interface PlanCounts {
  readonly log: string[];
  compiled: number;
  ran: number;
}

class Input {
  readonly values: Float32Array;
  constructor(values: Float32Array, size: readonly number[]) {
    require(size.length === 1 && size[0] === values.length, `an input of ${size}`);
    this.values = values;
  }
}

/** Plans of gpu.js whose kernels are JavaScript. */
function planSupportOf(refusal: string | null, maxNumbers: number, counts: PlanCounts): PlanSupport {
  const createKernel = (source: string, { output }: { readonly output: readonly number[] }) => {
    const name = `kernel ${++counts.compiled}`;
    const body = compiled(source, 0, () => {});
    const kernel = (...args: unknown[]): Float32Array => {
      const [width, height = 1] = output as [number, number?];
      const given = args.map((arg) => (arg instanceof Input ? arg.values : arg));
      return Float32Array.from(
        { length: width * height },
        (_, at) => body.apply({ thread: { x: at % width, y: Math.floor(at / width) } }, given) as number,
      );
    };
    return Object.assign(kernel, { destroy: () => counts.log.push(`destroy ${name}`) });
  };
  let plans = 0;
  const createPipeline = (orchestrate: (...args: unknown[]) => unknown): GpuPlan => {
    const name = `plan ${++plans}`;
    counts.log.push(name);
    const run = async (...args: unknown[]) => {
      require(args.length === orchestrate.length, `${args.length} arguments of ${orchestrate.length}`);
      counts.ran++;
      const results = orchestrate(...args) as Float32Array[];
      // gpu.js returns a result of two dimensions as rows
      return results.map((all) =>
        all.length % 3 === 0 ? [all.slice(0, all.length / 3), all.slice(all.length / 3)] : all,
      );
    };
    const destroy = async () => void counts.log.push(`destroy ${name}`);
    const kind = refusal === null ? 'fused-encoder' : 'generic';
    return Object.assign(run, { executorKind: kind, fallbackReason: refusal, destroy }) as unknown as GpuPlan;
  };
  const gpu = { createKernel, createPipeline } as unknown as GpuInstance;
  return { gpu, Input, threads: 'columns and rows', maxNumbers };
}

/** What a test chooses of the device. */
export interface FakeOptions {
  /** Whether gpu.js makes plans; a text: why it refuses to. */
  readonly plans?: boolean | string;
  /** Numbers that a plan may move. */
  readonly maxNumbers?: number;
  readonly isLost?: () => boolean;
}

/** The device of the GPU backend over it. */
export function replayingDevice({ plans = false, maxNumbers = 2 ** 18, isLost = () => false }: FakeOptions = {}) {
  const gpu = new FakeDevice();
  const planned: PlanCounts = { log: [], compiled: 0, ran: 0 };
  const seen = { compiled: 0, kernels: 0, uploads: 0, reads: 0 };
  const resultOf = (buffer: Buffer): Result => ({ buffer, delete: () => buffer.destroy() });
  const device: Device = {
    info: { mode: 'webgpu', adapter: 'none', maxBufferBytes: Number.POSITIVE_INFINITY },
    vec4: 'results',
    ...{ maxArrays: 7, maxBlocks: 8, maxRows: 65_535, saturatingThreads: 64, fusesSums: false },
    resizes: () => true,
    compile(program, { resident, fromHost }): GpuKernel {
      const pipeline = new Pipeline(program);
      seen.compiled++;
      let size: readonly number[] = program.output;
      let params = new Float32Array();
      return {
        resize: (output) => {
          size = output;
        },
        destroy() {},
        run(args) {
          const count = program.arrays.length;
          const arrays = args
            .slice(0, count)
            .map((arg) => (fromHost ? arg : (arg as Result).buffer.for(STORAGE, 'read').numbers));
          const grid = [size[0]!, size[1] ?? 1];
          const rest = args.slice(count) as number[];
          params = Float32Array.from([...grid, ...rest]);
          const found = pipeline.run(grid, [...arrays, ...params.subarray(2)]);
          if (!resident) seen.reads++;
          else if (fromHost) seen.uploads++;
          else seen.kernels++;
          if (!resident) return Float32Array.from([...found, Number.NaN]); // a texture may have more numbers
          const buffer = new Buffer(4 * found.length, OF_RESULTS, gpu.alive);
          buffer.numbers.set(found);
          return resultOf(buffer);
        },
        encoding: () => ({
          ...{ pipeline, layout: pipeline, params: new Uint8Array(params.slice().buffer) },
          scalarOffsets: program.scalars.map((_, i) => 4 * (params.length - program.scalars.length + i)),
          groups: [params[0]!, params[1]!, 1],
          resultBytes: 4 * pipeline.lanes * params[0]! * params[1]!,
        }),
      };
    },
    planSupport: plans === false ? null : planSupportOf(plans === true ? null : plans, maxNumbers, planned),
    replaySupport: { device: gpu, handle: (buffer) => resultOf(buffer as Buffer) },
    requireAlive() {},
    async watched(act) {
      if (isLost()) throw new Error('lost');
      return act();
    },
    dispose() {},
  };
  return { device, gpu, planned, seen };
}

/** The GPU backend over that device, with its executor. */
export function replaying(options?: GpuTestOptions, fake?: FakeOptions) {
  const { device, ...rest } = replayingDevice(fake);
  const executor = new Executor(device, options);
  const recorder = new Recorder(executor);
  const { instructions, freeAll } = memory(recorder);
  const all = { ...instructions, ...computing(recorder) };
  const tracer = executor.replays ? tracerOf(recorder, all) : null;
  const dispose = (): void => {
    tracer?.dispose();
    freeAll();
    recorder.runs.close(() => executor.dispose());
  };
  const description = { name: 'gpu', variant: 'webgpu', precision: 'float32', dispose } as const;
  const kernels: Kernels = { ...description, ...all, ...(tracer && traced(tracer, all)) };
  return { kernels, executor, recorder, ...rest };
}
