/** The modules that travel inside the package, deflated and in base64, and which of them this engine can run. */
import { Heap } from './heap.js';

/**
 * Which instructions the module uses: `simd` multiplies and adds; `relaxed` does both in one; `revec` does too, with tiles
 * that pay where V8 fuses pairs of vectors (`revectorize` in unspool/node).
 */
export type WasmVariant = 'simd' | 'relaxed' | 'revec';

/** Each is a file of its own, so that a page loads none but the one that it runs. */
const load: Partial<Record<WasmVariant, () => Promise<{ readonly deflated: string }>>> = {
  simd: () => import('./generated/simd.js'),
  relaxed: () => import('./generated/relaxed.js'),
};
const modules = new Map<WasmVariant, Promise<WebAssembly.Module>>();

/** `revec` is added by who needs it, so that no page has to carry it. */
export function addModule(variant: WasmVariant, deflated: string): void {
  load[variant] = async () => ({ deflated });
}

/** Compiled once, whoever asks. */
export function moduleOf(variant: WasmVariant): Promise<WebAssembly.Module> {
  let compiled = modules.get(variant);
  if (!compiled) modules.set(variant, (compiled = compile(variant)));
  return compiled;
}

async function compile(variant: WasmVariant): Promise<WebAssembly.Module> {
  const { deflated } = await load[variant]!();
  return WebAssembly.compile(await inflate(deflated));
}

/** By Node's zlib where there is one: to load its web streams and `Response` would take longer than all else here. */
async function inflate(base64: string): Promise<BufferSource> {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  const zlib = globalThis.process?.getBuiltinModule?.('node:zlib');
  if (zlib) return zlib.inflateSync(bytes);
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(inflated).arrayBuffer();
}

/** The smallest modules that use `i8x16.popcnt` and `i8x16.relaxed_swizzle`: () -> v128. */
const HEAD = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10];
const PROBES = {
  simd: [...HEAD, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  relaxed: [...HEAD, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
};

let found: WasmVariant | null | undefined;

/** The variant that is used here: the best one that this engine runs, or null where it has no WebAssembly SIMD. */
export function wasmVariant(): WasmVariant | null {
  if (found === undefined) {
    const runs = (probe: readonly number[]): boolean => WebAssembly.validate(Uint8Array.from(probe));
    found = !Heap.isPossible() ? null : runs(PROBES.relaxed) ? 'relaxed' : runs(PROBES.simd) ? 'simd' : null;
  }
  return found;
}

/** Makes `variant` the one that is used from now on. */
export function useVariant(variant: WasmVariant): void {
  found = variant;
}
