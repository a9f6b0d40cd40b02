/** Kernels that are compiled, and kept. */
import type { Device, GpuKernel } from '../device/device.js';
import type { Program } from '../shaders/program.js';

/** Compiled kernels that are kept; the one that was not used for longest goes first. */
const MOST_KERNELS = 1024;

interface Compiled {
  readonly kernel: GpuKernel;
  /** Of its output, now. */
  size: string;
}

export class CompiledKernels {
  private readonly device: Device;
  private readonly compiled: () => void;
  private readonly kernels = new Map<string, Compiled>();
  private readonly names = new WeakMap<Program, string>();

  /** `compiled` is called for each one. */
  constructor(device: Device, compiled: () => void) {
    this.device = device;
    this.compiled = compiled;
  }

  /** The kernel of a text, ready for its output. `kinds`: of each array, whether it is a texture of fours or of single numbers. */
  of(text: Program, how: { readonly kinds?: string; readonly fromHere?: true; readonly stays: boolean }): GpuKernel {
    const { fromHere = false, stays } = how;
    const kinds = (this.device.fours === 'textures' && how.kinds) || '';
    const key = `${kinds}${stays ? '' : 'read '}${fromHere ? 'upload ' : ''}${this.nameOf(text)}`;
    const size = text.output.join('x');
    const known = this.kernels.get(key);
    if (known) {
      this.kernels.delete(key); // it is now the one that was used last
      this.kernels.set(key, known);
      if (known.size !== size) known.kernel.resize(text.output);
      known.size = size;
      return known.kernel;
    }
    const kernel = this.device.compile(text, { stays, fromHere, kinds });
    this.compiled();
    this.kernels.set(key, { kernel, size });
    if (this.kernels.size > MOST_KERNELS) {
      const [oldest, unused] = this.kernels.entries().next().value!;
      this.kernels.delete(oldest);
      unused.kernel.destroy();
    }
    return kernel;
  }

  /** What tells the kernels of texts apart: of one that serves every size, not the size. */
  nameOf(text: Program): string {
    let name = this.names.get(text);
    if (name === undefined) {
      const size = text.sizes && this.device.resizes(text.output) ? text.output.length : text.output.join('x');
      name = `${size} ${text.arrays} ${text.fours ?? ''} ${text.also ?? ''} ${text.wgsl?.body ?? ''} ${text.body}`;
      this.names.set(text, name);
    }
    return name;
  }

  dispose(): void {
    for (const { kernel } of this.kernels.values()) kernel.destroy();
    this.kernels.clear();
  }
}
