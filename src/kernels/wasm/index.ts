/**
 * The wasm backend: the instructions in SIMD WebAssembly, float32. It runs wherever WebAssembly has SIMD and shared memory:
 * Node, Deno, Bun and browsers. The kernels are in assembly/ (AssemblyScript); instructions/ passes them addresses.
 */
import type { Kernels } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import { instantiate, moduleOf, type WasmVariant } from './binaries.js';
import { createContext, THRESHOLDS, type Thresholds } from './context.js';
import type { VariantExports, WasmExports } from './exports.js';
import { Heap } from './heap.js';
import type { Extension } from './host.js';
import { cell } from './instructions/cell.js';
import { elements } from './instructions/elements.js';
import { losses } from './instructions/losses.js';
import { memory } from './instructions/memory.js';
import { products } from './instructions/products.js';
import { rows } from './instructions/rows.js';
import { updates } from './instructions/updates.js';
import { SingleThread } from './threads/single.js';
import type { variantInstructions } from './variants.js';

export { useVariant, type WasmVariant, wasmProblem, wasmVariant } from './binaries.js';

/** Options of the wasm backend. */
export interface WasmOptions {
  /** Number of threads that share the work, including this one. Default 1. */
  readonly threads?: number;
  /** Whether this thread works alone if the others cannot start. Default false: that is an error. */
  readonly fallsBack?: boolean;
  /** Sizes from which threads always share an instruction. For tests. Default: those of `THRESHOLDS`, while sharing is faster. */
  readonly thresholds?: Thresholds;
  /** Maximum size of the memory in bytes, in whole pages of 64 KiB. Default and maximum: 4 GiB. */
  readonly capacity?: number;
  /** What a backend over this one adds. */
  readonly extension?: Extension | undefined;
}

type VariantInstructions = ReturnType<typeof variantInstructions>;

/** Instructions that throw until `loadVariants` has replaced them. */
function notLoaded(): VariantInstructions {
  const names =
    'cellState cellStateGrad cellOutput cellOutputGrad layerNorm layerNormGrad bernoulli addNormals ctc'.split(' ');
  const refuse = (): never => {
    throw invalidSetting(
      'kernels',
      `must have loaded ${names.join(', ')}.`,
      'Call await kernels.loadVariants() first.',
    );
  };
  return Object.fromEntries(names.map((name) => [name, refuse])) as unknown as VariantInstructions;
}

/** Creates a wasm backend with its own memory, with all instructions. */
export async function createWasm(variant: WasmVariant, options?: WasmOptions): Promise<Kernels> {
  const kernels = await startWasm(variant, options);
  await kernels.loadVariants?.();
  return kernels;
}

/** As `createWasm`, but without the instructions of LSTM variants until `loadVariants` is called. */
export async function startWasm(variant: WasmVariant, options: WasmOptions = {}): Promise<Kernels> {
  const { threads: size = 1, thresholds = THRESHOLDS, capacity, extension } = options;
  const module = await moduleOf(variant);
  const heap = new Heap(capacity);
  const wasm = await instantiate<WasmExports>(module, heap.memory, extension?.host(heap.memory));
  const scratch = heap.alloc(4 * wasm.scratchFloats());
  const single = new SingleThread(heap, wasm, scratch);
  const threads =
    size > 1
      ? new (await import('./threads/pool.js')).ThreadPool(heap, wasm, module, {
          ...options,
          size,
          scratch,
          single,
        })
      : single;
  const context = createContext(heap, wasm, threads, thresholds);
  let loading: Promise<void> | null = null;
  const loadVariants = async (): Promise<void> => {
    const { variantInstructions } = await import('./variants.js');
    const second = await moduleOf(`${variant}-variants`);
    Object.assign(kernels, variantInstructions(context, await instantiate<VariantExports>(second, heap.memory)));
  };
  const kernels: Kernels = {
    name: 'wasm',
    variant,
    get threads() {
      return threads.running;
    },
    get threadsReason() {
      return threads.problem ?? undefined;
    },
    precision: 'float32',
    dispose: () => threads.dispose(),
    ...memory(context, { overhead: heap.inUse, threads: size }),
    ...products(context),
    ...rows(context),
    ...elements(context),
    ...cell(context),
    ...losses(context),
    ...updates(context),
    ...notLoaded(),
    loadVariants: () => (loading ??= loadVariants()),
  };
  return Object.assign(kernels, extension?.replace(context, { ...kernels }));
}
