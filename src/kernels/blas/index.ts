/**
 * The backend `blas`: the wasm backend with the large matrix products of a native library, through the package koffi, which Node, Deno
 * and Bun load.
 */
import type { Kernels } from '../../contract/kernels.js';
import { invalidSetting } from '../../errors.js';
import { findKoffi, type Koffi, keepLoaded, loadKoffi } from '../../native/koffi.js';
import type { CreateOptions } from '../shared/backend.js';
import type { Extension } from '../wasm/host.js';
import { startWasm, type WasmOptions, type WasmVariant, wasmProblem, wasmVariant } from '../wasm/index.js';
import { CommandWord } from '../wasm/layout.js';
import { type BlasLibrary, cannot, findBlas, libraryPaths, SGEMM } from './library.js';
import { type OpenSettings, openSgemm } from './open.js';
import { probe } from './probe.js';
import { MIN_PRODUCT, products } from './products.js';
import { gainOf, verify } from './verify.js';

/** Options of the blas backend. */
export interface BlasOptions extends Omit<WasmOptions, 'extension'> {
  /** The path of koffi. Default: the one that is installed. */
  readonly koffi?: string | undefined;
  /** Paths of libraries, of which the first that can be used is taken. Default: the usual places. */
  readonly libraries?: readonly string[] | undefined;
  /** The multiply-adds from which the library computes a product. */
  readonly minimum?: number;
}

/** The gain from which a library is worth using: a smaller one is lost in the noise of a trial. */
const WORTHWHILE = 1.05;

/** The gain of each library over each variant. Its products are compared and timed once in a process. */
const gains = new Map<string, number>();

/** The registry's function: throws `INVALID_SETTING` if koffi or the library is missing, or the library is refused. */
export const createBlas = ({ threads, fallsBack }: CreateOptions): Promise<Kernels> =>
  startBlas({ threads, fallsBack });

/** Creates the backend. LSTM variants need `loadVariants`, as with `startWasm`. */
export async function startBlas(options: BlasOptions = {}): Promise<Kernels> {
  const { koffi = findKoffi(), libraries, minimum = MIN_PRODUCT, ...others } = options;
  const variant = wasmVariant();
  if (variant === null) throw invalidSetting('backend', wasmProblem()!, 'Use reference.');
  const { env = {}, platform = '', versions } = globalThis.process ?? {};
  if (!versions?.node) {
    throw cannot('needs Node.js, Deno or Bun: it calls a native library through koffi.', 'Use backend: "wasm".');
  }
  if (!koffi) throw cannot('cannot be used: the package koffi is not installed.');
  const library = openLibrary(koffi, libraries ?? libraryPaths(platform, env));
  if ((others.threads ?? 1) > 1 && !library.isConcurrent) {
    const problem = `has ${library.title} in a build that only one thread may call: ${library.path}.`;
    throw cannot(problem, 'Use threads: 1, or install a build with threads (Debian: libopenblas0-pthread).');
  }
  const settings = {
    koffi,
    library: library.path,
    settings: library.settings,
    ...SGEMM,
    arguments: CommandWord.integers,
  };
  const key = `${library.path} ${variant}`;
  if (!gains.has(key)) gains.set(key, await gainOn(variant, settings, library.title));
  const gain = gains.get(key)!;
  const kernels = await startWasm(variant, { ...others, extension: extensionOf(settings, minimum) });
  const { loadVariants } = kernels;
  return Object.assign(kernels, {
    native: { library: library.title, gain, isWorthwhile: gain >= WORTHWHILE },
    async loadVariants() {
      await loadVariants!();
      // The library rounds fewer rows in another way, so none may be left out.
      Object.assign(kernels, { partialRows: undefined });
    },
  });
}

function openLibrary(path: string, paths: readonly string[]): BlasLibrary {
  let koffi: Koffi;
  try {
    koffi = loadKoffi(path).koffi;
  } catch (error) {
    const [reason] = String((error as Error).message).split('\n');
    throw cannot(`cannot load koffi (${reason}).`); // it has no build for this system, for example
  }
  const library = findBlas(koffi, paths);
  keepLoaded(koffi, library.path); // its own threads, which sleep
  return library;
}

/** @param keep is given the instructions of the wasm backend. */
function extensionOf(settings: OpenSettings, minimum: number, keep?: (wasm: Kernels) => void): Extension<OpenSettings> {
  return {
    settings,
    host: (memory) => openSgemm(settings, memory),
    open: openSgemm,
    replace(context, wasm) {
      keep?.(wasm);
      return { name: 'blas', ...products(context, wasm, minimum) };
    },
  };
}

/**
 * The gain of a library, measured on a backend that is then ended. Throws `INVALID_SETTING` if it crashes or its products are wrong.
 */
async function gainOn(variant: WasmVariant, settings: OpenSettings, title: string): Promise<number> {
  await probe(settings, title);
  let wasm!: Kernels;
  const keep = (own: Kernels): void => {
    wasm = own;
  };
  const kernels = await startWasm(variant, { extension: extensionOf(settings, MIN_PRODUCT, keep) });
  try {
    verify(kernels, kernels, wasm, title);
    return gainOf(kernels, kernels, wasm);
  } finally {
    kernels.dispose();
  }
}
