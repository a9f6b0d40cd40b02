/** Compiled kernels by program. */
import type { Device, GpuKernel } from '../device/device.js';
import type { Program } from '../shaders/program.js';
import { MAX_CACHED_KERNELS } from '../thresholds.js';

interface CachedKernel {
  readonly kernel: GpuKernel;
  /** Its present output size. */
  size: string;
}

/** How a program is compiled. */
interface KernelOptions {
  /** For each array: `f` if it is a texture of vec4 values, `s` if one of single numbers. */
  readonly kinds?: string;
  /** The array comes from host memory. */
  readonly fromHost?: boolean;
  /** The result stays on the device. */
  readonly resident: boolean;
}

/** Compiled kernels, the most recently used ones. */
export class KernelCache {
  private readonly device: Device;
  private readonly onCompile: () => void;
  private readonly kernels = new Map<string, CachedKernel>();
  private readonly names = new WeakMap<Program, string>();

  /** `onCompile` is called for each kernel that is compiled. */
  constructor(device: Device, onCompile: () => void) {
    this.device = device;
    this.onCompile = onCompile;
  }

  /** The kernel of a program, resized to the program's output. */
  get(program: Program, { kinds = '', fromHost = false, resident }: KernelOptions): GpuKernel {
    const arrayKinds = this.device.vec4 === 'textures' ? kinds : '';
    const key = `${arrayKinds}${resident ? '' : 'read '}${fromHost ? 'upload ' : ''}${this.nameOf(program)}`;
    const size = program.output.join('x');
    const cached = this.kernels.get(key);
    if (cached) {
      this.kernels.delete(key); // move it to the end: it is now the most recently used
      this.kernels.set(key, cached);
      if (cached.size !== size) cached.kernel.resize(program.output);
      cached.size = size;
      return cached.kernel;
    }
    const kernel = this.device.compile(program, { resident, fromHost, kinds: arrayKinds });
    this.onCompile();
    this.kernels.set(key, { kernel, size });
    if (this.kernels.size > MAX_CACHED_KERNELS) {
      const [oldest, unused] = this.kernels.entries().next().value!;
      this.kernels.delete(oldest);
      unused.kernel.destroy();
    }
    return kernel;
  }

  /** Identifies the kernel of a program. If the kernel serves every output size, the name leaves the size out. */
  nameOf(program: Program): string {
    let name = this.names.get(program);
    if (name === undefined) {
      const { output, sizes, arrays, vec4Arrays, extraOutputs, wgsl, body } = program;
      const size = sizes && this.device.resizes(output) ? output.length : output.join('x');
      name = `${size} ${arrays} ${vec4Arrays ?? ''} ${extraOutputs ?? ''} ${wgsl?.body ?? ''} ${body}`;
      this.names.set(program, name);
    }
    return name;
  }

  dispose(): void {
    for (const { kernel } of this.kernels.values()) kernel.destroy();
    this.kernels.clear();
  }
}
